import { POISON, trueCodes } from './faults.js';

/** A guest as the service has it in the end. */
export type Guest = {
  readonly id: string;
  readonly version: number;
  readonly modifiedDate: string;
  readonly consent: { readonly marketing: boolean };
  readonly channelContext: { readonly campaignId?: string };
  readonly identityAttributes: { readonly emailHash: string | null };
};
export type Letter = {
  readonly guestId: string;
  readonly version: number;
  readonly code: string;
  readonly reason: string | null;
  readonly record: { readonly channelContext: { readonly campaignId?: string } };
};
/** What a CRM holds, as it shows it. */
export type Held = Readonly<Record<string, unknown>> & { readonly externalId: string };

/** How many guests are where, and the ids of those that are not where they have to be. */
export type Verdict = {
  readonly inTheCrm: number;
  readonly deadLetters: number;
  readonly missing: string[];
  readonly doubled: string[];
  readonly outdated: string[];
  readonly untrue: string[];
  /** Held, and nobody's. */
  readonly strangers: string[];
};

/** Everything that is not as it has to be, one sentence each. */
export const wrongIn = ({ missing, doubled, outdated, untrue, strangers }: Verdict): string[] =>
  Object.entries({ missing, doubled, outdated, untrue, strangers }).flatMap(([what, ids]) =>
    ids.map((id) => `${what}: ${id}`),
  );

/** Where each CRM keeps the campaign, the last interaction, the consent and the hash. */
const PLACES: Readonly<Record<string, readonly [context: string, at: string, marketing: string, email: string]>> = {
  rest: ['channelContext', 'lastInteraction', 'consentFlags', 'emailHash'],
  salesforce: ['Channel_Context__c', 'Last_Interaction__c', 'Marketing_Consent__c', 'Email_Hash__c'],
  hubspot: ['guest_channel_context', 'guest_last_interaction', 'guest_marketing_consent', 'guest_email_hash'],
  'genesys-contacts': [
    'channel_context_longtext',
    'last_interaction_datetime',
    'marketing_consent_checkbox',
    'email_hash_text',
  ],
};

/** Compares what a CRM holds, and what it would not take, with the guests there are. */
export function judge(
  crm: string,
  guests: readonly Guest[],
  held: readonly Held[],
  letters: readonly Letter[],
): Verdict {
  const records = by(held, ({ externalId }) => externalId);
  const refused = by(letters, ({ guestId }) => guestId);
  const known = new Set(guests.map(({ id }) => id));
  const ids = (wrong: (guest: Guest) => boolean): string[] => guests.filter(wrong).map(({ id }) => id);
  const [poisoned, sound] = [guests.filter(isPoisoned), guests.filter((guest) => !isPoisoned(guest))];
  return {
    inTheCrm: sound.filter(({ id }) => records.has(id)).length,
    deadLetters: letters.length,
    missing: [
      ...sound.filter(({ id }) => !records.has(id)).map(({ id }) => id),
      ...poisoned.filter(({ id }) => !refused.has(id)).map(({ id }) => id),
    ],
    doubled: ids(({ id }) => (records.get(id)?.length ?? 0) > 1 || (refused.get(id)?.length ?? 0) > 1),
    outdated: ids((guest) => (records.get(guest.id) ?? []).some((record) => !isAsItShould(crm, guest, record))),
    untrue: ids((guest) => (refused.get(guest.id) ?? []).some((letter) => !isTrue(crm, guest, letter))),
    strangers: held.filter(({ externalId }) => !known.has(externalId)).map(({ externalId }) => externalId),
  };
}

function by<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of all) found.set(key(one), [...(found.get(key(one)) ?? []), one]);
  return found;
}

const isPoisoned = ({ channelContext }: Guest): boolean => channelContext.campaignId === POISON;

/** The newest state; of a guest the CRM does not take any more a former one. */
function isAsItShould(crm: string, guest: Guest, record: Held): boolean {
  const [context, at, marketing, email] = PLACES[crm]!;
  const campaign = campaignIn(record[context]);
  if (isPoisoned(guest)) return campaign !== POISON;
  return (
    campaign === guest.channelContext.campaignId &&
    record[at] === guest.modifiedDate &&
    flagIn(record[marketing]) === guest.consent.marketing &&
    record[email] === guest.identityAttributes.emailHash
  );
}

/** It is about the newest state, and for the reason the CRM gave. */
function isTrue(crm: string, guest: Guest, { version, code, reason, record }: Letter): boolean {
  const isNewest = version === guest.version && record.channelContext.campaignId === POISON && isPoisoned(guest);
  return isNewest && trueCodes(crm).includes(code) && reason !== null;
}

function campaignIn(context: unknown): unknown {
  const value: unknown = typeof context === 'string' ? JSON.parse(context) : context;
  return (value as { campaignId?: unknown } | null | undefined)?.campaignId;
}

function flagIn(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return (value as { marketing?: unknown }).marketing === true;
  return String(value) === 'true';
}
