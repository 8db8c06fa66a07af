import type { RepairPolicy } from './reconciliation.js';

/** How CRMs are compared with what they should hold. */
export abstract class ReconciliationSettings {
  /** From one to the next by schedule, in milliseconds; 0: only when asked for. */
  abstract readonly everyMs: number;
  abstract readonly pagesPerMinute: number;
  abstract readonly repair: RepairPolicy;
}
