import { Clock } from '../kernel/clock.js';
import { ApiKeyUseStore } from './api-key-use.store.js';
import { ApiKeys } from './api-keys.js';
import { ALL, served } from './served.contract.js';
import type { Served } from './served.contract.js';

const READER = 'only-reading-is-allowed-to-me';
const ADMIN = 'administrating-is-allowed-to-me';
const AT = '2026-11-22T09:00:00.000Z';

let at = AT;
class HandClock extends Clock {
  now(): Date {
    return new Date(at);
  }
}

/** What outlives a process. */
class Kept extends ApiKeyUseStore {
  fails = false;
  private readonly uses = new Map<string, Date>();

  async save(uses: ReadonlyMap<string, Date>): Promise<void> {
    if (this.fails) throw new Error('out of reach');
    for (const [name, used] of uses) this.uses.set(name, used);
  }

  async all(): Promise<ReadonlyMap<string, Date>> {
    return this.uses;
  }
}

const kept = new Kept();
let http: Served;
beforeEach(async () => {
  const keys = { reader: { key: READER, scopes: ['guest:read'] }, admin: { key: ADMIN, scopes: ['admin'] } };
  http = await served({
    keys,
    providers: [
      { provide: Clock, useClass: HandClock },
      { provide: ApiKeyUseStore, useValue: kept },
    ],
  });
});
afterEach(() => http.close());

const list = async (token = ADMIN) => (await http.call('GET', '/v1/api-keys', { token })).body;

describe('the list of API keys', () => {
  it('says of each what it may do and when it was used last, and nothing by which it could be used', async () => {
    expect(await list()).toEqual({
      items: [
        { name: 'all', scopes: ['*'], lastUsedAt: null },
        { name: 'reader', scopes: ['guest:read'], lastUsedAt: null },
        { name: 'admin', scopes: ['admin'], lastUsedAt: AT },
      ],
      nextCursor: null,
    });
  });

  it('counts a key as used also where it was refused, and a guess as nothing', async () => {
    at = '2026-11-22T09:30:00.000Z';
    expect((await http.call('GET', '/v1/api-keys', { token: READER })).status).toBe(403);
    expect((await http.call('GET', '/v1/api-keys', { token: `${ALL}x` })).status).toBe(401);
    at = '2026-11-22T10:00:00.000Z';
    const { items } = await list();
    expect((items as { name: string; lastUsedAt: string }[]).map(({ name, lastUsedAt }) => [name, lastUsedAt])).toEqual(
      [
        ['all', null],
        ['reader', '2026-11-22T09:30:00.000Z'],
        ['admin', '2026-11-22T10:00:00.000Z'],
      ],
    );
  });

  it('remembers over a restart when a key was used', async () => {
    at = '2026-11-22T11:00:00.000Z';
    await http.call('GET', '/v1/api-keys', { token: READER });
    await http.close();
    at = '2026-11-22T12:00:00.000Z';
    http = await served({
      keys: { reader: { key: READER, scopes: ['guest:read'] } },
      providers: [{ provide: ApiKeyUseStore, useValue: kept }],
    });
    expect((await http.app.get(ApiKeys).list()).find(({ name }) => name === 'reader')?.lastUsedAt).toEqual(
      new Date('2026-11-22T11:00:00.000Z'),
    );
  });

  it('keeps what could not be kept the first time', async () => {
    at = '2026-11-22T13:00:00.000Z';
    const keys = http.app.get(ApiKeys);
    await http.call('GET', '/v1/api-keys', { token: READER });
    kept.fails = true;
    await expect(keys.saveUses()).rejects.toThrow('out of reach');
    kept.fails = false;
    await keys.saveUses();
    expect((await kept.all()).get('reader')).toEqual(new Date(at));
  });
});
