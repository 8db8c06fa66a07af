import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { CrmStatusService } from './crm-status.service.js';
import { CrmSyncJobs } from './crm-sync.jobs.js';
import { CrmSyncService } from './crm-sync.service.js';
import { DeadLetterRetention } from './dead-letter-retention.service.js';
import { DeadLetterService } from './dead-letter.service.js';

@Module({
  imports: [AuditModule],
  providers: [CrmSyncService, CrmSyncJobs, CrmStatusService, DeadLetterService, DeadLetterRetention],
  exports: [CrmSyncService],
})
export class CrmSyncModule {}
