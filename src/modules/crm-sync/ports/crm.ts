import type { CrmRecord, Verdict } from '../crm-sync.js';

/** One external CRM. */
export interface Crm {
  /** As in `CRMS`; stable, because what is delivered is remembered under it. */
  readonly id: string;
  /** Most records one call may carry. */
  readonly chunkSize: number;
  /**
   * Creates or updates records by `externalId`; sending a record again changes nothing. One verdict a record; what the answer
   * does not mention is tried again.
   * @throws AppError `refused` when the whole chunk was refused and repeating it will not help; `throttled` or `unavailable`
   *   when nothing is known about any record, so that all of them are tried again.
   */
  upsert(records: readonly CrmRecord[], idempotencyKey: string): Promise<Verdict[]>;
  /** Resolves when the CRM answers and accepts our credentials. */
  ping(): Promise<void>;
}

/** The CRMs that are switched on. */
export abstract class Crms {
  abstract all(): readonly Crm[];
}
