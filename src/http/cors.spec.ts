import { Controller, Get, Post } from '@nestjs/common';
import { Scope } from './access.js';
import { AppError } from '../kernel/app-error.js';
import { EXPOSED_HEADERS } from './cors.js';
import { served } from './served.contract.js';
import type { Served } from './served.contract.js';

@Scope('guest:read')
@Controller('v1/things')
class ThingController {
  @Get()
  get() {
    return {};
  }

  @Post()
  fails() {
    throw new AppError('conflict', 'thing.taken', 'It is taken.');
  }
}

const PAGE = 'https://www.example.com';
const CORS = /^access-control-/;

let http: Served;
beforeAll(
  async () =>
    (http = await served({ controllers: [ThingController], corsOrigins: [PAGE, 'https://shop.example.com:8443'] })),
);
afterAll(() => http.close());
beforeEach(() => http.denials.splice(0));

const corsHeaders = (headers: Headers) => Object.fromEntries([...headers].filter(([name]) => CORS.test(name)));
const preflight = (origin: string, path = '/v1/things') =>
  http.call('OPTIONS', path, {
    token: null,
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });

describe('a page of an origin on the list', () => {
  it.each([PAGE, 'https://shop.example.com:8443'])(
    'may read answers, and what their headers say: %s',
    async (origin) => {
      const { status, headers } = await http.call('GET', '/v1/things', { headers: { origin } });
      expect([status, headers.get('vary')]).toEqual([200, 'Origin']);
      expect(corsHeaders(headers)).toEqual({
        'access-control-allow-origin': origin,
        'access-control-expose-headers': EXPOSED_HEADERS.join(', '),
      });
      for (const name of ['ETag', 'Location', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'Idempotent-Replayed'])
        expect(headers.get('access-control-expose-headers')).toContain(name);
    },
  );

  it('may read why it was refused, too', async () => {
    const headers = { origin: PAGE };
    for (const [status, answer] of [
      [401, await http.call('GET', '/v1/things', { token: null, headers })],
      [409, await http.call('POST', '/v1/things', { headers })],
      [404, await http.call('GET', '/v1/nothing', { headers })],
      [
        415,
        await http.call('POST', '/v1/things', { headers: { ...headers, 'content-type': 'text/plain' }, body: 'x' }),
      ],
    ] as const) {
      expect(answer.status).toBe(status);
      expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE);
    }
  });

  it('is told before it asks what it may ask, without a token', async () => {
    for (const path of ['/v1/things', '/v1/nothing']) {
      const { status, headers, text } = await preflight(PAGE, path);
      expect([status, text, headers.get('vary')]).toEqual([204, '', 'Origin']);
      expect(corsHeaders(headers)).toEqual({
        'access-control-allow-origin': PAGE,
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers':
          'Authorization, Content-Disposition, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-Id',
        'access-control-max-age': '7200',
      });
    }
    expect(http.denials).toEqual([]);
  });

  it('is told the same when it asks about no method: that is no preflight', async () => {
    const { status, headers } = await http.call('OPTIONS', '/v1/things', { token: null, headers: { origin: PAGE } });
    expect([status, headers.get('access-control-allow-methods')]).toEqual([405, null]);
  });
});

describe('any other page', () => {
  it.each([
    'https://evil.example.com',
    `${PAGE}.evil.example.com`,
    'http://www.example.com',
    `${PAGE}:443`,
    PAGE.toUpperCase(),
    'null',
    '*',
  ])('is told nothing: %s', async (origin) => {
    const answers = [await http.call('GET', '/v1/things', { headers: { origin } }), await preflight(origin)];
    for (const { headers } of answers) {
      expect(corsHeaders(headers)).toEqual({});
      expect(headers.get('vary')).toBe('Origin');
    }
    expect(answers[1]!.status).toBe(405);
  });

  it('is never allowed credentials, nor is a page on the list', async () => {
    for (const origin of [PAGE, 'https://evil.example.com']) {
      for (const { headers } of [
        await http.call('GET', '/v1/things', { headers: { origin } }),
        await preflight(origin),
      ]) {
        expect(headers.get('access-control-allow-credentials')).toBeNull();
        expect(headers.get('access-control-allow-origin')).not.toBe('*');
      }
    }
  });
});

describe('without a list', () => {
  it('no page may call, and answers are the same for all', async () => {
    const closed = await served({ controllers: [ThingController] });
    try {
      const { headers } = await closed.call('GET', '/v1/things', { headers: { origin: PAGE } });
      expect([corsHeaders(headers), headers.get('vary')]).toEqual([{}, null]);
    } finally {
      await closed.close();
    }
  });
});
