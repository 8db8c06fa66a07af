import { Controller, Get, Post } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import { runContext } from '../kernel/run-context.js';
import { declaredRoutes, ForWidgets, Open, Scope } from './access.js';
import { AccessLog, DENIAL_WINDOW_MS, Denials, MOST_DENIALS } from './access-log.js';
import type { Denial } from './access-log.js';
import { ALL, served } from './served.contract.js';
import type { Served } from './served.contract.js';
import { WidgetTokens } from './widget-tokens.js';

const READER = 'only-reading-is-allowed-to-me';

@Scope('guest:read')
@Controller('v1/guests')
class GuestController {
  @Get(':id')
  read() {
    return { actor: runContext()?.actor };
  }

  @Post()
  @Scope('guest:write')
  write() {
    return {};
  }

  @Get('public/terms')
  @Open()
  terms() {
    return { actor: runContext()?.actor };
  }
}

@Controller('v1/forgotten')
class ForgottenController {
  @Get(['', 'too'])
  forgotten() {
    return 'nobody may see this';
  }
}

let http: Served;
beforeAll(async () => {
  const keys = { reader: { key: READER, scopes: ['guest:read', 'audit:read'] } };
  http = await served({ controllers: [GuestController, ForgottenController], keys });
});
afterAll(() => http.close());
beforeEach(() => http.denials.splice(0));

describe('a caller', () => {
  it('with the scope a route names is let through, and is the actor from there on', async () => {
    const answer = await http.call('GET', '/v1/guests/1', { token: READER });
    expect(answer).toMatchObject({ status: 200, body: { actor: 'api-key:reader' } });
    const line = () => http.lines.find(({ msg, actor }) => msg === 'request answered' && actor === 'api-key:reader');
    while (line() === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('with every scope is let through everywhere', async () => {
    expect((await http.call('POST', '/v1/guests', { token: ALL })).status).toBe(201);
  });

  it.each([`bearer ${READER}`, `BEARER   ${READER} `])('may write the scheme as in %p', async (authorization) => {
    expect((await http.call('GET', '/v1/guests/1', { token: null, headers: { authorization } })).status).toBe(200);
  });

  it('without the scope is told which one is missing', async () => {
    const answer = await http.call('POST', '/v1/guests', { token: READER });
    expect(answer).toMatchObject({ status: 403, body: { code: 'auth.scope_missing', missingScope: 'guest:write' } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="guest:write"');
    expect(answer.body).not.toHaveProperty('challenge');
  });

  it.each([undefined, '', 'Bearer', 'Bearer ', `Basic ${READER}`, `Bearer ${READER} more`, 'Bearer ä', READER])(
    'who shows no token, as in %p, is asked for one',
    async (authorization) => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const answer = await http.call('GET', '/v1/guests/1', { token: null, headers });
      expect(answer).toMatchObject({ status: 401, body: { code: 'auth.token_missing' } });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    },
  );

  it.each([`${READER}x`, READER.slice(0, -1), READER.toUpperCase(), 'x'.repeat(9_000)])(
    'with a token that is nobody’s is turned away (%#)',
    async (token) => {
      const answer = await http.call('GET', '/v1/guests/1', { token });
      expect(answer).toMatchObject({ status: 401, body: { code: 'auth.token_unknown' } });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
      expect(answer.text).not.toContain(token);
    },
  );

  it('needs no token where a route is open, and a wrong one does no harm there', async () => {
    expect((await http.call('GET', '/v1/guests/public/terms', { token: null })).body).toEqual({ actor: null });
    expect((await http.call('GET', '/v1/guests/public/terms', { token: 'wrong' })).status).toBe(200);
  });

  it.each([
    ['application/json', '{"any":"thing"}'],
    ['application/json', '{"any":'],
    ['application/json', '{"constructor":1}'],
    ['application/json; charset=latin1', '{}'],
    ['text/plain', 'any'],
    ['nonsense', 'any'],
  ])('is turned away before anything is said about what they sent: %s %s', async (type, body) => {
    const headers = { 'content-type': type };
    for (const token of [null, 'wrong', READER]) {
      const answer = await http.call('POST', '/v1/guests', { token, headers, body });
      expect([answer.status, (answer.body as { code: string }).code]).toEqual([
        token === READER ? 403 : 401,
        { null: 'auth.token_missing', wrong: 'auth.token_unknown', [READER]: 'auth.scope_missing' }[String(token)],
      ]);
    }
  });
});

describe('a route that does not say who may call it', () => {
  it('may be called by nobody', async () => {
    const answer = await http.call('GET', '/v1/forgotten', { token: ALL });
    expect(answer).toMatchObject({ status: 403, body: { code: 'auth.route_undeclared' } });
    expect((await http.call('GET', '/v1/forgotten/too', { token: null })).status).toBe(401);
  });

  it('can be found among all there are', () => {
    const routes = declaredRoutes(http.app).map(({ method, path, access }) => [method, path, access]);
    expect(routes).toEqual(
      expect.arrayContaining([
        ['GET', '/v1/guests/:id', { kind: 'scope', scope: 'guest:read' }],
        ['POST', '/v1/guests', { kind: 'scope', scope: 'guest:write' }],
        ['GET', '/v1/guests/public/terms', { kind: 'open' }],
        ['GET', '/v1/forgotten', { kind: 'undeclared' }],
        ['GET', '/v1/forgotten/too', { kind: 'undeclared' }],
      ]),
    );
    // Those above, and the two of the HTTP module itself.
    expect(routes).toHaveLength(7);
  });
});

describe('a route of a guest', () => {
  @Scope('guest:read')
  @Controller('v1/guests/:id')
  class PageController {
    @Get()
    @ForWidgets()
    read() {
      return { actor: runContext()?.actor };
    }

    @Get('related')
    related() {
      return {};
    }
  }

  it('has to say that widgets may call it', async () => {
    const tokens: WidgetTokens = {
      find: async (token) => (token === 'wt_good' ? { guestId: '1', origins: ['https://a.example.com'] } : null),
      holds: async (token) => token === 'wt_good',
    };
    const page = await served({
      controllers: [PageController],
      providers: [{ provide: WidgetTokens, useValue: tokens }],
    });
    try {
      const get = (path: string, token = 'wt_good') =>
        page.call('GET', path, { token, headers: { origin: 'https://a.example.com' } });
      expect(await get('/v1/guests/1')).toMatchObject({ status: 200, body: { actor: 'widget:1' } });
      expect(await get('/v1/guests/1/related')).toMatchObject({ status: 403, body: { code: 'auth.beyond_guest' } });
      expect((await get('/v1/guests/1/related', ALL)).status).toBe(200);
      const { paths } = (await page.call('GET', '/openapi.json')).body as OpenAPIObject;
      expect(paths['/v1/guests/{id}']!.get!.description).toContain('A widget token of this guest may call it too.');
      expect(paths['/v1/guests/{id}/related']!.get!.description).not.toContain('widget');
    } finally {
      await page.close();
    }
  });
});

describe('a denial', () => {
  it('is recorded with who, why and where, never with the path or the token', async () => {
    await http.call('POST', '/v1/guests', { token: READER });
    expect(http.denials).toEqual([]);
    const other = await served({
      controllers: [GuestController],
      keys: { reader: { key: READER, scopes: ['guest:read'] } },
    });
    try {
      await other.call('POST', '/v1/guests', { token: READER });
      await other.call('GET', '/v1/guests/jane@example.com', { token: 'guessed' });
      await other.call('GET', '/v1/guests/1', { token: null });
      expect(other.denials).toMatchObject([
        { actor: 'api-key:reader', reason: 'missing-scope', route: 'POST /v1/guests', count: 1 },
        { actor: null, reason: 'unknown-token', route: 'GET /v1/guests/:id', count: 1 },
        { actor: null, reason: 'no-token', route: 'GET /v1/guests/:id', count: 1 },
      ]);
    } finally {
      await other.close();
    }
  });
});

describe('denials that repeat', () => {
  class Kept extends AccessLog {
    readonly denials: Denial[] = [];
    broken = false;
    async denied(denial: Denial): Promise<void> {
      if (this.broken) throw new Error('the trail cannot be written');
      this.denials.push(denial);
    }
    get counts() {
      return this.denials.map(({ count }) => count);
    }
  }
  let log: Kept;
  let denials: Denials;
  beforeEach(() => {
    jest.useFakeTimers();
    log = new Kept();
    denials = new Denials(log);
  });
  afterEach(() => jest.useRealTimers());

  const again = async (times: number, route = 'GET /x') => {
    for (let n = 0; n < times; n++) await denials.note(null, 'unknown-token', route);
  };

  it('are told once at first and once a minute, counted', async () => {
    await again(1_000);
    expect(log.counts).toEqual([1]);
    await jest.advanceTimersByTimeAsync(DENIAL_WINDOW_MS);
    expect(log.counts).toEqual([1, 999]);
    await jest.advanceTimersByTimeAsync(DENIAL_WINDOW_MS * 5);
    expect(log.counts).toEqual([1, 999]);
    await again(1);
    expect(log.counts).toEqual([1, 999, 1]);
  });

  it('are told apart by actor, reason and route', async () => {
    await denials.note(null, 'no-token', 'GET /x');
    await denials.note(null, 'unknown-token', 'GET /x');
    await denials.note(null, 'unknown-token', 'GET /y');
    await denials.note('api-key:a', 'missing-scope', 'GET /y');
    expect(log.counts).toEqual([1, 1, 1, 1]);
  });

  it('are counted without names when there are more actors than anybody should hold in memory', async () => {
    for (let n = 0; n < MOST_DENIALS + 50; n++) await denials.note(`widget:${n}`, 'beyond-guest', 'GET /x');
    expect(log.denials).toHaveLength(MOST_DENIALS + 1);
    expect(log.denials.at(-1)).toMatchObject({ actor: null, reason: 'beyond-guest' });
    await denials.onApplicationShutdown();
    expect(log.denials.at(-1)).toMatchObject({ actor: null, count: 49 });
  });

  it('are told before the process ends', async () => {
    await again(3);
    await denials.onApplicationShutdown();
    expect(log.counts).toEqual([1, 2]);
  });

  it('are denials even when they cannot be recorded', async () => {
    log.broken = true;
    await expect(again(1)).resolves.toBeUndefined();
  });
});
