import { Module } from '@nestjs/common';
import { AuditController } from './audit.controller.js';
import { AuditService } from './audit.service.js';
import { OriginRetention } from './origin-retention.service.js';

@Module({ controllers: [AuditController], providers: [AuditService, OriginRetention], exports: [AuditService] })
export class AuditModule {}
