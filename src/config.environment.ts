import { getMetadataStorage, IsIn, IsPort, Matches, ValidateBy } from 'class-validator';
import { readApiKeys } from './http/api-keys.js';
import { MayBeAbsent } from './http/validation.js';
import { secretFault } from './kernel/signature.js';
import type { RepairPolicy } from './modules/crm-sync/index.js';

export type Mode = 'cloud' | 'sandbox';
export type PersonalDataPolicy = 'refuse' | 'mask';
export type ReadOnlyPolicy = 'new-conversation' | 'close';
export type ErasurePolicy = 'request' | 'report';
export type LogLevel = (typeof LOG_LEVELS)[number];
export type SecretKey = { readonly id: string; readonly secret: Buffer };

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const ID = /^[A-Za-z0-9_-]{1,32}$/;

/** As the reader wants it: the reader says what is wrong, as the rest of a sentence that begins with the variable's name. */
const Reads = (fault: (text: string) => string | null): PropertyDecorator =>
  ValidateBy({
    name: 'reads',
    validator: {
      validate: (value) => typeof value === 'string' && fault(value) === null,
      defaultMessage: (args) => (typeof args?.value === 'string' ? (fault(args.value) ?? '') : ''),
    },
  });

/** The variables we read, as text, each with the rule it must keep. `.env.example` says what they mean. */
export class Environment {
  @MayBeAbsent() @IsPort({ message: 'must be a port: 0 to 65535' }) PORT?: string;
  @MayBeAbsent() @Matches(/^[A-Za-z0-9.:_-]+$/, { message: 'must be a host name or an address' }) HOST?: string;
  @MayBeAbsent() @Reads(originsFault) CORS_ORIGINS?: string;
  @MayBeAbsent()
  @Matches(/^\d{1,7}$/, { message: 'must be a whole number of requests a minute, 0 for no limit' })
  RATE_LIMIT?: string;
  @MayBeAbsent() @Reads(() => null) DATA_DIR?: string;
  @MayBeAbsent() @Reads(urlFault('postgres', 'postgresql')) DATABASE_URL?: string;
  @MayBeAbsent() @Reads((text) => readApiKeys(text).fault) API_KEYS?: string;
  @MayBeAbsent() @Reads(issuerFault) OIDC_ISSUER?: string;
  @MayBeAbsent() @Reads(() => null) OIDC_AUDIENCE?: string;
  @MayBeAbsent()
  @Reads((text) => readKeys(text, (size) => (size < 32 ? 'at least 32' : null)).fault)
  IDENTITY_KEYS?: string;
  @MayBeAbsent() @Reads(() => null) IDENTITY_SALT?: string;
  @MayBeAbsent()
  @Reads((text) => readKeys(text, (size) => (size !== 32 ? 'exactly 32' : null)).fault)
  DATA_KEYS?: string;
  @MayBeAbsent() @Reads(() => null) GENESYS_CLIENT_ID?: string;
  @MayBeAbsent() @Reads(() => null) GENESYS_CLIENT_SECRET?: string;
  @MayBeAbsent()
  @Matches(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, { message: 'must be the domain of a region, as mypurecloud.ie' })
  GENESYS_ENVIRONMENT?: string;
  @MayBeAbsent()
  @Matches(/^[A-Za-z0-9_-]{1,64}$/, { message: 'must be the id of a web messaging deployment' })
  GENESYS_DEPLOYMENT_ID?: string;
  @MayBeAbsent() @Reads(originFault) GENESYS_ORIGIN?: string;
  @MayBeAbsent() @Reads(urlFault('https', 'http')) GENESYS_GATEWAY_URL?: string;
  @MayBeAbsent() @Reads(urlFault('wss', 'ws')) GENESYS_WEBMESSAGING_URL?: string;
  @MayBeAbsent() @Reads(secretsFault) GENESYS_EVENTS_SECRETS?: string;
  @MayBeAbsent() @Reads(countFault(0, 1_440)) GENESYS_RECONCILE_MINUTES?: string;
  @MayBeAbsent() @IsIn(['on', 'off'], { message: 'must be on or off' }) GENESYS_NOTIFICATIONS?: 'on' | 'off';
  @MayBeAbsent()
  @IsIn(['request', 'report'], { message: 'must be request or report' })
  GENESYS_ERASURE?: ErasurePolicy;
  @MayBeAbsent() @IsIn(['cloud', 'sandbox'], { message: 'must be cloud or sandbox' }) GENESYS_MODE?: Mode;
  @MayBeAbsent() @Reads(listFault(/^[a-z0-9-]{1,32}$/, 'CRM names: lower-case letters, digits and -')) CRMS?: string;
  @MayBeAbsent() @Reads(countFault(0, 8_760)) RECONCILE_CRMS_HOURS?: string;
  @MayBeAbsent() @Reads(countFault(1, 600)) RECONCILE_CRMS_PAGES_PER_MINUTE?: string;
  @MayBeAbsent()
  @IsIn(['ask', 'automatic'], { message: 'must be ask or automatic' })
  RECONCILE_CRMS_REPAIR?: RepairPolicy;
  @MayBeAbsent() @IsPort({ message: 'must be a port: 0 to 65535' }) SANDBOX_PORT?: string;
  @MayBeAbsent()
  @Reads(listFault(/^[A-Za-z][A-Za-z0-9_.-]{0,39}$/, 'attribute names: a letter, then letters, digits, _ . or -'))
  GUEST_ATTRIBUTES?: string;
  @MayBeAbsent()
  @IsIn(['refuse', 'mask'], { message: 'must be refuse or mask' })
  PERSONAL_DATA_IN_TEXT?: PersonalDataPolicy;
  @MayBeAbsent()
  @IsIn(['new-conversation', 'close'], { message: 'must be new-conversation or close' })
  GUEST_AFTER_READ_ONLY?: ReadOnlyPolicy;
  @MayBeAbsent() @Reads(countFault(0, 525_600)) GUEST_IDLE_MINUTES?: string;
  @MayBeAbsent() @Reads(countFault(1, 3_650)) RETENTION_MESSAGES_DAYS?: string;
  @MayBeAbsent() @Reads(countFault(1, 3_650)) RETENTION_GUESTS_DAYS?: string;
  @MayBeAbsent() @Reads(countFault(1, 3_650)) RETENTION_ORIGINS_DAYS?: string;
  @MayBeAbsent() @Reads(countFault(1, 3_650)) RETENTION_CRM_DEAD_LETTERS_DAYS?: string;
  @MayBeAbsent() @IsIn(LOG_LEVELS, { message: `must be one of ${LOG_LEVELS.join(', ')}` }) LOG_LEVEL?: LogLevel;
  @MayBeAbsent()
  @IsIn(['production', 'development', 'test'], { message: 'must be production, development or test' })
  NODE_ENV?: string;
}

/** The names of all variables we read, without those that CRM adapters read themselves. */
export const configVariables = (): string[] => [
  ...new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(Environment, '', true, false)
      .map((rule) => rule.propertyName),
  ),
];

type ReadKeys = { readonly keys: readonly SecretKey[]; readonly fault: string | null };

/** `kid:base64` separated by commas, newest first. `wanted` says how many bytes it must be instead, or null. */
export function readKeys(text: string, wanted: (size: number) => string | null = () => null): ReadKeys {
  const keys: SecretKey[] = [];
  for (const [at, entry] of text.split(',').entries()) {
    const [id = '', base64 = '', ...more] = entry.trim().split(':');
    const fail = (fault: string): ReadKeys => ({ keys: [], fault: `entry ${at + 1} ${fault}` });
    const secret = Buffer.from(base64, 'base64');
    if (more.length > 0 || base64 === '') return fail('must have the form kid:base64');
    if (!ID.test(id)) return fail('must have an id of 1 to 32 letters, digits, _ or -');
    if (keys.some((other) => other.id === id)) return fail('has the id of an entry before it');
    // Node skips what is not base64, so that a mistyped key would be another key.
    if (secret.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) return fail('is not base64');
    const size = wanted(secret.length);
    if (size !== null) return fail(`must be ${size} bytes long`);
    keys.push({ id, secret });
  }
  return { keys, fault: null };
}

function urlFault(...protocols: string[]): (text: string) => string | null {
  const begin = protocols.map((protocol) => `${protocol}://`).join(' or ');
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    const isOne = url !== null && protocols.includes(url.protocol.slice(0, -1)) && url.hostname !== '';
    return isOne ? null : `must be a URL that begins with ${begin}`;
  };
}

function originFault(text: string): string | null {
  const isOrigin = /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
  return isOrigin ? null : 'must be an origin: https://host, without a path';
}

function countFault(min: number, max: number): (text: string) => string | null {
  return (text) => {
    const isCount = /^\d{1,7}$/.test(text) && Number(text) >= min && Number(text) <= max;
    return isCount ? null : `must be a whole number from ${min} to ${max}`;
  };
}

/** OpenID Connect Discovery 1.0 §2: https, and neither query nor fragment. On this machine an issuer may do without encryption. */
function issuerFault(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && !isExposed(text));
  const isIssuer = isSafe && url.search === '' && url.hash === '' && !/[?#\s]/.test(text) && url.username === '';
  return isIssuer ? null : 'must be an https URL, without query or fragment, as it stands in the iss of its tokens';
}

function originsFault(text: string): string | null {
  const origins = listOf(text);
  // Each by its name: a pattern would be compared as it is, and never be found.
  if (origins.some((origin) => originFault(origin) !== null || origin.includes('*')))
    return 'must be a list, separated by commas, of origins: https://host, without a path';
  return new Set(origins).size === origins.length ? null : 'must not name anything twice';
}

function secretsFault(text: string): string | null {
  const secrets = listOf(text);
  for (const [at, secret] of secrets.entries()) {
    const fault = secretFault(secret);
    if (fault !== null) return `entry ${at + 1} ${fault}`;
  }
  return new Set(secrets).size === secrets.length ? null : 'must not name anything twice';
}

/** Credentials would cross a network in the clear. */
export const isExposed = (url: string | undefined): boolean =>
  url !== undefined &&
  URL.canParse(url) &&
  /^(http|ws):$/.test(new URL(url).protocol) &&
  !LOOPBACK.test(new URL(url).hostname);

const LOOPBACK = /^(localhost|\[::1\]|127(\.\d+){3})$/;

export const listOf = (text: string): string[] => (text === '' ? [] : text.split(',').map((item) => item.trim()));

function listFault(item: RegExp, what: string): (text: string) => string | null {
  return (text) => {
    const items = listOf(text);
    if (!items.every((each) => item.test(each))) return `must be a list, separated by commas, of ${what}`;
    return new Set(items).size === items.length ? null : 'must not name anything twice';
  };
}

/** Empty means absent: compose files and CI set variables they have no value for. */
export const withoutEmpty = (env: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => !!entry[1]?.trim()));
