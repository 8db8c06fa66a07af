import type { Tally } from '../../../kernel/data-class.js';
import type { Breaker } from '../breaker.js';
import type {
  Chunk,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
  Desired,
  DueRecord,
  Holding,
  Minute,
  Standing,
} from '../crm-sync.js';

/** What became of one record of a chunk that was answered. */
export type Outcome = { readonly record: DueRecord } & (
  | { readonly status: 'delivered'; readonly remoteId?: string }
  | { readonly status: 'again'; readonly at: Date; readonly code: string }
  | {
      readonly status: 'dead';
      readonly code: string;
      readonly reason: string | null;
      /** Nobody knows whether the CRM took it. */
      readonly isUncertain: boolean;
    }
);

export type ClaimOptions = {
  /** How many chunks, and of how many records each. */
  readonly chunks: number;
  readonly size: number;
  readonly leaseMs: number;
  /** Whether chunks that were sent before go ahead of records that were not; they do unless said otherwise. */
  readonly freshFirst?: boolean;
};

/** What has come of a chunk that is sent again as it is. */
export type Postponement = {
  readonly until: Date;
  readonly code: string;
  readonly failures: number;
  readonly rekeyed: number;
};

/** What there is to do for one CRM, counted up to a limit: nobody waits for the exact number of a million. */
export type Backlog = {
  readonly waiting: number;
  readonly isExact: boolean;
  /** Since when the oldest is due; null when none is. */
  readonly oldestDue: Date | null;
  readonly chunksUnderWay: number;
  readonly deadLetters: number;
};

/**
 * One row per CRM and guest: what the CRM should hold, what it holds, and when to send. Records go out in chunks, and a chunk is remembered with
 * its members until it was answered.
 */
export abstract class CrmStore {
  /**
   * Joins the current unit of work. Replaces what the CRM should hold unless a newer version is known already, and makes it due at
   * `dueAt`, or earlier if it was due earlier. What the CRM holds already in this very form is not made due.
   */
  abstract put(crm: string, desired: Desired, dueAt: Date): Promise<void>;
  /** Every CRM there is anything about, those that are off too. */
  abstract known(): Promise<string[]>;
  /** Nothing of this guest is sent any more until it is put again. Joins the current unit of work. */
  abstract withdraw(crm: string, guestId: string): Promise<void>;
  /** Whether a record of this guest is to be sent, or somebody is at it. */
  abstract isPending(crm: string, guestId: string): Promise<boolean>;
  /**
   * Every CRM that was ever sent something about this guest, those that are off too. In a unit of work: and none is sent more by anybody else
   * before that has ended.
   */
  abstract holding(guestId: string): Promise<Holding[]>;
  /** Whether a call that carries something about this guest is on its way to the CRM. Also when nothing is known of the guest any more. */
  abstract isOnItsWay(crm: string, guestId: string): Promise<boolean>;
  /** What every CRM should hold and holds about this guest is known no more, of CRMs that are off too. Joins the current unit of work. */
  abstract removeAll(guestId: string): Promise<void>;
  /** What the CRM should hold of these guests, in their order; nothing of those it should hold nothing of. */
  abstract desired(crm: string, guestIds: readonly string[]): Promise<DueRecord[]>;

  /** Where the CRM stands with these guests; nothing of those it was never told of. */
  abstract standings(crm: string, guestIds: readonly string[]): Promise<Standing[]>;

  /** Whether anything is due, and whether the CRM may be called. */
  abstract look(crm: string): Promise<{ readonly isDue: boolean; readonly breaker: Breaker }>;
  /**
   * Leases chunks. Those sent before come with the same members in the same order and form, without those that were withdrawn meanwhile;
   * new ones are made of due records, oldest first. A lease that nobody settles runs out by itself.
   */
  abstract claim(crm: string, options: ClaimOptions): Promise<Chunk[]>;
  /** A chunk was answered and is no more. A record put again in another form meanwhile stays due. */
  abstract settle(crm: string, chunk: Chunk, outcomes: readonly Outcome[]): Promise<void>;
  /** The same chunk is to be sent again from `until`. */
  abstract postpone(chunk: Chunk, postponement: Postponement): Promise<void>;
  /** Two chunks take its place, one of each half, due at once and leased to nobody. */
  abstract split(crm: string, chunk: Chunk): Promise<void>;

  /** One process changes it at a time. */
  abstract updateBreaker(crm: string, change: (breaker: Breaker) => Breaker): Promise<Breaker>;
  /** True for the one process that may find out whether the CRM is back; nobody else may for `leaseMs`. */
  abstract takeProbe(crm: string, leaseMs: number): Promise<boolean>;

  /** Newest first. */
  abstract deadLetters(query: DeadLetterQuery): Promise<DeadLetterPage>;
  /** Null when there is none. */
  abstract deadLetter(crm: string, guestId: string): Promise<DeadLetter | null>;
  /** These are sent again, at once. Answers with those that were dead letters. Joins the current unit of work. */
  abstract revive(crm: string, guestIds: readonly string[]): Promise<string[]>;
  /** Forgets up to `limit` dead letters from before this, the oldest first; their form is still not sent again. */
  abstract expireDeadLetters(before: Date, limit: number): Promise<number>;
  /** How many dead letters are older, and the date of the oldest of all. */
  abstract countDeadLetters(before: Date): Promise<Tally>;

  abstract backlog(crm: string, countTo: number): Promise<Backlog>;
  /** Adds to what is known of these minutes, and forgets those older than an hour. */
  abstract addMinutes(crm: string, minutes: readonly Minute[]): Promise<void>;
  /** Oldest first; minutes without any are absent. */
  abstract minutes(crm: string, since: Date): Promise<Minute[]>;
}
