import { AuditService } from '../../src/modules/audit/audit.service.js';
import { CrmStatusService } from '../../src/modules/crm-sync/crm-status.service.js';
import { CrmSyncService } from '../../src/modules/crm-sync/crm-sync.service.js';
import { DeadLetterService } from '../../src/modules/crm-sync/dead-letter.service.js';
import type { Crm } from '../../src/modules/crm-sync/ports/crm.js';
import type { RepairPolicy } from '../../src/modules/crm-sync/reconciliation.js';
import { CrmReconciliationService } from '../../src/modules/crm-sync/reconciliation.service.js';
import type { ProcessStorage } from '../storage/test-storage.js';

const HOUR_MS = 3_600_000;

/** What keeps CRMs in step, as one process has it on its storage. `all` is asked each time, so that a test can put another CRM in a place. */
export function crmServices(storage: ProcessStorage, all: () => readonly Crm[], repair: RepairPolicy = 'ask') {
  const { work, clock, crm: store } = storage;
  const crms = { all };
  const audit = new AuditService(storage.audit, storage.vault, work, clock);
  const sync = new CrmSyncService(store, crms, audit, work, clock);
  const reconciliation = new CrmReconciliationService(
    ...([storage.reconciliations, store, crms, sync, audit, work, clock] as const),
    { everyMs: HOUR_MS, pagesPerMinute: 60, repair },
  );
  return {
    sync,
    letters: new DeadLetterService(store, crms, sync, audit, work),
    status: new CrmStatusService(store, crms, clock),
    reconciliation,
  };
}
