import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { CrmSyncJobs } from './crm-sync.jobs.js';
import { CrmSyncService } from './crm-sync.service.js';

@Module({ imports: [AuditModule], providers: [CrmSyncService, CrmSyncJobs], exports: [CrmSyncService] })
export class CrmSyncModule {}
