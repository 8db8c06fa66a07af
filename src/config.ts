import { validateSync } from 'class-validator';
import { configVariables, Environment, isExposed, listOf, readKeys, withoutEmpty } from './config.environment.js';
import type {
  ErasurePolicy,
  LogLevel,
  Mode,
  PersonalDataPolicy,
  ReadOnlyPolicy,
  SecretKey,
} from './config.environment.js';
import { misspelt } from './config.misspelt.js';
import { readApiKeys } from './http/api-keys.js';
import type { ApiKey } from './http/api-keys.js';
import type { RepairPolicy } from './modules/crm-sync/index.js';

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
  /** Whether to listen on a notification channel. */
  readonly genesysNotifications: boolean;
  /** Whether Genesys is asked to erase what it holds of an erased guest, or that is only reported. */
  readonly genesysErasure: ErasurePolicy;
  readonly crms: readonly string[];
  /** The names a guest's attributes may have. */
  readonly guestAttributes: readonly string[];
  /** What becomes of personal data found in attributes and the path of a page. */
  readonly personalDataInText: PersonalDataPolicy;
  readonly guestAfterReadOnly: ReadOnlyPolicy;
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
    genesysNotifications: env.GENESYS_NOTIFICATIONS === 'on',
    genesysErasure: env.GENESYS_ERASURE ?? 'request',
    crmReconcile: {
      hours: Number(env.RECONCILE_CRMS_HOURS ?? 24),
      pagesPerMinute: Number(env.RECONCILE_CRMS_PAGES_PER_MINUTE ?? 60),
      repair: env.RECONCILE_CRMS_REPAIR ?? 'ask',
    },
    crms: listOf(env.CRMS ?? (mode === 'sandbox' ? 'rest' : '')),
    guestAttributes: listOf(env.GUEST_ATTRIBUTES ?? 'source,converted,locale'),
    personalDataInText: env.PERSONAL_DATA_IN_TEXT ?? 'refuse',
    guestAfterReadOnly: env.GUEST_AFTER_READ_ONLY ?? 'new-conversation',
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

const pick = (from: Record<string, string>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));

function frozen<T extends object>(value: T): T {
  for (const member of Object.values(value)) {
    // A buffer's bytes cannot be frozen.
    if (typeof member === 'object' && member !== null && !ArrayBuffer.isView(member)) frozen(member as object);
  }
  return Object.freeze(value);
}
