import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { declaredRoutes } from '../src/http/access.js';
import { aBody, Client, until } from './support/client.js';
import type { Answer, GuestAnswer, ProblemAnswer } from './support/client.js';
import { EventReader } from './support/event-reader.js';
import { AUDIENCE, Issuer, newKey } from './support/issuer.js';
import { suiteService, testService } from './support/service.js';
import type { TestService } from './support/service.js';

type Token = { token: string; tokenId: string; expiresAt: string; scopes: string[] };
type Entry = { event: string; actor: string; changes: Record<string, unknown> };

const PAGE = 'https://www.example.com';
const OWN_KEY = 'key-of-a-back-end-padded-to-a-good-length';
const OTHER_PAGE = 'https://shop.example.com';

const running = suiteService({ API_KEYS: `test:${OWN_KEY}:*` });
const { api } = running;

const newGuest = async (parts: Record<string, unknown> = {}): Promise<string> =>
  (await api.post<GuestAnswer>('/v1/guests', aBody(parts))).body.id;
const made = async (guestId: string, body: object = { origins: [PAGE, OTHER_PAGE] }): Promise<Token> => {
  const answer = await api.post<Token>(`/v1/guests/${guestId}/widget-tokens`, body);
  expect(answer.status).toBe(201);
  return answer.body;
};
const page = (token: string): Client => new Client(running.service.url, token);
const from = (origin: string) => ({ origin });
const entriesAbout = async (subject: string): Promise<Entry[]> =>
  (await api.get<{ items: Entry[] }>(`/v1/audit/entries?subject=${subject}&limit=500`)).body.items;
const codeOf = ({ status, body }: Answer<ProblemAnswer>) => [status, body.code];

describe('a widget token', () => {
  it('lets a page read its guest and write as them, from every origin it was made for', async () => {
    const id = await newGuest();
    const { token } = await made(id);
    for (const origin of [PAGE, OTHER_PAGE]) {
      expect((await page(token).get<GuestAnswer>(`/v1/guests/${id}`, from(origin))).body.id).toBe(id);
      const sent = await page(token).post(`/v1/guests/${id}/messages`, { text: `from ${origin}` }, from(origin));
      expect(sent.status).toBe(202);
    }
    const { body } = await page(token).get<{ items: { text: string }[] }>(`/v1/guests/${id}/messages`, from(PAGE));
    expect(body.items.map(({ text }) => text)).toEqual(
      expect.arrayContaining([`from ${PAGE}`, `from ${OTHER_PAGE}`]) as string[],
    );
    expect((await entriesAbout(`guest:${id}`)).map(({ actor }) => actor)).toContain(`widget:${id}`);
  });

  it('says what it is good for and how long: fifteen minutes, unless told otherwise', async () => {
    const id = await newGuest();
    const at = Date.now();
    const answer = await api.post<Token>(`/v1/guests/${id}/widget-tokens`, { origins: [PAGE] });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.body).toEqual({
      token: expect.stringMatching(/^wt_[\w-]{43}$/) as string,
      tokenId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      expiresAt: expect.any(String) as string,
      scopes: ['guest:read', 'guest:message'],
    });
    const lives = (token: Token): number => Math.round((Date.parse(token.expiresAt) - at) / 10_000) * 10;
    expect(lives(answer.body)).toBe(900);
    expect(lives(await made(id, { origins: [PAGE], expiresIn: 60 }))).toBe(60);
    expect(lives(await made(id, { origins: [PAGE], expiresIn: 3_600 }))).toBe(3_600);
  });

  it('can do on each route there is what widgets may do to its guest, and nothing to another', async () => {
    const [id, other] = [await newGuest(), await newGuest()];
    const { token } = await made(id);
    const routes = declaredRoutes(running.service.app).filter(({ access }) => access.kind === 'scope');
    const open = routes.filter(({ access }) => access.kind === 'scope' && access.forWidgets);
    expect(open.map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining(['GET /v1/guests/:id', 'GET /v1/guests/:id/messages', 'POST /v1/guests/:id/messages']),
    );
    for (const route of routes) {
      const { method, path } = route;
      const call = (guest: string) =>
        page(token).call<ProblemAnswer>(method, path.replaceAll(/:\w+/g, guest), undefined, from(PAGE));
      const [mine, theirs] = [await call(id), await call(other)];
      expect([method, path, [401, 403].includes(mine.status)]).toEqual([method, path, !open.includes(route)]);
      expect([method, path, theirs.status]).toEqual([method, path, 403]);
    }
    // What is open to widgets is about the guest in the path, and needs no more than a widget has.
    for (const { path, access } of open)
      expect([path, access]).toEqual([
        expect.stringMatching(/^\/v1\/guests\/:id(\/|$)/),
        { kind: 'scope', scope: expect.stringMatching(/^guest:(read|message)$/) as string, forWidgets: true },
      ]);
  });

  it('is refused with a reason, which stands in the trail', async () => {
    const [id, other] = [await newGuest(), await newGuest()];
    const { token } = await made(id);
    const widget = page(token);
    const refusals = [
      await widget.get<ProblemAnswer>(`/v1/guests/${id}`),
      await widget.get<ProblemAnswer>(`/v1/guests/${id}`, from('https://evil.example.com')),
      await widget.get<ProblemAnswer>(`/v1/guests/${id}`, from(`${PAGE}.evil.example.com`)),
      await widget.get<ProblemAnswer>(`/v1/guests/${id}`, from('null')),
      await widget.get<ProblemAnswer>(`/v1/guests/${other}`, from(PAGE)),
      await widget.get<ProblemAnswer>('/v1/guests', from(PAGE)),
      await widget.post<ProblemAnswer>(`/v1/guests/${id}/close`, undefined, from(PAGE)),
      await widget.post<ProblemAnswer>(`/v1/guests/${id}/widget-tokens`, { origins: [PAGE] }, from(PAGE)),
    ];
    expect(refusals.map(codeOf)).toEqual([
      [403, 'auth.origin_not_allowed'],
      [403, 'auth.origin_not_allowed'],
      [403, 'auth.origin_not_allowed'],
      [403, 'auth.origin_not_allowed'],
      [403, 'auth.beyond_guest'],
      [403, 'auth.beyond_guest'],
      [403, 'auth.scope_missing'],
      [403, 'auth.scope_missing'],
    ]);
    const denials = (await entriesAbout('system:access')).filter(({ changes }) => changes['caller'] === `widget:${id}`);
    expect(denials.map(({ changes }) => [changes['reason'], changes['route']])).toEqual(
      expect.arrayContaining([
        ['wrong-origin', 'GET /v1/guests/:id'],
        ['beyond-guest', 'GET /v1/guests/:id'],
        ['missing-scope', 'POST /v1/guests/:id/close'],
      ]),
    );
  });

  it('stays good when another is made, until all are revoked at once', async () => {
    const [id, other] = [await newGuest(), await newGuest()];
    const [old, next, theirs] = [await made(id), await made(id), await made(other)];
    const works = async ({ token }: Token, guest = id) =>
      (await page(token).get(`/v1/guests/${guest}`, from(PAGE))).status;
    expect([await works(old), await works(next)]).toEqual([200, 200]);
    const revoke = () => api.call('DELETE', `/v1/guests/${id}/widget-tokens`);
    expect((await revoke()).status).toBe(204);
    expect([await works(old), await works(next), await works(theirs, other)]).toEqual([401, 401, 200]);
    expect((await revoke()).status).toBe(204);
    expect(await works(await made(id))).toBe(200);
    const entries = await entriesAbout(`guest:${id}`);
    expect(entries.filter(({ event }) => event === 'WIDGET_TOKENS_REVOKED')).toMatchObject([
      { changes: { tokens: 2 } },
    ]);
    expect(
      entries.filter(({ event }) => event === 'WIDGET_TOKEN_MADE').map(({ changes }) => changes['tokenId']),
    ).toEqual(expect.arrayContaining([old.tokenId, next.tokenId]) as string[]);
  });

  it('ends a stream that runs on it when it is revoked, and tells nothing in between', async () => {
    const id = await newGuest();
    const { token } = await made(id);
    const theirs = await EventReader.open(`${running.service.url}/v1/guests/${id}/events`, token, undefined, PAGE);
    const ours = await EventReader.open(`${running.service.url}/v1/guests/${id}/events`, OWN_KEY);
    await theirs.until((events) => events.length > 0);
    expect((await api.call('DELETE', `/v1/guests/${id}/widget-tokens`)).status).toBe(204);
    expect((await api.post(`/v1/guests/${id}/messages`, { text: 'said after the revocation' })).status).toBe(202);
    await ours.until(() => ours.messages.some(({ data }) => data.text === 'said after the revocation'));
    await theirs.until(() => theirs.isEnded);
    expect(theirs.messages.filter(({ data }) => data.text === 'said after the revocation')).toEqual([]);
    expect(ours.isEnded).toBe(false);
    await ours.hangUp();
  });

  it('is no good any more once its guest is being closed, and none is made then', async () => {
    const id = await newGuest({ mode: 'widget' });
    const { token } = await made(id);
    await api.post(`/v1/guests/${id}/close`);
    expect(codeOf(await page(token).get<ProblemAnswer>(`/v1/guests/${id}`, from(PAGE)))).toEqual([
      401,
      'auth.token_unknown',
    ]);
    const again = await api.post<ProblemAnswer>(`/v1/guests/${id}/widget-tokens`, { origins: [PAGE] });
    expect(codeOf(again)).toEqual([409, 'guest.closed']);
  });

  it('is made for a guest there is', async () => {
    const path = '/v1/guests/01890a5d-ac96-774b-bcce-b302099a8057/widget-tokens';
    expect(codeOf(await api.post<ProblemAnswer>(path, { origins: [PAGE] }))).toEqual([404, 'guest.not_found']);
    expect(codeOf(await api.call<ProblemAnswer>('DELETE', path))).toEqual([404, 'guest.not_found']);
  });

  it.each<[string, object, string, string]>([
    ['no origins', {}, '/origins', 'required'],
    ['an empty list of origins', { origins: [] }, '/origins', 'arrayMinSize'],
    [
      'too many origins',
      { origins: Array.from({ length: 11 }, (_, at) => `https://a${at}.example.com`) },
      '/origins',
      'arrayMaxSize',
    ],
    ['an origin twice', { origins: [PAGE, PAGE] }, '/origins', 'arrayUnique'],
    ['a text', { origins: PAGE }, '/origins', 'isArray'],
    ['every origin', { origins: ['*'] }, '/origins', 'pageOrigin'],
    ['a pattern of origins', { origins: ['https://*.example.com'] }, '/origins', 'pageOrigin'],
    ['the origin of what has none', { origins: ['null'] }, '/origins', 'pageOrigin'],
    ['an origin in the clear', { origins: ['http://www.example.com'] }, '/origins', 'pageOrigin'],
    ['an origin with a path', { origins: [`${PAGE}/`] }, '/origins', 'pageOrigin'],
    ['an origin in upper case', { origins: ['https://WWW.example.com'] }, '/origins', 'pageOrigin'],
    ['a number among them', { origins: [PAGE, 7] }, '/origins', 'pageOrigin'],
    ['less than a minute', { origins: [PAGE], expiresIn: 59 }, '/expiresIn', 'min'],
    ['more than an hour', { origins: [PAGE], expiresIn: 3_601 }, '/expiresIn', 'max'],
    ['half a second', { origins: [PAGE], expiresIn: 60.5 }, '/expiresIn', 'isInt'],
    ['other scopes', { origins: [PAGE], scopes: ['*'] }, '/scopes', 'unknown'],
  ])('is not made with %s', async (_what, body, pointer, rule) => {
    const answer = await api.post<ProblemAnswer>(`/v1/guests/${await newGuest()}/widget-tokens`, body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect(answer.body.errors).toContainEqual(expect.objectContaining({ pointer, rule }));
  });

  it('may be made for a page on the developer’s own machine', async () => {
    await made(await newGuest(), { origins: ['http://localhost:5173', 'http://127.0.0.1:8080'] });
  });

  it('is the same when the request for it is repeated under its Idempotency-Key', async () => {
    const path = `/v1/guests/${await newGuest()}/widget-tokens`;
    const ask = () => api.post<Token>(path, { origins: [PAGE] }, { 'idempotency-key': 'widget-token-1' });
    const [first, second] = [await ask(), await ask()];
    expect([second.status, second.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(second.headers.get('cache-control')).toBe('no-store');
    expect(second.body).toEqual(first.body);
  });

  it('is a caller of its own in idempotency, whichever token of the guest is shown', async () => {
    const id = await newGuest();
    const [old, next] = [await made(id), await made(id)];
    const headers = { ...from(PAGE), 'idempotency-key': 'widget-message-1' };
    const send = ({ token }: Token) =>
      page(token).post<{ id: string }>(`/v1/guests/${id}/messages`, { text: 'once' }, headers);
    const [first, second] = [await send(old), await send(next)];
    expect([second.status, second.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
    expect(second.body.id).toBe(first.body.id);
  });

  it('is kept nowhere as it is, neither on disk nor in the log', async () => {
    const id = await newGuest();
    const { token } = await made(id);
    await page(token).get(`/v1/guests/${id}`, from(PAGE));
    await until(
      async () => running.log(),
      (log) => log.includes(`widget:${id}`),
    );
    for (const path of readdirSync(running.dataDir, { recursive: true, withFileTypes: true })) {
      if (!path.isFile()) continue;
      expect([path.name, readFileSync(join(path.parentPath, path.name)).includes(token)]).toEqual([path.name, false]);
    }
    expect(running.log()).not.toContain(token);
  });
});

describe('with an issuer of access tokens, a quota and a page', () => {
  let issuer: Issuer;
  let limited: TestService;
  const QUOTA = 50;

  beforeAll(async () => {
    issuer = await Issuer.start();
    limited = await testService({
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: AUDIENCE,
      RATE_LIMIT: String(QUOTA),
      CORS_ORIGINS: PAGE,
    });
  }, 60_000);
  afterAll(async () => {
    await limited?.close();
    await issuer?.close().catch(() => undefined);
  });

  const bearer = async (claims: Record<string, unknown> = {}): Promise<Client> =>
    new Client(limited.service.url, await issuer.token(claims));

  it('a token does what its scopes say, and its bearer stands in the trail without a name', async () => {
    const writer = await bearer({ sub: 'jane@example.com', scope: 'openid guest:write' });
    const { status, body } = await writer.post<GuestAnswer>('/v1/guests', aBody());
    expect(status).toBe(201);
    const refused = await writer.get<ProblemAnswer>(`/v1/guests/${body.id}`);
    expect(codeOf(refused)).toEqual([403, 'auth.scope_missing']);
    const trail = await limited.api.get<{ items: Entry[] }>(`/v1/audit/entries?subject=guest:${body.id}`);
    expect(trail.body.items[0]!.actor).toMatch(/^oidc:[0-9a-f]{16}$/);
    expect(limited.log() + JSON.stringify(trail.body)).not.toContain('jane');
  });

  it('a token that is no good is refused, however long it is', async () => {
    const refusals = [
      await (await bearer({ aud: 'https://other.example.com' })).get<ProblemAnswer>('/v1/guests'),
      await (await bearer({ exp: -3_600 })).get<ProblemAnswer>('/v1/guests'),
      await (await bearer({ filling: 'x'.repeat(7_000) })).get<ProblemAnswer>('/v1/guests'),
    ];
    for (const refusal of refusals) expect(codeOf(refusal)).toEqual([401, 'auth.token_unknown']);
    expect((await (await bearer({ filling: 'x'.repeat(5_000) })).get('/v1/guests')).status).toBe(200);
  });

  it('callers are told their quota, and pages may read it', async () => {
    const caller = await bearer({ sub: 'counted' });
    const answer = await caller.get('/v1/guests', from(PAGE));
    expect(answer.headers.get('ratelimit-policy')).toBe(`"default";q=${QUOTA};w=60`);
    expect(answer.headers.get('ratelimit')).toBe(`"default";r=${QUOTA - 1};t=60`);
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(answer.headers.get('access-control-expose-headers')).toContain('RateLimit');
    for (let n = 1; n < QUOTA; n++) await caller.get('/v1/guests');
    expect(codeOf(await caller.get<ProblemAnswer>('/v1/guests'))).toEqual([429, 'http.quota_exceeded']);
    expect((await (await bearer({ sub: 'another' })).get('/v1/guests')).status).toBe(200);
  });

  it('while the issuer cannot be asked, that is said of tokens nobody can check; API keys go on', async () => {
    const unknown = await issuer.token({}, await newKey('made-meanwhile'));
    // Its keys were fetched a moment ago; only a service that never had them cannot tell.
    const fresh = await testService({ OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: AUDIENCE });
    try {
      const issuerOf = async () =>
        (await fresh.api.get<{ details: Record<string, object> }>('/health/dependencies')).body.details['issuer'];
      expect(await issuerOf()).toMatchObject({ status: 'up', critical: false });
      await issuer.close();
      expect(
        await until(issuerOf, (report) => (report as { status?: string } | undefined)?.status === 'down'),
      ).toMatchObject({ code: 'auth.issuer_unavailable', critical: false });
      expect((await fresh.api.get('/health/ready')).status).toBe(200);
      const client = new Client(fresh.service.url, unknown);
      const answer = await client.get<ProblemAnswer>('/v1/guests');
      expect([...codeOf(answer), answer.headers.get('retry-after')]).toEqual([503, 'auth.issuer_unavailable', '5']);
      expect((await fresh.api.get('/v1/guests')).status).toBe(200);
      expect((await (await bearer()).get('/v1/guests')).status).toBe(200);
    } finally {
      await fresh.close();
    }
  });
});
