import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';
import { PlatformAuditController } from './platform-audit.controller.js';
import { PlatformAuditService } from './platform-audit.service.js';
import { OriginRetention } from './origin-retention.service.js';

@Module({
  controllers: [AuditController, PlatformAuditController],
  providers: [AuditService, OriginRetention, PlatformAuditService],
  exports: [AuditService],
})
export class AuditModule {}
