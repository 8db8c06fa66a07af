export { closedBreaker } from './breaker.js';
export type { Breaker } from './breaker.js';
export * from './crm-sync.js';
export * from './ports/crm.js';
export * from './ports/crm.store.js';
export { CrmSyncService } from './crm-sync.service.js';
export { CrmSyncModule } from './crm-sync.module.js';
