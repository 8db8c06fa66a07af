import type { Drift, Reconciliation } from '../reconciliation.js';

/** What changes with one step; what is absent stays. `dueAt` null ends it. */
export type Progress = Partial<
  Pick<Reconciliation, 'state' | 'cursor' | 'pages' | 'records' | 'repaired' | 'code' | 'endedAt'>
> & { readonly dueAt: Date | null };

export type ReconciliationPage = { readonly items: Reconciliation[]; readonly nextCursor: string | null };
export type DriftPage = { readonly items: Drift[]; readonly nextCursor: string | null };

/** Reconciliations, where each stands and what it has found. The last 20 of a CRM are kept. */
export abstract class ReconciliationStore {
  /** False, and nothing begun, while another of this CRM is under way. */
  abstract begin(reconciliation: Reconciliation): Promise<boolean>;
  /** Leases the one of this CRM that is due, if there is one; the lease runs out by itself. */
  abstract claim(crm: string, leaseMs: number): Promise<Reconciliation | null>;
  /** Writes a step down if the lease is still ours; false if it is not, and then the unit of work must fail. Joins the current unit of work. */
  abstract advance(reconciliation: Reconciliation, progress: Progress): Promise<boolean>;
  /** What was found is counted once, however often it is found. Joins the current unit of work. */
  abstract addDrifts(id: string, drifts: readonly Drift[]): Promise<void>;
  /** Joins the current unit of work. */
  abstract markSeen(id: string, guestIds: readonly string[]): Promise<void>;
  /**
   * Up to `limit` guests whose record the CRM is believed to hold, in order behind `after`, and which of them it did not show.
   */
  abstract sweep(
    reconciliation: Reconciliation,
    after: string | null,
    limit: number,
  ): Promise<{ readonly unseen: string[]; readonly last: string | null }>;
  /** Whom it saw is forgotten. Joins the current unit of work. */
  abstract forgetSeen(id: string): Promise<void>;
  /** Makes it go on, as `repairing`; false unless it stands as `found`. Joins the current unit of work. */
  abstract beginRepair(id: string, at: Date): Promise<boolean>;
  /**
   * These records are sent again at once, of those that may still be sent, and are not refused. Answers with them. Joins the current unit
   * of work.
   */
  abstract resend(crm: string, guestIds: readonly string[]): Promise<string[]>;

  /** Null when there is none. */
  abstract find(id: string): Promise<Reconciliation | null>;
  /** The last one of this CRM; null when there was none. */
  abstract latest(crm: string): Promise<Reconciliation | null>;
  /** Newest first. */
  abstract list(crm: string | undefined, cursor: string | undefined, limit: number): Promise<ReconciliationPage>;
  /** In the order of their keys. */
  abstract drifts(id: string, cursor: string | undefined, limit: number): Promise<DriftPage>;
}
