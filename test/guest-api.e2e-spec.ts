import { Client, aBody, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IDEMPOTENCY_TTL_MS } from '../src/http/idempotency.store.js';
import { suiteService } from './support/service.js';

const running = suiteService();
const { api } = running;

const apiKey = (): string => readFileSync(join(running.dataDir, 'api-key'), 'utf8').trim();
const widget = aBody({ mode: 'widget', attributes: { source: 'website' } });
const create = async (body: unknown = widget) => (await api.post<GuestAnswer>('/v1/guests', body)).body;

describe('POST /v1/guests', () => {
  it.each([
    'https://example.com/a|b',
    'https://example.com/[a]',
    'https://example.com/%E0%A4%A',
    'https://bücher.example/ü',
  ])('shows a page as the browser wrote it: %s', async (originPage) =>
    expect(await create(aBody({ channelContext: { originPage } }))).toMatchObject({ channelContext: { originPage } }),
  );

  it('answers the guest with hashes, its place and its version', async () => {
    const answer = await api.post<GuestAnswer>(
      '/v1/guests',
      aBody({
        mode: 'widget',
        email: 'User@Example.com',
        phone: '+353 1 234 5678',
        channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
        attributes: { source: 'website' },
      }),
    );
    expect(answer.status).toBe(201);
    expect(answer.headers.get('etag')).toBe('"1"');
    expect(answer.headers.get('location')).toBe(`/v1/guests/${answer.body.id}`);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      mode: 'widget',
      channel: 'webmessaging',
      state: 'created',
      closeReason: null,
      consent: { marketing: false, dataProcessing: true },
      identityAttributes: {
        emailHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        phoneHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        deviceFingerprint: null,
        primaryIdentifier: answer.body.identityAttributes.emailHash,
        resolutionMethod: 'email',
        keyId: 'sandbox',
      },
      channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
      interactionCount: 0,
      createdDate: expect.any(String) as string,
      modifiedDate: expect.any(String) as string,
      closedDate: null,
      version: 1,
      genesys: {
        deploymentId: expect.any(String) as string,
        conversationIds: [],
        linked: false,
        widget: {
          deploymentId: expect.any(String) as string,
          environment: 'prod-euw1',
          customAttributes: { guestSessionId: answer.body.id, guestSignature: expect.any(String) as string },
        },
      },
    });
    expect((await api.get<GuestAnswer>(`/v1/guests/${answer.body.id}`)).body).toEqual(answer.body);
  });

  it('recognises the same person in every spelling, and finds their guests', async () => {
    const one = await create(aBody({ mode: 'widget', email: ' Same.Person@Example.com ' }));
    const two = await create(aBody({ mode: 'widget', email: 'same.person@example.com' }));
    expect(one.identityAttributes.emailHash).toBe(two.identityAttributes.emailHash);
    const found = await api.get<{ items: GuestAnswer[] }>(`/v1/guests?emailHash=${one.identityAttributes.emailHash}`);
    expect(found.body.items.map(({ id }) => id)).toEqual([two.id, one.id]);
    const shouted = one.identityAttributes.emailHash!.toUpperCase();
    expect((await api.get<{ items: unknown[] }>(`/v1/guests?emailHash=${shouted}`)).body.items).toHaveLength(2);
  });

  it('refuses without consent to data processing', async () => {
    const { status, body } = await api.post<ProblemAnswer>('/v1/guests', {
      consent: { marketing: true, dataProcessing: false },
    });
    expect([status, body.code]).toEqual([403, 'consent.required']);
  });

  const long = 'x'.repeat(100_000);
  it.each<[string, unknown, number, string, string]>([
    ['missing consent', { attributes: {} }, 400, '/consent', 'required'],
    ['half a consent', { consent: { marketing: true } }, 400, '/consent/dataProcessing', 'required'],
    [
      'consent that is not a boolean',
      { consent: { marketing: 'no', dataProcessing: true } },
      400,
      '/consent/marketing',
      'isBoolean',
    ],
    ['consent as a list', { consent: [true] }, 400, '/consent', 'isObject'],
    ['an unknown field', aBody({ firstName: 'A' }), 400, '/firstName', 'unknown'],
    [
      'an unknown field further in',
      aBody({ channelContext: { referrer: 'x' } }),
      400,
      '/channelContext/referrer',
      'unknown',
    ],
    [
      'a raw e-mail where a hash belongs',
      aBody({ identityAttributes: { emailHash: 'user@example.com' } }),
      400,
      '/identityAttributes/emailHash',
      'matches',
    ],
    ['no e-mail at all', aBody({ email: 'nobody' }), 400, '/email', 'email'],
    ['a phone without its country', aBody({ phone: '650 555 1212' }), 400, '/phone', 'e164'],
    ['an e-mail that is a number', aBody({ email: 7 }), 400, '/email', 'isString'],
    ['an e-mail that is null', aBody({ email: null }), 400, '/email', 'isString'],
    ['a bad URI', aBody({ channelContext: { originPage: 'not a uri' } }), 400, '/channelContext/originPage', 'isUrl'],
    [
      'a URI that runs',
      aBody({ channelContext: { originPage: 'javascript:alert(1)' } }),
      400,
      '/channelContext/originPage',
      'isUrl',
    ],
    [
      'a bad campaign',
      aBody({ channelContext: { campaignId: 'winter sale' } }),
      400,
      '/channelContext/campaignId',
      'matches',
    ],
    ['an empty fingerprint', aBody({ deviceFingerprint: '' }), 400, '/deviceFingerprint', 'minLength'],
    ['a long fingerprint', aBody({ deviceFingerprint: 'f'.repeat(129) }), 400, '/deviceFingerprint', 'maxLength'],
    [
      'a scheme that is our own',
      aBody({ identityAttributes: { emailHash: 'ab'.repeat(32), scheme: 'sandbox' } }),
      400,
      '/identityAttributes/scheme',
      'reserved',
    ],
    [
      'a page with credentials',
      aBody({ channelContext: { originPage: 'https://user:pass@example.com/' } }),
      400,
      '/channelContext/originPage',
      'credentials',
    ],
    ['control characters', aBody({ deviceFingerprint: 'a\u0000b' }), 400, '/deviceFingerprint', 'controlCharacter'],
    [
      'an attribute nobody allowed',
      aBody({ attributes: { shoeSize: '44' } }),
      400,
      '/attributes/shoeSize',
      'allowList',
    ],
    [
      'an attribute that is no string',
      aBody({ attributes: { converted: true } }),
      400,
      '/attributes/converted',
      'isString',
    ],
    ['attributes as a list', aBody({ attributes: ['source'] }), 400, '/attributes', 'isObject'],
    ['another channel', aBody({ channel: 'sms' }), 400, '/channel', 'isIn'],
    ['a list', [widget], 400, '', 'isObject'],
    ['nothing', 'null', 400, '', 'isObject'],
    ['broken JSON', '{"consent":', 400, '', 'json'],
    [
      'a prototype',
      '{"__proto__":{"admin":true},"consent":{"marketing":false,"dataProcessing":true}}',
      400,
      '/__proto__',
      'reserved',
    ],
    ['100 kB', aBody({ email: long }), 413, '', 'maxBytes'],
  ])('refuses %s by its JSON pointer, and stores nothing', async (_, body, status, pointer, rule) => {
    const before = (await api.get<{ items: GuestAnswer[] }>('/v1/guests?limit=500')).body.items.length;
    const answer = await api.post<ProblemAnswer>('/v1/guests', body);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect({ status: answer.status, errors: answer.body.errors }).toEqual({
      status,
      errors: [{ pointer, rule, message: expect.any(String) as string }],
    });
    expect(JSON.stringify(answer.body)).not.toContain('user@example.com');
    expect((await api.get<{ items: GuestAnswer[] }>('/v1/guests?limit=500')).body.items.length).toBe(before);
  });

  it('is done once for one Idempotency-Key, however often it is sent', async () => {
    const key = { 'idempotency-key': '"3f2504e0-4f89-41d3-9a0c-0305e82c3301"' };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => api.post<GuestAnswer>('/v1/guests', widget, key)),
    );
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => headers.get('etag')))).toEqual(new Set(['"1"']));
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(9);
    const other = await api.post<ProblemAnswer>('/v1/guests', aBody({ mode: 'widget' }), key);
    expect([other.status, other.body.code]).toEqual([422, 'http.idempotency_key_reused']);
  });
});

describe('a query string', () => {
  it('is refused by its JSON pointers where a call takes none, and nothing is done', async () => {
    const { id } = await create();
    for (const ask of [
      () => api.get<ProblemAnswer>(`/v1/guests/${id}?version=1`),
      () => api.post<ProblemAnswer>(`/v1/guests/${id}/close?version=1`, {}),
      () => api.post<ProblemAnswer>('/v1/guests?version=1', widget),
    ])
      expect(await ask()).toMatchObject({
        status: 400,
        body: { code: 'request.invalid', errors: [{ pointer: '/version', rule: 'unknown' }] },
      });
    expect((await api.get<GuestAnswer>(`/v1/guests/${id}`)).body).toMatchObject({ state: 'created', version: 1 });
  });

  it('is let through to what probes ask', async () => {
    expect((await api.get('/health/live?at=1')).status).toBe(200);
  });
});

describe('GET /v1/guests', () => {
  it('pages newest first without missing or repeating one', async () => {
    const campaign = aBody({ mode: 'widget', channelContext: { campaignId: 'PAGES' } });
    const made: string[] = [];
    for (let n = 0; n < 7; n++) made.push((await create(campaign)).id);
    const seen: string[] = [];
    let cursor: string | null = '';
    do {
      const page: { items: GuestAnswer[]; nextCursor: string | null } = (
        await api.get<{ items: GuestAnswer[]; nextCursor: string | null }>(
          `/v1/guests?campaignId=PAGES&limit=3${cursor ? `&cursor=${cursor}` : ''}`,
        )
      ).body;
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(made.reverse());
  });

  it.each([
    ['limit=0', '/limit'],
    ['limit=501', '/limit'],
    ['limit=x', '/limit'],
    ['limit=', '/limit'],
    ['state=gone', '/state'],
    ['emailHash=user', '/emailHash'],
    ['phoneHash=%2B353', '/phoneHash'],
    ['campaignId=lower', '/campaignId'],
    ['cursor=', '/cursor'],
    ['cursor=???', '/cursor'],
    [`cursor=${Buffer.from('1 2').toString('base64url')}`, '/cursor'],
    [`cursor=${'a'.repeat(501)}`, '/cursor'],
    ['nonsense=1', '/nonsense'],
    ['limit=1&limit=2', '/limit'],
  ])('refuses ?%s, and says that %s is why', async (query, pointer) => {
    const { status, body } = await api.get<ProblemAnswer>(`/v1/guests?${query}`);
    expect([status, body.code, body.errors?.map((error) => error.pointer)]).toEqual([
      400,
      'request.invalid',
      [pointer],
    ]);
  });

  it.each(['9999-99-99T99:99:99.999Z', '2026-02-30T00:00:00.000Z', '0000-01-01T00:00:00.000Z'])(
    'and every other list refuse a cursor that names %s',
    async (at) => {
      const { id } = await create();
      const cursor = Buffer.from(`${at} ${id}`).toString('base64url');
      for (const list of [`guests/${id}/messages`, 'crm-sync/dead-letters?crm=rest', 'crm-sync/reconciliations'])
        expect(
          (await api.get<ProblemAnswer>(`/v1/${list}${list.includes('?') ? '&' : '?'}cursor=${cursor}`)).body,
        ).toMatchObject({ status: 400, code: 'request.invalid', errors: [{ pointer: '/cursor' }] });
    },
  );

  it('takes the smallest and the largest page', async () => {
    await create();
    await create();
    expect((await api.get<{ items: unknown[] }>('/v1/guests?limit=1')).body.items).toHaveLength(1);
    expect((await api.get('/v1/guests?limit=500')).status).toBe(200);
  });

  it('knows strangers and nonsense apart', async () => {
    expect((await api.get<ProblemAnswer>('/v1/guests/01890a5d-ac96-774b-bcce-b302099a8057')).body.code).toBe(
      'guest.not_found',
    );
    const { status, body } = await api.get<ProblemAnswer>('/v1/guests/nonsense');
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/id']);
  });

  // RFC 9110 §13.1.2: weak comparison, lists, `*` for any version there is.
  it.each([
    ['"1"', 304],
    ['W/"1"', 304],
    ['"7", W/"1" ,"9"', 304],
    ['*', 304],
    ['"2"', 200],
    ['W/"2", "11"', 200],
    ['"W/1"', 200],
    ['1', 400],
    ['*, "1"', 400],
  ])('answers whoever has %s with %d', async (tags, status) => {
    const { id } = await create();
    const answer = await api.get<GuestAnswer>(`/v1/guests/${id}`, { 'if-none-match': tags });
    expect(answer.status).toBe(status);
    if (status !== 400) expect(answer.headers.get('etag')).toBe('"1"');
    expect(answer.body === undefined).toBe(status === 304);
    const head = await api.call('HEAD', `/v1/guests/${id}`, undefined, { 'if-none-match': tags });
    expect(head.status).toBe(status);
  });

  it('does not know what is not there, whatever the reader has', async () => {
    const nobody = '/v1/guests/01890a5d-ac96-774b-bcce-b302099a8057';
    expect((await api.get(nobody, { 'if-none-match': '*' })).status).toBe(404);
  });
});

describe('PATCH /v1/guests/{id}', () => {
  it('needs to know what the change is based on', async () => {
    const { id } = await create();
    const answer = await api.patch<ProblemAnswer>(`/v1/guests/${id}`, { attributes: { source: 'x' } }, {});
    expect([answer.status, answer.body.code]).toEqual([428, 'http.precondition_required']);
  });

  // RFC 9110 §13.1.1: strong comparison, lists, `*` for any version there is.
  it.each([
    ['"1"', 200],
    ['*', 200],
    ['"7" ,, "1"', 200],
    ['W/"1"', 412],
    ['W/"1", "2"', 412],
    ['"01"', 412],
    ['"1.0"', 412],
    ['""', 412],
    ['1', 400],
    ['"1', 400],
  ])('is made on %s with %d, and not at all when refused', async (tags, status) => {
    const { id } = await create();
    const patch = { attributes: { source: 'email' } };
    const answer = await api.patch<ProblemAnswer>(`/v1/guests/${id}`, patch, { 'if-match': tags });
    expect(answer.status).toBe(status);
    const { body } = await api.get<GuestAnswer>(`/v1/guests/${id}`);
    expect([body.version, body.attributes['source']]).toEqual(status === 200 ? [2, 'email'] : [1, 'website']);
    if (status === 412) {
      expect(answer.headers.get('etag')).toBe('"1"');
      expect(answer.body).toMatchObject({
        currentETag: '"1"',
        current: body,
        conflicts: expect.any(Array) as string[],
      });
    }
  });

  it.each(['application/merge-patch+json', 'application/json', 'application/merge-patch+json; charset=UTF-8'])(
    'may be sent as %s',
    async (type) => {
      const { id } = await create();
      const headers = { 'if-match': '"1"', 'content-type': type };
      const patch = { attributes: { source: null }, channelContext: { campaignId: 'WINTER-2024' } };
      const { body } = await api.patch<GuestAnswer>(`/v1/guests/${id}`, patch, headers);
      expect(body).toMatchObject({ version: 2, attributes: {}, channelContext: { campaignId: 'WINTER-2024' } });
      const all = { attributes: null, channelContext: null };
      const emptied = await api.patch<GuestAnswer>(`/v1/guests/${id}`, all, { ...headers, 'if-match': '"2"' });
      expect(emptied.body).toMatchObject({ version: 3, attributes: {}, channelContext: {} });
    },
  );

  it('that changes nothing moves no version, whatever it is based on', async () => {
    const { id } = await create();
    for (const patch of [{}, { attributes: {} }, { attributes: { source: 'website', locale: null } }]) {
      const answer = await api.patch<GuestAnswer>(`/v1/guests/${id}`, patch, { 'if-match': '"9"' });
      expect([answer.status, answer.headers.get('etag')]).toEqual([200, '"1"']);
    }
  });

  it('merges, deletes with null, and moves the version on', async () => {
    const { id } = await create();
    const patch = { attributes: { source: null, locale: 'de' }, consent: { marketing: true } };
    const answer = await api.patch<GuestAnswer>(`/v1/guests/${id}`, patch, { 'if-match': '"1"' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('etag')).toBe('"2"');
    expect(answer.body).toMatchObject({
      version: 2,
      attributes: { locale: 'de' },
      consent: { marketing: true, dataProcessing: true },
    });
  });

  it('refuses a stale version with the current guest and what really conflicts', async () => {
    const { id } = await create();
    await api.patch(`/v1/guests/${id}`, { attributes: { source: 'email' } }, { 'if-match': '"1"' });
    const overlap = await api.patch<ProblemAnswer>(
      `/v1/guests/${id}`,
      { attributes: { source: 'ads' } },
      { 'if-match': '"1"' },
    );
    expect(overlap.status).toBe(412);
    expect(overlap.headers.get('etag')).toBe('"2"');
    expect(overlap.body).toMatchObject({
      code: 'guest.version_mismatch',
      currentETag: '"2"',
      current: { id, version: 2, attributes: { source: 'email' } },
      conflicts: ['/attributes/source'],
      mergeable: false,
    });
    const disjoint = await api.patch<ProblemAnswer>(
      `/v1/guests/${id}`,
      { attributes: { locale: 'de' } },
      { 'if-match': '"1"' },
    );
    expect(disjoint.body).toMatchObject({ conflicts: [], mergeable: true });
    expect(JSON.stringify(disjoint.body)).not.toMatch(/touched|handedOver|beganWith/);
  });

  it('says of a weak ETag that it takes none, and does not call a conflict what nobody has changed', async () => {
    const { id } = await create();
    const weak = await api.patch<ProblemAnswer>(
      `/v1/guests/${id}`,
      { attributes: { source: 'email' } },
      { 'if-match': 'W/"1"' },
    );
    expect([weak.status, weak.body.code]).toEqual([412, 'guest.version_mismatch']);
    expect(weak.body.detail).toContain('strong');
    expect(weak.body).toMatchObject({ conflicts: [], mergeable: true });
  });

  it('succeeds again when its answer was lost', async () => {
    const { id } = await create();
    const patch = { attributes: { source: 'email' } };
    await api.patch(`/v1/guests/${id}`, patch, { 'if-match': '"1"' });
    const again = await api.patch<GuestAnswer>(`/v1/guests/${id}`, patch, { 'if-match': '"1"' });
    expect([again.status, again.headers.get('etag')]).toEqual([200, '"2"']);
  });

  it('succeeds again with its Idempotency-Key, whatever came after', async () => {
    const { id } = await create();
    const patch = { attributes: { source: 'email' } };
    const headers = { 'if-match': '"1"', 'idempotency-key': `change-of-${id}` };
    await api.patch(`/v1/guests/${id}`, patch, headers);
    await api.patch(`/v1/guests/${id}`, { attributes: { source: 'ads' } }, { 'if-match': '"2"' });
    const again = await api.patch<GuestAnswer>(`/v1/guests/${id}`, patch, headers);
    expect([again.status, again.headers.get('etag'), again.body.version]).toEqual([200, '"2"', 2]);
    expect((await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.attributes).toEqual({ source: 'ads' });
  });

  it("does not take somebody else's change for its own when it merges, though both wanted the same", async () => {
    const { id } = await create();
    const six = { attributes: { source: '6' } };
    await api.patch(`/v1/guests/${id}`, six, { 'if-match': '"1"' });
    const based = await api.patch<ProblemAnswer>(`/v1/guests/${id}?base=1`, six, { 'if-match': '*' });
    expect([based.status, based.body.conflicts]).toEqual([409, ['/attributes/source']]);
    const informed = await api.patch<GuestAnswer>(`/v1/guests/${id}`, six, { 'if-match': '"2"' });
    expect([informed.status, informed.body.version]).toEqual([200, 2]);
  });

  it('merges against a base: disjoint changes pass, overlapping ones are named', async () => {
    const { id } = await create();
    await api.patch(`/v1/guests/${id}`, { attributes: { source: 'email' } }, { 'if-match': '"1"' });
    const any = { 'if-match': '*' };
    const disjoint = await api.patch<GuestAnswer>(`/v1/guests/${id}?base=1`, { attributes: { locale: 'de' } }, any);
    expect(disjoint.body).toMatchObject({ version: 3, attributes: { source: 'email', locale: 'de' } });
    const overlap = await api.patch<ProblemAnswer>(`/v1/guests/${id}?base=1`, { attributes: { source: 'ads' } }, any);
    expect([overlap.status, overlap.body.code, overlap.body.conflicts]).toEqual([
      409,
      'guest.overlapping_change',
      ['/attributes/source'],
    ]);
  });

  it('does not take a base the guest never had for leave to overwrite', async () => {
    const { id } = await create();
    const answer = await api.patch<ProblemAnswer>(
      `/v1/guests/${id}?base=9`,
      { attributes: { source: 'x' } },
      { 'if-match': '*' },
    );
    expect([answer.status, answer.body.code]).toEqual([409, 'guest.unknown_base']);
  });

  it('loses no update of many at once', async () => {
    const { id } = await create();
    const writers = Array.from({ length: 60 }, async (_, n) => {
      const name = ['source', 'locale', 'converted'][n % 3]!;
      return api.patch(`/v1/guests/${id}`, { attributes: { [name]: `w${n}` } }, { 'if-match': '*' });
    });
    expect((await Promise.all(writers)).every(({ status }) => status === 200)).toBe(true);
    expect((await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.version).toBe(61);
  });

  it.each<[unknown, number, string]>([
    [{ consent: { dataProcessing: null } }, 400, '/consent/dataProcessing'],
    [{ consent: null }, 400, '/consent'],
    [{ attributes: { shoeSize: '44' } }, 400, '/attributes/shoeSize'],
    [{ email: 'user@example.com' }, 400, '/email'],
    [{ state: 'closed' }, 400, '/state'],
  ])('refuses %j', async (patch, status, pointer) => {
    const { id } = await create();
    const answer = await api.patch<ProblemAnswer>(`/v1/guests/${id}`, patch, { 'if-match': '"1"' });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([status, pointer]);
    expect((await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.version).toBe(1);
  });
});

describe('POST /v1/guests/{id}/messages', () => {
  it.each(['', ' ', '\n\t ', '\u00a0\u2003', '\u200b\u2060\ufeff'])(
    'takes no text in which there is nothing to see: %j',
    async (text) => {
      const { id } = await create();
      const { status, body } = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text });
      expect([status, body.code, body.errors?.[0]?.pointer]).toEqual([400, 'request.invalid', '/text']);
    },
  );
});

describe('POST /v1/guests/{id}/close', () => {
  it('refuses a body that says something, and takes an empty one', async () => {
    const { id } = (await api.post<GuestAnswer>('/v1/guests', aBody({}))).body;
    const refused = await api.post<ProblemAnswer>(`/v1/guests/${id}/close`, { reason: 'bored' });
    expect([refused.status, refused.body.errors?.[0]]).toEqual([
      400,
      expect.objectContaining({ pointer: '/reason', rule: 'unknown' }),
    ]);
    expect((await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.closeReason).toBeNull();
    expect((await api.post(`/v1/guests/${id}/close`, {})).status).toBe(200);
  });

  it('ends a server-led guest, once', async () => {
    const { id } = await create(aBody());
    const first = await api.post<GuestAnswer>(`/v1/guests/${id}/close`);
    expect(first.status).toBe(200);
    const over = await until(
      async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body,
      ({ state }) => state === 'closed',
    );
    const again = await api.post<GuestAnswer>(`/v1/guests/${id}/close`);
    expect(again.body).toEqual(over);
    const late = await api.patch<ProblemAnswer>(
      `/v1/guests/${id}`,
      { attributes: { source: 'x' } },
      { 'if-match': '*' },
    );
    expect([late.status, late.body.code]).toEqual([409, 'guest.closed']);
  });
});

describe('closing on condition', () => {
  it('is refused on another version, with the current one, and safe to repeat once it is done', async () => {
    const { id } = await create();
    await api.patch(`/v1/guests/${id}`, { attributes: { source: 'email' } }, { 'if-match': '"1"' });
    const close = `/v1/guests/${id}/close`;
    for (const [tags, conflicts] of [
      ['"1"', ['/attributes/source']],
      ['W/"2"', []],
    ] as const) {
      const stale = await api.post<ProblemAnswer>(close, undefined, { 'if-match': tags });
      expect([stale.body.conflicts, stale.body.detail]).toEqual([conflicts, expect.stringContaining('look at it')]);
      expect([stale.status, stale.headers.get('etag'), stale.body.code]).toEqual([
        412,
        '"2"',
        'guest.version_mismatch',
      ]);
      expect(stale.body.current).toMatchObject({ id, version: 2, state: 'created' });
    }
    expect((await api.post(close, undefined, { 'if-match': '"2"' })).status).toBe(200);
    // Its answer was lost, not its effect.
    expect((await api.post(close, undefined, { 'if-match': '"2"' })).status).toBe(200);
  });
});

describe('an Idempotency-Key', () => {
  it('makes ten equal requests at once one guest and ten equal answers, nine of them replayed', async () => {
    const key = { 'idempotency-key': 'ten-at-once' };
    const send = () =>
      fetch(`${running.service.url}/v1/guests`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey()}`, ...key },
        body: JSON.stringify(aBody({ mode: 'widget', channelContext: { campaignId: 'TEN' } })),
      });
    const answers = await Promise.all(Array.from({ length: 10 }, send));
    const bodies = await Promise.all(
      answers.map(async (answer) => Buffer.from(await answer.arrayBuffer()).toString('hex')),
    );
    const told = (name: string) => new Set(answers.map(({ headers }) => headers.get(name)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(201));
    expect([new Set(bodies).size, told('etag').size, told('location').size, told('content-type').size]).toEqual([
      1, 1, 1, 1,
    ]);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(9);
    const { body } = await api.get<{ items: GuestAnswer[] }>('/v1/guests?campaignId=TEN');
    expect(body.items).toHaveLength(1);
  });

  it('is honoured quoted and bare, and told apart by what it is sent with', async () => {
    const { id } = await create();
    const send = (path: string, body?: unknown, key = '"one-key"') =>
      api.post<ProblemAnswer>(path, body, { 'idempotency-key': key });
    expect((await send('/v1/guests', widget)).status).toBe(201);
    expect((await send('/v1/guests', widget, 'one-key')).headers.get('idempotent-replayed')).toBe('true');
    expect((await send('/v1/guests', aBody())).body.code).toBe('http.idempotency_key_reused');
    // Another route is another request.
    expect((await send(`/v1/guests/${id}/close`)).headers.get('idempotent-replayed')).toBeNull();
    expect((await send('/v1/guests', widget, 'two words')).body.code).toBe('http.bad_header');
  });

  it('is published with how long it holds', async () => {
    const { body } = await api.get<{
      paths: Record<string, Record<string, { parameters: { name: string; description: string }[] }>>;
    }>('/openapi.json');
    const posts = Object.values(body.paths).flatMap(({ post }) => (post ? [post] : []));
    expect(posts.length).toBeGreaterThan(3);
    for (const { parameters } of posts)
      expect(parameters.find(({ name }) => name === 'Idempotency-Key')?.description).toContain('24 hours');
    expect(IDEMPOTENCY_TTL_MS).toBe(24 * 3_600_000);
  });
});

describe('callers', () => {
  it('are turned away without a token, with a wrong one, and told which scope they lack', async () => {
    const nobody = new Client(running.service.url);
    const guesser = new Client(running.service.url, 'wrong-key-wrong-key-wrong-key');
    expect((await nobody.get<ProblemAnswer>('/v1/guests')).body.code).toBe('auth.token_missing');
    expect((await guesser.get<ProblemAnswer>('/v1/guests')).body.code).toBe('auth.token_unknown');
    const entries = await api.get<{ items: { event: string; changes: object }[] }>(
      '/v1/audit/entries?subject=system:access',
    );
    expect(entries.body.items[0]).toMatchObject({
      event: 'ACCESS_DENIED',
      changes: { reason: 'no-token', route: 'GET /v1/guests' },
    });
  });
});
