import { Clock } from '../kernel/clock.js';
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

let http: Served;
beforeEach(async () => {
  const keys = { reader: { key: READER, scopes: ['guest:read'] }, admin: { key: ADMIN, scopes: ['admin'] } };
  http = await served({ keys, providers: [{ provide: Clock, useClass: HandClock }] });
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
});
