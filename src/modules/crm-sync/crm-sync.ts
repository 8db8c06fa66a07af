import { hash } from 'node:crypto';
import { canonicalJson } from '../../kernel/canonical-json.js';

/** What a CRM should hold about one guest: hashes, flags and context, never plaintext. */
export type CrmRecord = {
  /** The guest's id, which is the record's key in every CRM. */
  readonly externalId: string;
  readonly emailHash: string | null;
  readonly phoneHash: string | null;
  /** What made the hashes; those of different keys say nothing about each other. */
  readonly keyId: string | null;
  readonly consentFlags: { readonly marketing: boolean; readonly dataProcessing: boolean };
  /** ISO 8601, UTC. */
  readonly lastInteraction: string;
  readonly channelContext: Readonly<Record<string, string>>;
};

/** The desired state of one guest in every CRM; `version` is the guest's. */
export type Desired = { readonly guestId: string; readonly version: number; readonly record: CrmRecord };

/** A desired record that one CRM does not hold yet. `hash` is its `recordHash`, `attempt` counts from 1. */
export type DueRecord = Desired & { readonly hash: string; readonly attempt: number };

/** Where a CRM stands with one guest. */
export type Standing = {
  readonly guestId: string;
  /** What the CRM should hold; null when nothing of this guest may be sent. */
  readonly record: CrmRecord | null;
  /** Something is to be sent, or on its way. */
  readonly isPending: boolean;
  /** The CRM has taken it in this form, as far as we know. */
  readonly isDelivered: boolean;
  /** When it last took anything; null when that was before this was noted. */
  readonly deliveredAt: Date | null;
  /** The CRM would not take it in this form. */
  readonly isRefused: boolean;
};

/** That a CRM was sent something about a guest, or may have been. */
export type Holding = {
  readonly crm: string;
  /** What the CRM calls its record, as far as it was told to us. */
  readonly remoteId: string | null;
  /** Something is on its way, or nobody knows what became of it. */
  readonly isUnderWay: boolean;
};

/** Records that go out in one call, leased to whoever delivers them. */
export type Chunk = {
  readonly id: string;
  /** Which lease this is, counted from 1. */
  readonly lease: number;
  /** How often it failed as a whole while the CRM answered others. */
  readonly failures: number;
  /** How often its key was found to be used up. */
  readonly rekeyed: number;
  /** When its records were first sent. */
  readonly since: Date;
  readonly records: readonly DueRecord[];
};

/** A desired record that a CRM will not be sent again in this form unless somebody says so. */
export type DeadLetter = {
  readonly crm: string;
  readonly guestId: string;
  readonly version: number;
  readonly at: Date;
  readonly code: string;
  /** In words, where the CRM or we have any. Never personal data. */
  readonly reason: string | null;
  readonly attempts: number;
  readonly record: CrmRecord;
};
export type DeadLetterQuery = {
  readonly crm: string;
  readonly code?: string;
  readonly cursor?: string;
  readonly limit: number;
};
export type DeadLetterPage = { readonly items: DeadLetter[]; readonly nextCursor: string | null };

/** What was done for one CRM within one minute. `failures` are calls without a verdict. */
export type Minute = {
  readonly minute: Date;
  readonly delivered: number;
  readonly dead: number;
  readonly calls: number;
  readonly failures: number;
};

/**
 * A CRM's answer for one record of a chunk, by its index in what was sent. `error` is a stable code; `message` says it in words and never holds
 * personal data, which a CRM's own words may.
 */
export type Verdict =
  | { readonly index: number; readonly status: 'created' | 'updated' | 'unchanged'; readonly remoteId?: string }
  | { readonly index: number; readonly status: 'refused'; readonly error: string; readonly message?: string }
  | { readonly index: number; readonly status: 'retry'; readonly error: string; readonly message?: string };

/** What a CRM did to hold nothing about a guest any more: it deleted the record, emptied it of all but its key, or had none. */
export type Erased = 'deleted' | 'emptied' | 'absent';

/** What a CRM was found to hold of one guest. `fields` are named as in `CrmRecord`; one the CRM has no place for is absent. */
export type HeldRecord = {
  readonly externalId: string;
  readonly remoteId?: string;
  readonly fields: Partial<Omit<CrmRecord, 'externalId'>>;
};

/** `nextCursor` is null behind the last page. */
export type CrmPage = { readonly records: readonly HeldRecord[]; readonly nextCursor: string | null };

/** A field as the CRM describes it. `type` is the CRM's own word. */
export type CrmField = { readonly name: string; readonly type: string; readonly writable: boolean };

/** A request as it would be sent, with secrets left out of `headers`. */
export type CrmRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** Two records with one hash look the same to a CRM. */
export const recordHash = (record: CrmRecord): string => hash('sha256', canonicalJson(record), 'hex');

/**
 * Derived from what is sent, and from nothing else: the same records in the same state have the same key after a restart, and
 * a changed one has another. `hashes` are those of the records, in the order in which they are sent; `rekeyed` counts keys for them that the CRM
 * has used up.
 */
export const idempotencyKey = (crm: string, hashes: readonly string[], rekeyed = 0): string =>
  `guests-${hash('sha256', canonicalJson([crm, hashes, rekeyed]), 'hex').slice(0, 40)}`;

/** One verdict a record, in order, whatever the CRM left out: a record without an answer is tried again. */
export function completeVerdicts(count: number, verdicts: readonly Verdict[]): Verdict[] {
  const byIndex = new Map(verdicts.map((verdict) => [verdict.index, verdict]));
  return Array.from(
    { length: count },
    (_, index) => byIndex.get(index) ?? { index, status: 'retry', error: 'no_answer' },
  );
}
