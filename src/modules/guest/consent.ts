import type { Consent, Guest } from './guest.js';

/** What consent is for. */
export type Purpose = keyof Consent;
export const PURPOSES = ['dataProcessing', 'marketing'] as const satisfies readonly Purpose[];

/** `withdrawn` ends what was `granted`. Consent that was never given leaves no record. */
export const DECISIONS = ['granted', 'withdrawn'] as const;
export type Decision = (typeof DECISIONS)[number];

/** How the guest told us: a flag of a guest (`api`), the page's Messenger, a form, word of mouth, or another system's records. */
export const METHODS = ['api', 'widget', 'form', 'verbal', 'imported'] as const;
export type Method = (typeof METHODS)[number];

/** One decision of a guest, which shows that there was consent and until when (GDPR Art. 7(1) and (3)). Never changed, never removed. */
export type ConsentRecord = {
  readonly id: string;
  readonly guestId: string;
  readonly purpose: Purpose;
  readonly decision: Decision;
  /** Which text the guest was shown. Null when nobody said. */
  readonly noticeVersion: string | null;
  readonly method: Method;
  /** When the guest decided, to the millisecond. */
  readonly at: Date;
  /** When we were told. */
  readonly recordedAt: Date;
  /** Who told us, as the audit trail names them. */
  readonly actor: string;
  /** The id of the key its receipt is signed with. */
  readonly keyId: string;
};

/**
 * Every way by which something about a guest leaves us, and the purpose it serves: all that a way carries leaves under a live consent to that
 * purpose, or not at all. What needs another consent than the rest needs a way of its own.
 *
 * None needs `marketing`. `campaignId` says by which door the guest came, and routing reads it to serve this very conversation; that a CRM may
 * use its record for marketing it learns from `consentFlags`. Ending a conversation is no way out: it is how processing stops.
 */
const COVERED_BY = {
  /** What each CRM holds: hashes, consent flags, context. */
  'crm.record': 'dataProcessing',
  /** The guest's session at Genesys, with the attributes that ride on its start; and listening to it. */
  'genesys.session': 'dataProcessing',
  /** Participant data: attributes, context, hashes and measures. */
  'genesys.attributes': 'dataProcessing',
  /** What the guest writes, with the attributes that ride on it. */
  'genesys.message': 'dataProcessing',
  /** That the guest types. */
  'genesys.typing': 'dataProcessing',
  /** The guest's id on its conversations, and the contact they are put with. */
  'genesys.mark': 'dataProcessing',
  /** Asking Genesys which conversation is the guest's. */
  'genesys.link': 'dataProcessing',
  /** What is in a file, fetched from where Genesys has it. */
  'attachment.content': 'dataProcessing',
  /** What is said, told to whoever follows the guest live. */
  'events.text': 'dataProcessing',
  /** What customers' systems are told: that something happened to this guest. */
  'webhook.event': 'dataProcessing',
} as const satisfies Readonly<Record<string, Purpose>>;

export type WayOut = keyof typeof COVERED_BY;

/**
 * Whether the consent that covers this way is live. Ask the newest state of the guest, right before something leaves. Of one that is being erased
 * nothing does any more but the question which conversation was its own: what is to be erased has to be found, whatever was consented to.
 */
export const mayLeave = ({ consent, closeReason }: Pick<Guest, 'consent' | 'closeReason'>, way: WayOut): boolean =>
  closeReason === 'erased' ? way === 'genesys.link' : consent[COVERED_BY[way]];

/** The purpose whose consent covers a way out. */
export const purposeOf = (way: WayOut): Purpose => COVERED_BY[way];

/** How far ahead of ours the clock of whoever reports a decision may be, in milliseconds. */
export const CLOCK_SKEW_MS = 60_000;

/**
 * When a decision was made. One that is said to be made a little ahead of now was made now; one of which nobody says when was made after all that
 * is known: somebody whose clock is behind can still withdraw.
 */
export function decidedAt(given: Date | undefined, now: Date, lastWord: Date): Date {
  if (given === undefined) return now > lastWord ? now : lastWord;
  return given > now ? now : given;
}

/**
 * When the guest last spoke about a purpose. Without a record that is when the guest was made, because everything was asked then: a grant from
 * before cannot undo what was left ungiven.
 */
export const lastWordAt = (guest: Pick<Guest, 'createdDate'>, current: ConsentRecord | null): Date =>
  current?.at ?? guest.createdDate;

/** What somebody decided by changing flags; of a new guest, what was given. */
export const decisions = (before: Consent | null, after: Consent): { purpose: Purpose; decision: Decision }[] =>
  PURPOSES.filter((purpose) => after[purpose] !== (before?.[purpose] ?? false)).map((purpose) => ({
    purpose,
    decision: after[purpose] ? 'granted' : 'withdrawn',
  }));
