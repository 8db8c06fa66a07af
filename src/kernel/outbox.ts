/**
 * Something the outside must be told, written in the unit of work that made it true and delivered afterwards, perhaps twice.
 * `payload` holds ids only, never personal data: whoever delivers reads the newest state.
 */
export type Intent = {
  readonly topic: string;
  /** Whose order is kept: intents of one topic and subject are delivered one at a time, oldest first. */
  readonly subject: string;
  readonly payload?: Readonly<Record<string, string>>;
  /** Not before this; at once when absent. */
  readonly dueAt?: Date;
  /** Absent: the intent replaces one of the same topic and subject that still waits, keeping the earlier time. */
  readonly distinct?: string;
};

export type ClaimedIntent = {
  readonly id: string;
  readonly topic: string;
  readonly subject: string;
  readonly payload: Readonly<Record<string, string>>;
  /** Counts this delivery: 1 the first time. */
  readonly attempt: number;
  /** Grows when the intent is put again while it is being delivered. */
  readonly revision: number;
};

/** Who may deliver an intent: any process, or, where another one holds the guest's socket, only that one. */
export type Claimer = 'anybody' | 'holder';

/** Intents that wait to be delivered, and those that never will be: parked. */
export abstract class Outbox {
  /** Joins the current unit of work. */
  abstract put(intent: Intent): Promise<void>;
  /** Takes back all intents of a topic and subject, parked ones too. One that is being delivered ends by itself. Joins the current unit of work. */
  abstract takeBack(topic: string, subject: string): Promise<void>;
  /** Whether an intent of this subject and one of these topics is being delivered. */
  abstract isUnderWay(topics: readonly string[], subject: string): Promise<boolean>;
  /**
   * Leases up to `limit` due intents of a topic, at most one a subject. A lease nobody settles runs out by itself. `by: 'holder'` leaves out the
   * intents whose subject is a guest whose socket another process holds: they are that process's to claim.
   */
  abstract claim(topic: string, limit: number, leaseMs: number, by?: Claimer): Promise<ClaimedIntent[]>;
  /** Delivered. If the intent was put again meanwhile it stays and is due at once. */
  abstract done(intent: ClaimedIntent): Promise<void>;
  /** Not done yet, and nothing went wrong: claimed again from `until`, or at once if it was put again meanwhile. */
  abstract later(intent: ClaimedIntent, until: Date): Promise<void>;
  /** Will be claimed again from `until`. `code` says why, for people who look. */
  abstract postpone(intent: ClaimedIntent, until: Date, code: string): Promise<void>;
  /** Will not be claimed again unless it is put again. */
  abstract park(intent: ClaimedIntent, code: string): Promise<void>;
  /** Called after a commit that put an intent of this topic in this process. Only a hint. */
  abstract onPut(topic: string, wake: () => void): void;
}
