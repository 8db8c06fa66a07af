import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { CrmStatusService } from './crm-status.service.js';
import { CrmSyncController } from './crm-sync.controller.js';
import { CrmSyncJobs } from './crm-sync.jobs.js';
import { CrmSyncService } from './crm-sync.service.js';
import { DeadLetterRetention } from './dead-letter-retention.service.js';
import { DeadLetterService } from './dead-letter.service.js';
import { ReconciliationController } from './reconciliation.controller.js';
import { CrmReconciliationJobs } from './reconciliation.jobs.js';
import { CrmReconciliationService } from './reconciliation.service.js';
import { ReconciliationSettings } from './reconciliation.settings.js';

@Module({})
export class CrmSyncModule {
  static with(reconciliation: ReconciliationSettings): DynamicModule {
    return {
      module: CrmSyncModule,
      global: true,
      imports: [AuditModule],
      controllers: [CrmSyncController, ReconciliationController],
      providers: [
        { provide: ReconciliationSettings, useValue: reconciliation },
        CrmSyncService,
        CrmSyncJobs,
        CrmStatusService,
        DeadLetterService,
        DeadLetterRetention,
        CrmReconciliationService,
        CrmReconciliationJobs,
      ],
      exports: [CrmSyncService, CrmStatusService],
    };
  }
}
