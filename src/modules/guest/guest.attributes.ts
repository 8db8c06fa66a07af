import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../../kernel/canonical-json.js';
import type { FieldError } from '../../kernel/app-error.js';
import { namesAlong, pointerTo } from '../../kernel/json-pointer.js';
import { personalDataError } from '../identity/index.js';
import type { EngagementMetrics } from '../metrics/index.js';
import type { Attributes, ChannelContext, Guest } from './guest.js';

/** What custom attributes and participant data together may weigh at Genesys Cloud, as UTF-8 JSON. */
const ATTRIBUTES_MAX_BYTES = 2_048;
/** Kept free for the guest's id, its hashes and its measures. */
const RESERVED_BYTES = 900;

const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value), 'utf8');

const VALUE_MAX = 256;

type Told = { readonly attributes: Readonly<Record<string, unknown>>; readonly channelContext: ChannelContext };

const NOTHING: Told = { attributes: {}, channelContext: {} };

/**
 * What is wrong with a guest's attributes and its page: names that are not on the allow-list, values that are not short texts or hold personal data,
 * and more altogether than Genesys Cloud carries. What was `known` before was found good when it came, and is not asked about again.
 */
export function attributeErrors(guest: Told, allowed: readonly string[], known = NOTHING): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries(guest.attributes)) {
    if (Object.hasOwn(known.attributes, name) && known.attributes[name] === value) continue;
    const pointer = pointerTo('/attributes', name);
    if (!allowed.includes(name))
      errors.push({
        pointer,
        rule: 'allowList',
        message: `is not on the allow-list; allowed are ${allowed.join(', ')}`,
      });
    else if (typeof value !== 'string')
      errors.push({ pointer, rule: 'isString', message: 'must be a string: Genesys Cloud carries nothing else' });
    else if (value.length > VALUE_MAX)
      errors.push({ pointer, rule: 'maxLength', message: `must be at most ${VALUE_MAX} characters long` });
    else errors.push(...present(personalDataError(pointer, value)));
  }
  const { originPage, campaignId } = guest.channelContext;
  if (originPage !== known.channelContext.originPage) errors.push(...pageErrors(originPage));
  if (campaignId !== undefined && campaignId !== known.channelContext.campaignId)
    errors.push(...present(personalDataError('/channelContext/campaignId', campaignId)));
  const excess = bytes(guest.attributes) + bytes(guest.channelContext) - (ATTRIBUTES_MAX_BYTES - RESERVED_BYTES);
  if (errors.length === 0 && excess > 0)
    errors.push({
      pointer: '/attributes',
      rule: 'maxBytes',
      message: `is ${excess} bytes too long: with channelContext it has to fit into what Genesys Cloud carries`,
    });
  return errors;
}

const present = <T>(value: T | null): T[] => (value === null ? [] : [value]);

/** What a URL parser would mend is refused: blanks, backslashes, a missing host. */
const PAGE = /^https?:\/\/[^\s\\/][^\s\\]*$/i;

function pageErrors(originPage: string | undefined): FieldError[] {
  if (originPage === undefined) return [];
  const pointer = '/channelContext/originPage';
  const page = PAGE.test(originPage) && URL.canParse(originPage) ? new URL(originPage) : null;
  if (page === null) return [{ pointer, rule: 'isUrl', message: 'must be an absolute http or https URL' }];
  if (page.username !== '' || page.password !== '')
    return [{ pointer, rule: 'credentials', message: 'must not hold a user name or a password' }];
  return page.pathname
    .split('/')
    .flatMap((segment) => present(personalDataError(pointer, segment)))
    .slice(0, 1);
}

/** A page by where it is. What stands behind `?` and `#` may be what somebody typed into it, so it is dropped. */
export const withoutQuery = <T extends { readonly originPage?: string | null }>(context: T): T =>
  typeof context.originPage === 'string'
    ? { ...context, originPage: context.originPage.replace(/[?#].*$/s, '') }
    : context;

/**
 * What Genesys is told about a guest, in the one form it takes: strings by name. Flows and routing read them as participant data.
 * Identity goes as keyed hashes only. Numbers are decimal, flags `true` or `false`.
 */
export function genesysAttributes(guest: Guest, measures: EngagementMetrics | null): Attributes {
  const { emailHash, phoneHash } = guest.identity;
  const told: Record<string, string | null | undefined> = {
    ...guest.attributes,
    ...guest.channelContext,
    guestSessionId: guest.id,
    emailHash,
    phoneHash,
    ...(measures === null
      ? {}
      : {
          durationMinutes: String(measures.durationMinutes),
          messageCount: String(measures.messageCount),
          avgResponseTimeMs: String(measures.avgResponseTimeMs),
          conversionFlag: String(measures.conversionFlag),
          calculatedAt: measures.calculatedAt,
        }),
  };
  // Participant data cannot be deleted; an empty string is how a name is blanked.
  for (const pointer of Object.keys(guest.touched)) {
    const name = namesAlong(pointer)[1]!;
    if (!pointer.startsWith('/consent/')) told[name] ??= '';
  }
  return Object.fromEntries(
    Object.entries(told).filter((entry): entry is [string, string] => entry[1] !== null && entry[1] !== undefined),
  );
}

/** Two sets with one hash tell Genesys the same: when it was calculated says nothing new. */
export const attributesHash = ({ calculatedAt: _, ...attributes }: Attributes): string =>
  createHash('sha256').update(canonicalJson(attributes)).digest('hex');

const SIGNATURE_LIFE_MS = 72 * 3_600_000;

/** From then on no conversation can prove any more to be this guest's. */
export const signatureExpiry = (guest: Pick<Guest, 'createdDate'>): Date =>
  new Date(guest.createdDate.getTime() + SIGNATURE_LIFE_MS);

/**
 * What a page places in `customAttributes`, so that a conversation can be trusted to be this guest's: a visitor can put any id there.
 * `guestSignature` is `<expiry in epoch seconds>.<HMAC-SHA-256 in base64url>`; it lives 72 hours from the guest's creation, as long as Genesys
 * keeps a session by default.
 */
export function widgetAttributes(guest: Pick<Guest, 'id' | 'createdDate'>, keys: readonly Buffer[]): Attributes {
  const expiry = Math.floor(signatureExpiry(guest).getTime() / 1_000);
  const sign = signature(guest.id, expiry, keys[0]!).toString('base64url');
  return { guestSessionId: guest.id, guestSignature: `${expiry}.${sign}` };
}

/** Whether a conversation's participant data prove that it is this guest's. */
export function provesGuest(attributes: Attributes, guestId: string, keys: readonly Buffer[], at: Date): boolean {
  const [expiry, given] = (attributes['guestSignature'] ?? '').split('.');
  if (attributes['guestSessionId'] !== guestId || expiry === undefined || given === undefined) return false;
  if (!/^\d{1,12}$/.test(expiry) || Number(expiry) * 1_000 < at.getTime()) return false;
  const actual = Buffer.from(given, 'base64url');
  return keys.some((key) => {
    const expected = signature(guestId, Number(expiry), key);
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  });
}

const signature = (guestId: string, expiry: number, key: Buffer): Buffer =>
  createHmac('sha256', key).update(`${guestId}\n${expiry}`).digest();
