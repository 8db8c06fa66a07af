import { getMetadataStorage, IsIn, IsPort, Matches, ValidateBy, validateSync } from 'class-validator';
import { misspelt } from './config.misspelt.js';
import { readApiKeys } from './http/api-keys.js';
import type { ApiKey } from './http/api-keys.js';
import { MayBeAbsent } from './http/validation.js';
import { secretFault } from './kernel/signature.js';

export type Mode = 'cloud' | 'sandbox';
export type PersonalDataPolicy = 'refuse' | 'mask';
export type RepairPolicy = 'ask' | 'automatic';
export type LogLevel = (typeof LOG_LEVELS)[number];
export type SecretKey = { readonly id: string; readonly secret: Buffer };

export type GenesysConfig = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The region's domain: `mypurecloud.ie`. */
  readonly environment: string;
  readonly deploymentId: string;
  /** An origin the deployment allows, sent with the guest socket's handshake. */
  readonly origin: string;
  readonly gatewayUrl?: string;
  readonly webmessagingUrl?: string;
};

export type Config = {
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Whose pages may call us from a browser. */
    readonly corsOrigins: readonly string[];
    /** Requests a minute and caller; null for as many as anybody likes. */
    readonly rateLimit: number | null;
  };
  readonly dataDir: string;
  /** Null: the embedded database under `dataDir`. */
  readonly databaseUrl: string | null;
  readonly mode: Mode;
  readonly apiKeys: readonly ApiKey[];
  /** Whose access tokens are accepted beside API keys, and for whom they must be made. Null for nobody's. */
  readonly oidc: { readonly issuer: string; readonly audience: string } | null;
  /** Newest first, here and below: the first makes new values, the others still read old ones. */
  readonly identity: { readonly keys: readonly SecretKey[]; readonly salt: string | null };
  readonly dataKeys: readonly SecretKey[];
  /** Null when the sandbox in this process is to say where it listens. */
  readonly genesys: GenesysConfig | null;
  /** With which what the organisation tells us of conversations is signed; newest first. Empty: nobody tells us. */
  readonly genesysEventsSecrets: readonly string[];
  /** How long nothing may be heard of a guest until Genesys is asked what became of it; 0: for ever. */
  readonly genesysReconcileMinutes: number;
  readonly crms: readonly string[];
  /** The names a guest's attributes may have. */
  readonly guestAttributes: readonly string[];
  /** What becomes of personal data found in attributes and the path of a page. */
  readonly personalDataInText: PersonalDataPolicy;
  /** How long a guest may be idle before it is closed; 0: for ever. */
  readonly guestIdleMinutes: number;
  /** For how many days what is kept. */
  readonly retentionDays: {
    readonly messages: number;
    readonly guests: number;
    readonly origins: number;
    readonly crmDeadLetters: number;
  };
  /** How often CRMs are read back (0: only when asked for), how fast, and whether what is found is repaired unasked. */
  readonly crmReconcile: { readonly hours: number; readonly pagesPerMinute: number; readonly repair: RepairPolicy };
  readonly sandboxPort: number;
  readonly logLevel: LogLevel;
  /** What is left of the environment for CRM adapters to find their own settings in; none of ours is in it. */
  readonly crmEnv: Readonly<Record<string, string>>;
};

export type Mistake = { readonly variable: string; readonly rule: string };

/** The configuration cannot be used. Written for the person who starts the service: every mistake by name, and no value. */
export class ConfigError extends Error {
  constructor(readonly mistakes: readonly Mistake[]) {
    const lines = mistakes.map(({ variable, rule }) => `  ${variable} ${rule}`);
    super(['The configuration cannot be used:', ...lines, 'See .env.example for what each variable means.'].join('\n'));
    this.name = 'ConfigError';
  }
}

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
class Environment {
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

/** The only reader of the environment. Throws a `ConfigError` with everything that is wrong. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = withoutEmpty(env);
  const known = configVariables();
  const environment = Object.assign(new Environment(), pick(given, known));
  const faults = validateSync(environment).flatMap(({ property, constraints }) =>
    Object.values(constraints ?? {}).map((rule) => ({ variable: property, rule })),
  );
  const mistakes = [...faults, ...faultsBetween(environment)];
  if (mistakes.length > 0) {
    const hints = misspelt(Object.keys(given), known).map(({ variable, meant }) => ({
      variable,
      rule: `is not known: perhaps ${meant} was meant`,
    }));
    throw new ConfigError([...mistakes, ...hints]);
  }
  const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !known.includes(name)));
  return frozen(configOf(environment, rest));
}

/** Which Genesys Cloud we talk to: the one that was named, or the real one when we have credentials for it. */
export function modeOf(env: Pick<Environment, 'GENESYS_MODE' | 'GENESYS_CLIENT_ID' | 'GENESYS_CLIENT_SECRET'>): Mode {
  if (env.GENESYS_MODE === 'cloud' || env.GENESYS_MODE === 'sandbox') return env.GENESYS_MODE;
  return env.GENESYS_CLIENT_ID && env.GENESYS_CLIENT_SECRET ? 'cloud' : 'sandbox';
}

/** The rules that hold between variables. */
function faultsBetween(env: Environment): Mistake[] {
  const mode = modeOf(env);
  const mistakes: Mistake[] = [];
  const need = (variable: keyof Environment, why: string) => {
    const isTold = mistakes.some((mistake) => mistake.variable === variable);
    if (env[variable] === undefined && !isTold) mistakes.push({ variable, rule: `is missing: ${why}` });
  };
  if (mode === 'sandbox' && env.GENESYS_MODE === undefined) {
    // Half of the credentials is a slip, not a wish for the sandbox.
    if (env.GENESYS_CLIENT_ID) need('GENESYS_CLIENT_SECRET', 'GENESYS_CLIENT_ID is of no use without it');
    if (env.GENESYS_CLIENT_SECRET) need('GENESYS_CLIENT_ID', 'GENESYS_CLIENT_SECRET is of no use without it');
    if (env.NODE_ENV === 'production') {
      need(
        'GENESYS_MODE',
        'with NODE_ENV=production the sandbox must be asked for by name; without it, give GENESYS_CLIENT_ID',
      );
    }
  }
  if (mode === 'cloud' || env.GENESYS_GATEWAY_URL !== undefined) {
    const why = mode === 'cloud' ? 'cloud mode needs it' : 'a sandbox at GENESYS_GATEWAY_URL needs it';
    need('GENESYS_CLIENT_ID', why);
    need('GENESYS_CLIENT_SECRET', why);
    need('GENESYS_DEPLOYMENT_ID', why);
    need('GENESYS_ORIGIN', why);
  }
  if (mode === 'cloud') {
    for (const variable of ['GENESYS_GATEWAY_URL', 'GENESYS_WEBMESSAGING_URL'] as const) {
      const rule = 'must be encrypted (https, wss) unless it is on this machine or GENESYS_MODE=sandbox';
      if (isExposed(env[variable])) mistakes.push({ variable, rule });
    }
  }
  if (env.OIDC_ISSUER !== undefined)
    need('OIDC_AUDIENCE', 'tokens of OIDC_ISSUER for others would be accepted without it');
  if (env.OIDC_AUDIENCE !== undefined) need('OIDC_ISSUER', 'OIDC_AUDIENCE is of no use without it');
  const why = mode === 'cloud' ? 'cloud mode needs it' : 'only a sandbox with its own embedded database makes one';
  for (const variable of ['API_KEYS', 'IDENTITY_KEYS', 'DATA_KEYS'] as const) need(variable, why);
  return mistakes;
}

function configOf(env: Environment, crmEnv: Record<string, string>): Config {
  const mode = modeOf(env);
  return {
    http: {
      host: env.HOST ?? (mode === 'sandbox' ? '127.0.0.1' : '0.0.0.0'),
      port: Number(env.PORT ?? 3000),
      corsOrigins: listOf(env.CORS_ORIGINS ?? ''),
      rateLimit: Number(env.RATE_LIMIT ?? (mode === 'sandbox' ? 0 : DEFAULT_RATE_LIMIT)) || null,
    },
    dataDir: env.DATA_DIR ?? DEFAULT_DATA_DIR,
    databaseUrl: env.DATABASE_URL ?? null,
    mode,
    apiKeys: readApiKeys(env.API_KEYS!).keys,
    oidc: env.OIDC_ISSUER === undefined ? null : { issuer: env.OIDC_ISSUER, audience: env.OIDC_AUDIENCE! },
    identity: { keys: readKeys(env.IDENTITY_KEYS!).keys, salt: env.IDENTITY_SALT ?? null },
    dataKeys: readKeys(env.DATA_KEYS!).keys,
    genesys: mode === 'sandbox' && env.GENESYS_GATEWAY_URL === undefined ? null : genesysOf(env),
    genesysEventsSecrets: listOf(env.GENESYS_EVENTS_SECRETS ?? ''),
    genesysReconcileMinutes: Number(env.GENESYS_RECONCILE_MINUTES ?? 15),
    crmReconcile: {
      hours: Number(env.RECONCILE_CRMS_HOURS ?? 24),
      pagesPerMinute: Number(env.RECONCILE_CRMS_PAGES_PER_MINUTE ?? 60),
      repair: env.RECONCILE_CRMS_REPAIR ?? 'ask',
    },
    crms: listOf(env.CRMS ?? (mode === 'sandbox' ? 'rest' : '')),
    guestAttributes: listOf(env.GUEST_ATTRIBUTES ?? 'source,converted,locale'),
    personalDataInText: env.PERSONAL_DATA_IN_TEXT ?? 'refuse',
    guestIdleMinutes: Number(env.GUEST_IDLE_MINUTES ?? 72 * 60),
    retentionDays: {
      messages: Number(env.RETENTION_MESSAGES_DAYS ?? 30),
      guests: Number(env.RETENTION_GUESTS_DAYS ?? 365),
      origins: Number(env.RETENTION_ORIGINS_DAYS ?? 90),
      crmDeadLetters: Number(env.RETENTION_CRM_DEAD_LETTERS_DAYS ?? 90),
    },
    sandboxPort: Number(env.SANDBOX_PORT ?? 3999),
    logLevel: env.LOG_LEVEL ?? 'info',
    crmEnv,
  };
}

const genesysOf = (env: Environment): GenesysConfig => ({
  clientId: env.GENESYS_CLIENT_ID!,
  clientSecret: env.GENESYS_CLIENT_SECRET!,
  environment: env.GENESYS_ENVIRONMENT ?? 'mypurecloud.ie',
  deploymentId: env.GENESYS_DEPLOYMENT_ID!,
  origin: env.GENESYS_ORIGIN!,
  ...(env.GENESYS_GATEWAY_URL === undefined ? {} : { gatewayUrl: env.GENESYS_GATEWAY_URL }),
  ...(env.GENESYS_WEBMESSAGING_URL === undefined ? {} : { webmessagingUrl: env.GENESYS_WEBMESSAGING_URL }),
});

export const DEFAULT_DATA_DIR = './data';

/** A hundred a second: no back end of a site needs more from one instance by accident. */
const DEFAULT_RATE_LIMIT = 6_000;

type ReadKeys = { readonly keys: readonly SecretKey[]; readonly fault: string | null };

/** `kid:base64` separated by commas, newest first. `wanted` says how many bytes it must be instead, or null. */
function readKeys(text: string, wanted: (size: number) => string | null = () => null): ReadKeys {
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
const isExposed = (url: string | undefined): boolean =>
  url !== undefined &&
  URL.canParse(url) &&
  /^(http|ws):$/.test(new URL(url).protocol) &&
  !LOOPBACK.test(new URL(url).hostname);

const LOOPBACK = /^(localhost|\[::1\]|127(\.\d+){3})$/;

const listOf = (text: string): string[] => (text === '' ? [] : text.split(',').map((item) => item.trim()));

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

const pick = (from: Record<string, string>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    // A buffer's bytes cannot be frozen.
    if (typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)) frozen(member as object);
  }
  return Object.freeze(value);
}
