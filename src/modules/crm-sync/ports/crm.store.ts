import type { Desired, DueRecord } from '../crm-sync.js';

export type Settlement = { readonly record: DueRecord; readonly remoteId?: string };

/** Whether a CRM may be called now. Shared by all processes. */
export type Pause = { readonly until: Date | null; readonly failures: number };

/** One row per CRM and guest: what the CRM should hold, what it holds, and when to send. */
export abstract class CrmStore {
  /**
   * Joins the current unit of work. Replaces what the CRM should hold unless a newer version is known already, and makes it due at
   * `dueAt`, or earlier if it was due earlier. What the CRM holds already in this very form is not made due.
   */
  abstract put(crm: string, desired: Desired, dueAt: Date): Promise<void>;
  /** Nothing of this guest is sent any more until it is put again. Joins the current unit of work. */
  abstract withdraw(crm: string, guestId: string): Promise<void>;
  /** Whether a record of this guest is to be sent, or somebody is at it. */
  abstract isPending(crm: string, guestId: string): Promise<boolean>;
  /** What every CRM should hold and holds about this guest is known no more, of CRMs that are off too. Joins the current unit of work. */
  abstract removeAll(guestId: string): Promise<void>;
  /** Leases up to `limit` due records, oldest first. A lease that nobody settles runs out by itself. */
  abstract claim(crm: string, limit: number, leaseMs: number): Promise<DueRecord[]>;
  /** Of these, those that were not withdrawn since they were claimed. In their order. */
  abstract wanted(crm: string, records: readonly DueRecord[]): Promise<DueRecord[]>;
  /** The CRM holds these now. One that was put again in another form meanwhile stays due. */
  abstract delivered(crm: string, settlements: readonly Settlement[]): Promise<void>;
  /** To be sent again from `until`. */
  abstract postponed(crm: string, records: readonly DueRecord[], until: Date, code: string): Promise<void>;
  /** The CRM will not take these. Not sent again unless put again in another form. */
  abstract refused(
    crm: string,
    refusals: readonly { readonly record: DueRecord; readonly code: string }[],
  ): Promise<void>;
  abstract pause(crm: string): Promise<Pause>;
  abstract setPause(crm: string, pause: Pause): Promise<void>;
}
