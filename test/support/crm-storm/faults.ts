/** How the CRMs of the sandbox misbehave: what each of them does to any call, and how it refuses one record. */

/** An effect as `docs/sandbox.md` has it. */
type Effect = Readonly<Record<string, unknown>>;
export type FaultOrder = {
  readonly target: string;
  readonly match: string;
  readonly effect: Effect;
  readonly times: number;
};

/** A guest of this campaign is refused, always. */
export const POISON = 'POISON';
/** Longer than a CRM is waited for. */
const TOO_LATE_MS = 11_000;
const FOR_GOOD = 1_000_000_000;

const ANY: readonly Effect[] = [
  { status: 429, headers: { 'Retry-After': '1' } },
  { quota: true, headers: { 'Retry-After': '2' } },
  { status: 401 },
  { status: 503 },
  { drop: true },
  { dropAfterAccepting: true },
  { lateAnswerMs: TOO_LATE_MS },
  { halfAnswer: true },
  { duplicate: true },
  { body: '<html>Sign in</html>', headers: { 'content-type': 'text/html' } },
  { body: { results: [null, 42, { externalId: 'somebody-else', id: 7 }], entities: 'none', fields: {} } },
  { body: [null, 42, { success: 'perhaps' }] },
];

/** One record is never too large, so that nothing but a poisoned guest may end as a dead letter. */
const TOO_LARGE: Effect = { mostRecords: 3 };

const BUSY: Effect = { status: 429 };

type Ways = {
  readonly own: readonly Effect[];
  /** How the campaign of a record looks to this CRM. */
  readonly poison: Effect;
  /** What it calls the refusal of a record. */
  readonly word: string;
};
const asText = (campaignId: string): string => JSON.stringify({ campaignId });

const WAYS: Readonly<Record<string, Ways>> = {
  // Only here are calls known by a key, which may be used up.
  rest: { own: [BUSY, { status: 409 }], poison: { campaignId: POISON }, word: 'record.refused' },
  salesforce: {
    own: [BUSY, { expireToken: true }, { lockRecords: true }],
    poison: { Channel_Context__c: asText(POISON) },
    word: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
  },
  hubspot: { own: [BUSY], poison: { guest_channel_context: asText(POISON) }, word: 'VALIDATION_ERROR' },
  'genesys-contacts': {
    // Counted by the minute: where Genesys does not say when it is over, a minute is waited.
    own: [{ ...BUSY, headers: { 'inin-ratelimit-reset': '1' } }, { expireToken: true }],
    poison: { channel_context_longtext: asText(POISON) },
    word: 'contact.refused',
  },
};

/** Every fault of a CRM, each as likely as any other, so that together they strike this share of all calls. */
export function randomFaults(crm: string, share: number, seed: number): FaultOrder[] {
  const effects = [...ANY, ...WAYS[crm]!.own, TOO_LARGE];
  const each = share / effects.length;
  // A fault is asked only about the calls that those before it have spared.
  return effects.map((effect, before) => ({
    target: `crm/${crm}`,
    match: '/',
    effect: { ...effect, random: each / (1 - before * each), seed: seed + before },
    times: FOR_GOOD,
  }));
}

/** Poisoned records are refused by themselves, or with all that came along. */
export function refusals(crm: string, seed: number): FaultOrder[] {
  const order = { target: `crm/${crm}`, match: 'upsert', times: FOR_GOOD };
  const refuseRecords = WAYS[crm]!.poison;
  return [
    { ...order, effect: { refuseRecords, wholeBatch: true, random: 0.5, seed } },
    { ...order, effect: { refuseRecords } },
  ];
}

/** The codes that tell truly why a poisoned record is a dead letter. */
export const trueCodes = (crm: string): string[] => ['crm.refused', `crm.record.${WAYS[crm]!.word}`];
