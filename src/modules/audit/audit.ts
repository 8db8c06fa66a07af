import { hash } from 'node:crypto';
import { canonicalJson } from '../../kernel/canonical-json.js';

/**
 * Whose chain an entry belongs to: `guest:<id>`, or `system:<what>` for what concerns no guest.
 * Each subject has one chain, numbered from 1 without gaps.
 */
export type Subject = `guest:${string}` | `system:${string}`;

export type EventName =
  | 'GUEST_CREATED'
  | 'GUEST_UPDATED'
  | 'GUEST_LINKED'
  | 'GUEST_CLOSING'
  | 'GUEST_CLOSED'
  | 'GUEST_EXPIRED'
  | 'GUEST_FAILED'
  | 'CONSENT_RECORDED'
  | 'GUEST_FORGOTTEN'
  | 'ERASURE_REQUESTED'
  | 'GUEST_ERASED'
  | 'ERASURE_DONE'
  | 'ERASURE_LEFT_OPEN'
  | 'MESSAGE_SENT'
  | 'ATTACHMENT_ADDED'
  | 'WIDGET_TOKEN_MADE'
  | 'WIDGET_TOKENS_REVOKED'
  | 'METRICS_CALCULATED'
  | 'CRM_SYNCED'
  | 'CRM_REFUSED'
  | 'CRM_REPLAYED'
  | 'CRM_RECONCILIATION_BEGUN'
  | 'CRM_RECONCILIATION_ENDED'
  | 'CRM_REPAIR_APPROVED'
  | 'CRM_REPAIRED'
  | 'WEBHOOK_ENDPOINT_ADDED'
  | 'WEBHOOK_ENDPOINT_CHANGED'
  | 'WEBHOOK_ENDPOINT_DISABLED'
  | 'WEBHOOK_ENDPOINT_REMOVED'
  | 'WEBHOOK_SECRET_ROTATED'
  | 'WEBHOOK_REPLAYED'
  | 'AUDIT_READ'
  | 'PLATFORM_AUDIT_READ'
  | 'ACCESS_DENIED'
  | 'RETENTION_SWEPT';

/** What happened, before it has a place in a chain. Nothing in it is personal: values that are stand sealed in `sealed`. */
export type Happening = {
  readonly subject: Subject;
  readonly event: EventName;
  /** Who did it, as in `RunContext`; `system` outside of any run. */
  readonly actor: string;
  /** When, to the millisecond. */
  readonly at: Date;
  /** The request or job run in the course of which it happened. */
  readonly runId: string | null;
  /** What changed, by name: JSON pointers, states, counts, versions. Never the values of personal fields. */
  readonly changes: Readonly<Record<string, unknown>>;
  /**
   * On creation. `gdprApplicable`: the guest carries an identifier, hashed or not, and is somebody's personal data (GDPR Art. 4(1) and (5)).
   * `dataMinimized`: identifiers arrived in plaintext and were dropped at the door.
   */
  readonly complianceFlags?: { readonly gdprApplicable: boolean; readonly dataMinimized: boolean };
  /** IP address and user agent, encrypted under the key that `originKey` names; the chain commits to the ciphertext. */
  readonly sealed: string | null;
};

export type Entry = {
  readonly subject: Subject;
  readonly sequence: number;
  /** The exact text that was hashed: canonical JSON (RFC 8785). */
  readonly body: string;
  /** Hash of the entry before, or of the subject's beginning. Lower-case hex, as `hash`. */
  readonly previousHash: string;
  readonly hash: string;
  readonly sealed: string | null;
};

export type Head = { readonly sequence: number; readonly hash: string };

const sha256 = (data: string | Buffer): string => hash('sha256', data, 'hex');

const linked = (previousHash: string, body: string): string =>
  sha256(Buffer.concat([Buffer.from(previousHash, 'hex'), Buffer.from(body)]));

/** Under whose key it is kept from where something was done: the guest's own, else that of the month. Both can be destroyed. */
export const originKey = (subject: Subject, at: Date): string =>
  subject.startsWith('guest:') ? subject : originsOf(at);

/** The name of a month's key, by UTC. */
export const originsOf = (at: Date): string => `origins:${at.toISOString().slice(0, 7)}`;

const MONTHS_AROUND = 121;

/** The beginnings of the months within ten years of `around`, oldest first: nothing is kept for longer, so no key that is held is of any other. */
export const originMonths = (around: Date): Date[] =>
  Array.from(
    { length: 2 * MONTHS_AROUND + 1 },
    (_, index) => new Date(Date.UTC(around.getUTCFullYear(), around.getUTCMonth() + index - MONTHS_AROUND)),
  );

export const monthEnd = (month: Date): Date => new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1));

/** Where a chain starts: bound to its subject, so that one chain cannot pass for another. */
export const beginning = (subject: Subject): Head => ({
  sequence: 0,
  hash: sha256(`guest-manager/audit/v1\n${subject}`),
});

/** The next entry of a chain: `hash = SHA-256(previous hash as 32 bytes ‖ body as UTF-8)`. */
export function follow(head: Head, happening: Happening): Entry {
  const sequence = head.sequence + 1;
  const { subject, at, sealed, ...rest } = happening;
  const body = canonicalJson({
    v: 1,
    subject,
    sequence,
    at: at.toISOString(),
    sealedHash: sealed === null ? null : sha256(sealed),
    ...rest,
  });
  return { subject, sequence, body, previousHash: head.hash, hash: linked(head.hash, body), sealed };
}

export type ChainCheck =
  | { readonly ok: true; readonly head: Head }
  | { readonly ok: false; readonly sequence: number; readonly fault: string };

/** Recomputes a chain from its first entry. Detects an edited, exchanged, missing or added entry, and a changed sealed part. */
export function checkChain(subject: Subject, entries: readonly Entry[]): ChainCheck {
  let head = beginning(subject);
  for (const entry of entries) {
    const sequence = head.sequence + 1;
    const fault = faultOf(entry, head, subject);
    if (fault !== null) return { ok: false, sequence, fault };
    head = { sequence, hash: entry.hash };
  }
  return { ok: true, head };
}

function faultOf(entry: Entry, head: Head, subject: Subject): string | null {
  if (entry.sequence !== head.sequence + 1) return `entry ${head.sequence + 1} is missing`;
  if (entry.previousHash !== head.hash) return 'does not follow the entry before';
  if (linked(head.hash, entry.body) !== entry.hash) return 'the body is not what was hashed';
  const body = JSON.parse(entry.body) as { subject?: unknown; sequence?: unknown; sealedHash?: unknown };
  if (body.subject !== subject || body.sequence !== entry.sequence) return 'belongs to another place';
  // A destroyed sealed part is allowed: the chain holds its hash.
  if (entry.sealed !== null && body.sealedHash !== sha256(entry.sealed)) return 'the sealed part was exchanged';
  return null;
}
