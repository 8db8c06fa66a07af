import { Controller, Get, Post } from '@nestjs/common';
import fc from 'fast-check';
import { Clock } from '../kernel/clock.js';
import { Open, Scope } from './access.js';
import { addressKey, RATE_WINDOW_MS, RateLimit } from './rate-limit.js';
import { ALL, served } from './served.contract.js';
import type { Answer, Served } from './served.contract.js';

@Scope('guest:read')
@Controller('v1/things')
class ThingController {
  @Get()
  get() {
    return {};
  }

  @Post()
  @Scope('guest:write')
  write() {
    return {};
  }

  @Get('open')
  @Open()
  open() {
    return {};
  }
}

const QUOTA = 3;
const READER = 'only-reading-is-allowed-to-me';

describe('a quota', () => {
  const take = (limit: RateLimit, key: string, now: number) => limit.take(key, now);

  it('lets as many through as it says, each caller by itself, and tells how many are left', () => {
    const limit = new RateLimit(2);
    expect(take(limit, 'a', 0)).toEqual({ left: 1, seconds: 60, isOver: false });
    expect(take(limit, 'b', 0)).toMatchObject({ left: 1, isOver: false });
    expect(take(limit, 'a', 30_500)).toEqual({ left: 0, seconds: 30, isOver: false });
    expect(take(limit, 'a', 59_999)).toEqual({ left: 0, seconds: 1, isOver: true });
    expect(take(limit, 'a', 60_000)).toEqual({ left: 1, seconds: 60, isOver: false });
  });

  it('never lets more through than it says in any of its windows, whoever asks and when', () => {
    const calls = fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), wait: fc.nat(20_000) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 5 }), (all, quota) => {
        const limit = new RateLimit(quota);
        const windows = new Map<string, { endsAt: number; through: number }>();
        let now = 0;
        for (const { key, wait } of all) {
          now += wait;
          const before = windows.get(key);
          const window = before && before.endsAt > now ? before : { endsAt: now + RATE_WINDOW_MS, through: 0 };
          windows.set(key, window);
          const isUsedUp = window.through === quota;
          if (!isUsedUp) window.through++;
          expect(limit.take(key, now)).toMatchObject({ isOver: isUsedUp, left: quota - window.through });
        }
      }),
    );
  });

  it('keeps nobody out for longer than a window when the clock is set back', () => {
    const limit = new RateLimit(1);
    limit.take('a', 3_600_000);
    expect(limit.take('a', 0)).toEqual({ left: 0, seconds: 60, isOver: false });
    expect(limit.take('a', 1_000)).toMatchObject({ seconds: 59, isOver: true });
  });

  it('keeps no more callers than it is allowed to, and none longer than their window', () => {
    const limit = new RateLimit(1, 100);
    for (let n = 0; n < 10_000; n++) limit.take(`caller-${n}`, n);
    expect(limit.size).toBe(100);
    expect(take(limit, 'caller-9999', 10_000).isOver).toBe(true);
    expect(take(limit, 'caller-0', 10_000).isOver).toBe(false);
    limit.take('late', 10_000 + RATE_WINDOW_MS);
    expect(limit.size).toBe(1);
  });
});

describe('an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:0db8:0000:0000::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s is counted under %s', (ip, key) => expect(addressKey(ip)).toBe(key));
});

describe('a limited caller', () => {
  class HandClock extends Clock {
    ms = Date.parse('2026-11-22T09:00:00Z');
    now(): Date {
      return new Date(this.ms);
    }
  }
  const clock = new HandClock();
  let http: Served;
  beforeAll(async () => {
    http = await served({
      controllers: [ThingController],
      keys: { reader: { key: READER, scopes: ['guest:read'] } },
      providers: [{ provide: Clock, useValue: clock }],
      rateLimit: QUOTA,
    });
  });
  afterAll(() => http.close());
  beforeEach(() => {
    clock.ms += RATE_WINDOW_MS;
    http.denials.splice(0);
  });

  const get = (token: string | null = ALL, path = '/v1/things') => http.call('GET', path, { token });
  const standing = ({ status, headers }: Answer) => [status, headers.get('ratelimit'), headers.get('ratelimit-policy')];
  const POLICY = `"default";q=${QUOTA};w=60`;

  it('is told with every answer how much is left, refusals included', async () => {
    expect(standing(await get(READER))).toEqual([200, '"default";r=2;t=60', POLICY]);
    clock.ms += 20_000;
    expect(standing(await http.call('POST', '/v1/things', { token: READER }))).toEqual([
      403,
      '"default";r=1;t=40',
      POLICY,
    ]);
    expect(standing(await get(READER))).toEqual([200, '"default";r=0;t=40', POLICY]);
  });

  it('is told when to come back once nothing is left, and is served then', async () => {
    for (let n = 0; n < QUOTA; n++) await get();
    clock.ms += 15_000;
    const answer = await get();
    expect(standing(answer)).toEqual([429, '"default";r=0;t=45', POLICY]);
    expect(answer.headers.get('retry-after')).toBe('45');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      detail: 'The quota of 3 requests a minute is used up. Repeat the request in 45 seconds.',
      instance: '/v1/things',
      code: 'http.quota_exceeded',
      'violated-policies': ['default'],
    });
    expect((await get(READER)).status).toBe(200);
    clock.ms += 45_000;
    expect((await get()).status).toBe(200);
    expect(http.denials).toMatchObject([{ actor: 'api-key:all', reason: 'over-quota', route: 'GET /v1/things' }]);
  });

  it('is counted by address for as long as nobody knows it, which takes nothing from those we know', async () => {
    expect(standing(await get('a-guess-that-is-wrong-000'))).toEqual([401, '"default";r=2;t=60', POLICY]);
    expect((await get(null)).status).toBe(401);
    expect((await get('another-wrong-guess-00000')).status).toBe(401);
    const answer = await get('one-wrong-guess-too-many-');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '60']);
    expect(answer.headers.get('www-authenticate')).toBeNull();
    expect(standing(await get())).toEqual([200, '"default";r=2;t=60', POLICY]);
    expect(JSON.stringify(http.lines)).not.toContain('127.0.0.1');
  });

  it('is not counted where everybody may come in', async () => {
    for (let n = 0; n < QUOTA + 2; n++) expect(standing(await get(null, '/v1/things/open'))).toEqual([200, null, null]);
  });
});

it('without a quota nobody is counted', async () => {
  const http = await served({ controllers: [ThingController] });
  try {
    for (let n = 0; n < 10; n++) {
      const { status, headers } = await http.call('GET', '/v1/things');
      expect([status, headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([200, null, null]);
    }
  } finally {
    await http.close();
  }
});
