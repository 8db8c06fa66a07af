export * from './audit.js';
export * from './ports/audit.store.js';
export * from './ports/platform-audit.js';
export { AuditService } from './audit.service.js';
export { AuditModule } from './audit.module.js';
export { EntriesQuery, entryView } from './audit.dto.js';
