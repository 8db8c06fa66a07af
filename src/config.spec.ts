import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { CrmHttp } from './adapters/crm/crm-http.js';
import { crmAdapters } from './adapters/crm/index.js';
import { platformContacts } from './adapters/genesys/platform-contacts.js';
import { aRecord } from './modules/crm-sync/ports/crm.contract.js';
import { withSandboxKeys } from './config.keys.js';
import type { MadeApiKey } from './config.keys.js';
import { ConfigError, readConfig } from './config.js';
import { configVariables } from './config.environment.js';

const bytes = (size: number): string => randomBytes(size).toString('base64');

const KEYS = {
  API_KEYS: `web:${'k'.repeat(24)}:guest:write+guest:read`,
  IDENTITY_KEYS: `new:${bytes(32)},old:${bytes(48)}`,
  DATA_KEYS: `d1:${bytes(32)}`,
};

const CLOUD = {
  ...KEYS,
  GENESYS_CLIENT_ID: 'client-id',
  GENESYS_CLIENT_SECRET: 'client-secret',
  GENESYS_DEPLOYMENT_ID: 'b0b2a1c4-0000-4000-8000-000000000000',
  GENESYS_ORIGIN: 'https://www.example.com',
};

const mistakesIn = (env: NodeJS.ProcessEnv): Record<string, string> => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.mistakes.map(({ variable, rule }) => [variable, rule]));
    }
    throw error;
  }
  return {};
};

describe('the configuration', () => {
  it('is the sandbox on this machine when only keys are given', () => {
    expect(readConfig(KEYS)).toMatchObject({
      http: { host: '127.0.0.1', port: 3000, corsOrigins: [], rateLimit: null },
      dataDir: './data',
      databaseUrl: null,
      mode: 'sandbox',
      oidc: null,
      identity: { salt: null },
      genesys: null,
      genesysErasure: 'request',
      crms: ['rest'],
      guestAttributes: ['source', 'converted', 'locale'],
      personalDataInText: 'refuse',
      guestAfterReadOnly: 'new-conversation',
      sandboxPort: 3999,
      logLevel: 'info',
    });
  });

  it('is the cloud when there are credentials for it', () => {
    expect(readConfig(CLOUD)).toMatchObject({
      http: { host: '0.0.0.0', port: 3000, corsOrigins: [], rateLimit: 6_000 },
      mode: 'cloud',
      crms: [],
      genesys: {
        clientId: 'client-id',
        clientSecret: 'client-secret',
        environment: 'mypurecloud.ie',
        deploymentId: CLOUD.GENESYS_DEPLOYMENT_ID,
        origin: 'https://www.example.com',
      },
    });
    expect(readConfig({ ...CLOUD, GENESYS_MODE: 'sandbox' })).toMatchObject({ mode: 'sandbox', genesys: null });
  });

  it('reads every variable it names', () => {
    const config = readConfig({
      ...CLOUD,
      PORT: '0',
      HOST: '::1',
      OIDC_ISSUER: 'https://login.example.com/tenant/',
      OIDC_AUDIENCE: 'guest-manager',
      CORS_ORIGINS: 'https://a.example.com, http://localhost:5173',
      RATE_LIMIT: '100',
      DATA_DIR: '/var/lib/gm',
      DATABASE_URL: 'postgres://u:p@db:5432/gm',
      IDENTITY_SALT: 'pepper',
      GENESYS_ENVIRONMENT: 'usw2.pure.cloud',
      GENESYS_GATEWAY_URL: 'http://127.0.0.1:3999',
      GENESYS_WEBMESSAGING_URL: 'ws://localhost:3999',
      GENESYS_ERASURE: 'report',
      CRMS: 'rest, salesforce',
      GUEST_ATTRIBUTES: 'source,vip',
      PERSONAL_DATA_IN_TEXT: 'mask',
      GUEST_AFTER_READ_ONLY: 'close',
      GUEST_IDLE_MINUTES: '0',
      RETENTION_MESSAGES_DAYS: '7',
      RETENTION_GUESTS_DAYS: '90',
      RETENTION_ORIGINS_DAYS: '14',
      RETENTION_CRM_DEAD_LETTERS_DAYS: '21',
      RECONCILE_CRMS_HOURS: '6',
      RECONCILE_CRMS_PAGES_PER_MINUTE: '30',
      RECONCILE_CRMS_REPAIR: 'automatic',
      SANDBOX_PORT: '4999',
      LOG_LEVEL: 'debug',
      NODE_ENV: 'production',
      CRM_AUTH_TOKEN: 'crm-token',
    });
    expect(config).toMatchObject({
      http: {
        host: '::1',
        port: 0,
        corsOrigins: ['https://a.example.com', 'http://localhost:5173'],
        rateLimit: 100,
      },
      dataDir: '/var/lib/gm',
      databaseUrl: 'postgres://u:p@db:5432/gm',
      oidc: { issuer: 'https://login.example.com/tenant/', audience: 'guest-manager' },
      identity: { salt: 'pepper' },
      genesys: {
        environment: 'usw2.pure.cloud',
        gatewayUrl: 'http://127.0.0.1:3999',
        webmessagingUrl: 'ws://localhost:3999',
      },
      genesysErasure: 'report',
      crms: ['rest', 'salesforce'],
      guestAttributes: ['source', 'vip'],
      personalDataInText: 'mask',
      guestAfterReadOnly: 'close',
      guestIdleMinutes: 0,
      retentionDays: { messages: 7, guests: 90, origins: 14, crmDeadLetters: 21 },
      crmReconcile: { hours: 6, pagesPerMinute: 30, repair: 'automatic' },
      sandboxPort: 4999,
      logLevel: 'debug',
    });
    expect(config.crmEnv).toEqual({ CRM_AUTH_TOKEN: 'crm-token' });
  });

  it('keeps the digest of an API key, and never the key', () => {
    const digest = createHash('sha256').update('x'.repeat(40)).digest();
    const { apiKeys } = readConfig({
      ...KEYS,
      API_KEYS: `web:${'x'.repeat(40)}:guest:write+guest:read,ops:sha256:${digest.toString('hex')}:*`,
    });
    expect(apiKeys).toEqual([
      { name: 'web', digest, scopes: ['guest:write', 'guest:read'] },
      { name: 'ops', digest, scopes: ['*'] },
    ]);
  });

  it('reads keys newest first', () => {
    const { identity, dataKeys } = readConfig(KEYS);
    expect(identity.keys.map(({ id, secret }) => [id, secret.length])).toEqual([
      ['new', 32],
      ['old', 48],
    ]);
    expect(dataKeys.map(({ id }) => id)).toEqual(['d1']);
  });

  it('cannot be changed once it is read', () => {
    const config = readConfig(CLOUD);
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.http)).toBe(true);
    expect(Object.isFrozen(config.apiKeys[0]!.scopes)).toBe(true);
  });

  it('takes a rate limit of 0 for none', () => {
    expect(readConfig({ ...CLOUD, RATE_LIMIT: '0' }).http.rateLimit).toBeNull();
    expect(readConfig({ ...KEYS, RATE_LIMIT: '60' }).http.rateLimit).toBe(60);
  });

  it('takes empty for absent', () => {
    expect(readConfig({ ...KEYS, PORT: '', GENESYS_CLIENT_ID: ' ', DATABASE_URL: '' })).toMatchObject({
      mode: 'sandbox',
      databaseUrl: null,
    });
  });
});

describe('a configuration that cannot be used', () => {
  const broken = {
    PORT: 'secret-70000',
    HOST: 'secret host',
    CORS_ORIGINS: 'https://secret.example/',
    RATE_LIMIT: 'secret per minute',
    DATABASE_URL: 'mysql://secret@db/x',
    API_KEYS: `a:secret-short:*`,
    OIDC_ISSUER: 'ftp://secret.example',
    IDENTITY_KEYS: `a:${Buffer.from('secret').toString('base64')}`,
    DATA_KEYS: 'a:secret!',
    GENESYS_ENVIRONMENT: 'https://secret',
    GENESYS_DEPLOYMENT_ID: 'secret id',
    GENESYS_ORIGIN: 'https://secret.example/path',
    GENESYS_GATEWAY_URL: 'ftp://secret',
    GENESYS_WEBMESSAGING_URL: 'secret',
    GENESYS_ERASURE: 'secret',
    GENESYS_MODE: 'secret',
    CRMS: 'Secret!',
    SANDBOX_PORT: 'secret',
    GUEST_ATTRIBUTES: 'secret one',
    PERSONAL_DATA_IN_TEXT: 'secret',
    LOG_LEVEL: 'secret',
    NODE_ENV: 'secret',
  };

  it('is refused with every mistake by name, and no value', () => {
    const mistakes = mistakesIn(broken);
    expect(Object.keys(mistakes)).toEqual(expect.arrayContaining(Object.keys(broken)));
    const message = new ConfigError(Object.entries(mistakes).map(([variable, rule]) => ({ variable, rule }))).message;
    expect(message.split('\n').length).toBeGreaterThan(Object.keys(broken).length);
    expect(message.toLowerCase()).not.toContain('secret-');
    for (const value of Object.values(broken)) expect(message).not.toContain(value);
  });

  it('says what each kind of mistake is', () => {
    expect(mistakesIn(broken)).toMatchObject({
      PORT: 'must be a port: 0 to 65535',
      API_KEYS: 'entry 1 has a key shorter than 24 characters',
      IDENTITY_KEYS: 'entry 1 must be at least 32 bytes long',
      DATA_KEYS: 'entry 1 is not base64',
      GENESYS_ORIGIN: 'must be an origin: https://host, without a path',
    });
  });

  it.each([
    ['a form of its own', 'web', 'entry 1 must have the form name:key:scope+scope'],
    ['no scope', `web:${'k'.repeat(24)}:`, 'entry 1 must have the form name:key:scope+scope'],
    ['an unknown scope', `web:${'k'.repeat(24)}:guest:wrote`, /^entry 1 names a scope that does not exist/],
    ['a half digest', `web:sha256:abc:*`, 'entry 1 must have 64 hex digits after sha256:'],
    ['a key that is no token', `web:${'ü'.repeat(24)}:*`, 'entry 1 has a key that cannot be sent as a bearer token'],
    ['a name twice', `a:${'k'.repeat(24)}:*,a:${'l'.repeat(24)}:*`, 'entry 2 has the name of an entry before it'],
    ['a name with a space', `a b:${'k'.repeat(24)}:*`, 'entry 1 must have a name of 1 to 32 letters, digits, _ or -'],
    ['an empty entry', `a:${'k'.repeat(24)}:*,`, 'entry 2 must have the form name:key:scope+scope'],
  ])('does not take an API key with %s', (_what, API_KEYS, rule) => {
    expect(mistakesIn({ ...KEYS, API_KEYS })['API_KEYS']).toMatch(rule);
  });

  it.each([
    ['of 31 bytes', `a:${bytes(31)}`, 'entry 1 must be exactly 32 bytes long'],
    ['of 33 bytes', `a:${bytes(33)}`, 'entry 1 must be exactly 32 bytes long'],
    ['without an id', `:${bytes(32)}`, 'entry 1 must have an id of 1 to 32 letters, digits, _ or -'],
    ['with an id that is taken', `a:${bytes(32)},a:${bytes(32)}`, 'entry 2 has the id of an entry before it'],
    ['without its bytes', 'a', 'entry 1 must have the form kid:base64'],
  ])('does not take a data key %s', (_what, DATA_KEYS, rule) => {
    expect(mistakesIn({ ...KEYS, DATA_KEYS })).toEqual({ DATA_KEYS: rule });
  });

  it.each([
    '*',
    'null',
    'https://a.example.com,',
    'https://a.example.com,https://a.example.com',
    'https://*.example.com',
  ])('does not take %s for origins whose pages may call', (CORS_ORIGINS) =>
    expect(Object.keys(mistakesIn({ ...KEYS, CORS_ORIGINS }))).toEqual(['CORS_ORIGINS']),
  );

  it('needs all of Genesys and every key in cloud mode', () => {
    const mistakes = mistakesIn({ GENESYS_MODE: 'cloud' });
    expect(Object.keys(mistakes)).toEqual([
      'GENESYS_CLIENT_ID',
      'GENESYS_CLIENT_SECRET',
      'GENESYS_DEPLOYMENT_ID',
      'GENESYS_ORIGIN',
      'API_KEYS',
      'IDENTITY_KEYS',
      'DATA_KEYS',
    ]);
  });

  it('needs every key when the database is shared', () => {
    expect(Object.keys(mistakesIn({ DATABASE_URL: 'postgres://db/x' }))).toEqual([
      'API_KEYS',
      'IDENTITY_KEYS',
      'DATA_KEYS',
    ]);
  });

  it('needs an issuer and an audience, or neither', () => {
    expect(Object.keys(mistakesIn({ ...KEYS, OIDC_ISSUER: 'https://login.example.com' }))).toEqual(['OIDC_AUDIENCE']);
    expect(Object.keys(mistakesIn({ ...KEYS, OIDC_AUDIENCE: 'x' }))).toEqual(['OIDC_ISSUER']);
  });

  it.each([
    ['http://login.example.com', false],
    ['https://login.example.com/?tenant=1', false],
    ['https://login.example.com#', false],
    ['https://user:secret@login.example.com', false],
    ['login.example.com', false],
    ['https://login.example.com/tenant', true],
    ['http://127.0.0.1:4000', true],
  ])('takes %s for an issuer: %p', (OIDC_ISSUER, isTaken) => {
    const mistakes = Object.keys(mistakesIn({ ...KEYS, OIDC_ISSUER, OIDC_AUDIENCE: 'x' }));
    expect(mistakes).toEqual(isTaken ? [] : ['OIDC_ISSUER']);
  });

  it('needs half a pair of credentials to be completed', () => {
    expect(Object.keys(mistakesIn({ ...KEYS, GENESYS_CLIENT_ID: 'x' }))).toEqual(['GENESYS_CLIENT_SECRET']);
    expect(Object.keys(mistakesIn({ ...KEYS, GENESYS_CLIENT_SECRET: 'x' }))).toEqual(['GENESYS_CLIENT_ID']);
  });

  it('does not slip into the sandbox in production', () => {
    expect(Object.keys(mistakesIn({ ...KEYS, NODE_ENV: 'production' }))).toEqual(['GENESYS_MODE']);
    expect(readConfig({ ...KEYS, NODE_ENV: 'production', GENESYS_MODE: 'sandbox' }).mode).toBe('sandbox');
    expect(readConfig({ ...CLOUD, NODE_ENV: 'production' }).mode).toBe('cloud');
  });

  it('needs to know how to reach a sandbox that runs elsewhere', () => {
    const env = { ...KEYS, GENESYS_MODE: 'sandbox', GENESYS_GATEWAY_URL: 'http://sandbox:3999' };
    expect(Object.keys(mistakesIn(env))).toEqual([
      'GENESYS_CLIENT_ID',
      'GENESYS_CLIENT_SECRET',
      'GENESYS_DEPLOYMENT_ID',
      'GENESYS_ORIGIN',
    ]);
    expect(readConfig({ ...CLOUD, ...env }).genesys).toMatchObject({ gatewayUrl: 'http://sandbox:3999' });
  });

  it('does not send real credentials over a network in the clear', () => {
    expect(Object.keys(mistakesIn({ ...CLOUD, GENESYS_GATEWAY_URL: 'http://gateway.example.com' }))).toEqual([
      'GENESYS_GATEWAY_URL',
    ]);
  });
});

describe('.env.example', () => {
  const text = readFileSync(join(__dirname, '..', '.env.example'), 'utf8');
  const documented = [...text.matchAll(/^#? ?([A-Z][A-Z_]+)=/gm)].map(([, name]) => name!);
  const isOfCrm = (name: string) => /^(CRM|SALESFORCE|HUBSPOT|GENESYS_CONTACTS)_/.test(name);
  const shown = () => parseEnv(text.replaceAll(/^# ?([A-Z][A-Z_]+=)/gm, '$1'));
  const genesys = {
    clientId: 'c',
    clientSecret: 's',
    environment: 'mypurecloud.ie',
    deploymentId: 'd',
    origin: 'https://o',
  };
  const adapters = crmAdapters(platformContacts(genesys));
  /** What the adapters say of an environment, all together. */
  const refusedBy = (env: NodeJS.ProcessEnv): string =>
    adapters
      .flatMap(({ open }) => {
        try {
          open(env, {} as CrmHttp);
          return [];
        } catch (error) {
          return [(error as Error).message];
        }
      })
      .join('\n');

  it('documents every variable once, and none that nobody reads', () => {
    const ofCrms = documented.filter(isOfCrm);
    expect([...documented].sort()).toEqual([...configVariables(), ...ofCrms].sort());
    expect(new Set(documented).size).toBe(documented.length);
    for (const name of ofCrms) expect(refusedBy({ ...shown(), [name]: '' })).toMatch(`${name} `);
  });

  it('shows what every CRM needs, and its defaults', () => {
    expect(refusedBy(shown())).toBe('');
    const isDefault = (name: string) => /_(FIELDS?|PROPERTIES|PROPERTY|OBJECT|VERSION)$|^HUBSPOT_URL$/.test(name);
    const needed = Object.fromEntries(Object.entries(shown()).filter(([name]) => !isDefault(name)));
    const previews = (env: NodeJS.ProcessEnv) =>
      adapters.map(({ open }) => open(env, {} as CrmHttp).preview?.([aRecord('a')], 'key'));
    expect(previews(needed)).toEqual(previews(shown()));
  });

  it('starts the sandbox as it stands', () => {
    const directory = mkdtempSync(join(tmpdir(), 'config-'));
    try {
      const env = { ...parseEnv(text), DATA_DIR: directory };
      expect(readConfig(withSandboxKeys(env))).toMatchObject({ mode: 'sandbox', http: { port: 3000 } });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('shows values that would be taken', () => {
    expect(mistakesIn(shown())).toEqual({});
  });
});

describe('the keys of a sandbox', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'config-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const file = (name: string) => join(directory, 'data', name);
  const env = () => ({ DATA_DIR: join(directory, 'data') });

  it('are made once and found again', () => {
    const made: MadeApiKey[] = [];
    const first = withSandboxKeys(env(), (key) => made.push(key));
    const second = withSandboxKeys(env(), (key) => made.push(key));
    expect(second).toEqual(first);
    expect(made).toHaveLength(1);
    expect(readConfig(first)).toMatchObject({ mode: 'sandbox', apiKeys: [{ name: 'sandbox', scopes: ['*'] }] });
  });

  it('are readable by their owner alone, the API key also by itself', () => {
    const { API_KEYS } = withSandboxKeys(env());
    expect(readFileSync(file('api-key'), 'utf8').trim()).toBe(API_KEYS!.split(':')[1]);
    for (const name of ['keys.json', 'api-key']) expect(statSync(file(name)).mode & 0o777).toBe(0o600);
    expect(readdirSync(file('')).sort()).toEqual(['api-key', 'keys.json']);
  });

  it('leave alone what was given', () => {
    const { DATA_KEYS, IDENTITY_KEYS } = withSandboxKeys({ ...env(), DATA_KEYS: KEYS.DATA_KEYS });
    expect(DATA_KEYS).toBe(KEYS.DATA_KEYS);
    const again = withSandboxKeys(env());
    expect(again['IDENTITY_KEYS']).toBe(IDENTITY_KEYS);
    expect(again['DATA_KEYS']).not.toBe(KEYS.DATA_KEYS);
    expect(withSandboxKeys(env())).toEqual(again);
  });

  it.each([
    ['in cloud mode', { GENESYS_MODE: 'cloud' }],
    ['for a database that others share', { DATABASE_URL: 'postgres://db/x' }],
    ['when all were given', KEYS],
  ])('are not made %s', (_when, more) => {
    const given = { ...env(), ...more };
    expect(withSandboxKeys(given)).toBe(given);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('are not made anew when the file is damaged, because what they encrypted would be lost', () => {
    withSandboxKeys(env());
    writeFileSync(file('keys.json'), '{"DATA_KEYS": "sandbox:');
    expect(() => withSandboxKeys(env())).toThrow(ConfigError);
    expect(() => withSandboxKeys(env())).toThrow(/DATA_DIR holds a keys.json that cannot be read/);
  });
});
