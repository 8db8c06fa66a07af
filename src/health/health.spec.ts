import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../kernel/app-error.js';
import { served } from '../http/served.contract.js';
import type { Served } from '../http/served.contract.js';
import { Dependencies } from './dependencies.js';
import type { Dependency } from './dependencies.js';
import { HealthModule } from './health.module.js';
import { PING_REUSE_MS, PING_TIMEOUT_MS } from './health.service.js';

let pings: Record<string, () => Promise<unknown>>;
let asked: string[];
let signal: AbortSignal | undefined;

const dependency = (name: string, critical: boolean): Dependency => ({
  name,
  critical,
  ping: (given) => {
    asked.push(name);
    signal = given;
    return pings[name]!();
  },
});

const all = [dependency('storage', true), dependency('genesys', false), dependency('crm/rest', false)];
let http: Served;

beforeEach(async () => {
  asked = [];
  pings = { storage: async () => 1, genesys: async () => 1, 'crm/rest': async () => 1 };
  http = await served({
    imports: [HealthModule.with('sandbox')],
    providers: [{ provide: Dependencies, useValue: { all: () => all } }],
  });
});
afterEach(() => http.close());

const get = (path: string) => http.call('GET', `/health/${path}`, { token: null });
const down = (name: string, error: Error) => {
  pings[name] = () => Promise.reject(error);
};

describe('/health/live', () => {
  it('answers without asking anybody', async () => {
    down('storage', new Error('gone'));
    expect(await get('live')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(asked).toEqual([]);
  });
});

describe('/health/ready', () => {
  it('asks storage alone', async () => {
    down('genesys', new Error('gone'));
    const answer = await get('ready');
    expect(answer).toMatchObject({ status: 200, body: { status: 'ok', details: { storage: { status: 'up' } } } });
    expect(asked).toEqual(['storage']);
  });

  it('is 503 while storage is down, and says why as a code', async () => {
    down('storage', new AppError('unavailable', 'storage.unavailable', 'at 10.0.0.1'));
    expect(await get('ready')).toMatchObject({
      status: 503,
      body: { status: 'error', details: { storage: { status: 'down', code: 'storage.unavailable' } } },
    });
  });
});

describe('/health/dependencies', () => {
  it('says how everybody is doing, and which Genesys it is', async () => {
    const { status, body } = await get('dependencies');
    const up = (critical: boolean) => ({ status: 'up', critical, responseTime: expect.any(Number) as number });
    expect(status).toBe(200);
    expect(body).toEqual({
      status: 'ok',
      mode: 'sandbox',
      details: { storage: up(true), genesys: up(false), 'crm/rest': up(false) },
    });
  });

  it('is 200 when a CRM is down: that is news, and no reason to be taken out of rotation', async () => {
    down('crm/rest', new AppError('unavailable', 'crm.unavailable', 'no'));
    expect(await get('dependencies')).toMatchObject({
      status: 200,
      body: {
        status: 'degraded',
        details: { storage: { status: 'up' }, 'crm/rest': { status: 'down', code: 'crm.unavailable' } },
      },
    });
    down('storage', new Error('gone'));
    await sleep(PING_REUSE_MS + 50);
    expect(await get('dependencies')).toMatchObject({ status: 200, body: { status: 'error' } });
  });

  it('tells nothing of an error but its code', async () => {
    down('genesys', Object.assign(new Error('connect 10.0.0.1 with secret of jane@example.com'), { token: 'secret' }));
    const { text } = await get('dependencies');
    expect(text).not.toMatch(/10\.0|secret|jane/);
    expect(text).toContain('"code":"bug.Error"');
    expect(JSON.stringify(http.lines)).not.toMatch(/secret|jane/);
  });

  it('waits two seconds for each at most, all at once, and gives up the call', async () => {
    const never = () => new Promise(() => undefined);
    pings = { storage: never, genesys: never, 'crm/rest': async () => 1 };
    const startedAt = performance.now();
    const { body } = await get('dependencies');
    const ms = performance.now() - startedAt;
    expect(ms).toBeGreaterThan(PING_TIMEOUT_MS - 50);
    expect(ms).toBeLessThan(PING_TIMEOUT_MS + 1_000);
    expect(body).toMatchObject({
      details: { storage: { status: 'down', code: 'health.timeout' }, 'crm/rest': { status: 'up' } },
    });
    expect(signal?.aborted).toBe(true);
  });

  it('asks once for many who ask at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => get('dependencies')));
    expect(asked.sort()).toEqual(['crm/rest', 'genesys', 'storage']);
  });

  it('leaves a line when somebody goes down and when they are back, and none in between', async () => {
    const told = () => http.lines.map(({ msg }) => msg).filter((msg) => String(msg).startsWith('dependency'));
    down('genesys', new Error('gone'));
    await get('dependencies');
    await get('dependencies');
    expect(told()).toEqual(['dependency down']);
    pings['genesys'] = async () => 1;
    await sleep(PING_REUSE_MS + 50);
    await get('dependencies');
    expect(told()).toEqual(['dependency down', 'dependency up again']);
  });
});
