import type { ConsentRecord, Purpose } from '../consent.js';

export type ConsentPage = { readonly items: readonly ConsentRecord[]; readonly nextCursor: string | null };

/** What guests decided. Records are added, and that is all that ever happens to them. */
export abstract class ConsentStore {
  /** Joins the current unit of work. */
  abstract add(record: ConsentRecord): Promise<void>;
  /**
   * What stands: the record with the latest `at`, of several with one `at` the one recorded last. Null when the guest never decided on this purpose.
   * Asked under the guest's lock, nobody can add another meanwhile.
   */
  abstract current(guestId: string, purpose: Purpose): Promise<ConsentRecord | null>;
  /** Null when this guest has no such record. */
  abstract find(guestId: string, id: string): Promise<ConsentRecord | null>;
  /** In the order of recording. A page stays stable while records are added. */
  abstract list(guestId: string, cursor: string | undefined, limit: number): Promise<ConsentPage>;
}
