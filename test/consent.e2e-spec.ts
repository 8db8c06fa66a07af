import { createPublicKey, randomUUID, verify } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { aBody, Client, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer, SandboxConversation } from './support/client.js';
import { suiteService } from './support/service.js';

type ConsentAnswer = {
  id: string;
  guestId: string;
  purpose: string;
  decision: string;
  noticeVersion: string | null;
  method: string;
  at: string;
  recordedAt: string;
  actor: string;
};
type PageAnswer = { items: ConsentAnswer[]; nextCursor: string | null };
type ReceiptAnswer = { receipt: Record<string, unknown>; jws: string };
type Flags = { consent: { marketing: boolean; dataProcessing: boolean }; version: number };
type Received = { at: string; target: string; body: unknown };

const running = suiteService();
const { api, sandbox } = running;

const create = async (parts: Record<string, unknown> = { mode: 'widget' }) =>
  (await api.post<GuestAnswer>('/v1/guests', aBody(parts))).body;
const record = (id: string, body: object, headers?: Record<string, string>) =>
  api.post<ConsentAnswer>(`/v1/guests/${id}/consents`, body, headers);
const withdrawn = { purpose: 'dataProcessing', decision: 'withdrawn', method: 'verbal' };
const granted = { purpose: 'marketing', decision: 'granted', method: 'form', noticeVersion: 'privacy-2026-03' };
const guestOf = async (id: string) => (await api.get<GuestAnswer & Flags>(`/v1/guests/${id}`)).body;
const consentsOf = async (id: string) => (await api.get<PageAnswer>(`/v1/guests/${id}/consents`)).body.items;

describe('POST /v1/guests/{id}/consents', () => {
  it('records a decision, says where its receipt is, and the guest follows', async () => {
    const { id } = await create();
    const answer = await record(id, { ...granted, at: new Date().toISOString() });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v1/guests/${id}/consents/${answer.body.id}/receipt`);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{14}7/) as string,
      guestId: id,
      ...granted,
      at: expect.any(String) as string,
      recordedAt: expect.any(String) as string,
      actor: 'api-key:sandbox',
    });
    expect(await guestOf(id)).toMatchObject({ version: 2, consent: { marketing: true, dataProcessing: true } });
    const { items } = (await api.get<{ items: { event: string }[] }>(`/v1/audit/entries?subject=guest:${id}`)).body;
    expect(items.map(({ event }) => event)).toContain('CONSENT_RECORDED');
  });

  it('refuses a decision that is older than the one that stands, and shows that one', async () => {
    const { id } = await create();
    const { body: stands } = await record(id, withdrawn);
    const at = new Date(Date.parse(stands.at) - 1).toISOString();
    const late = await api.post<ProblemAnswer & { current: unknown }>(`/v1/guests/${id}/consents`, {
      ...withdrawn,
      decision: 'granted',
      at,
    });
    expect([late.status, late.body.code]).toEqual([409, 'consent.stale']);
    expect(late.body.current).toEqual(stands);
    expect((await guestOf(id)).consent.dataProcessing).toBe(false);
  });

  it('is done once for one Idempotency-Key', async () => {
    const { id } = await create();
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => record(id, granted, key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1);
    expect(await consentsOf(id)).toHaveLength(2);
  });

  it('withdraws for a guest whose session is over', async () => {
    const { id } = await create({ mode: 'server' });
    await api.post(`/v1/guests/${id}/close`);
    await until(
      () => guestOf(id),
      ({ state }) => state === 'closed',
    );
    expect((await record(id, withdrawn)).status).toBe(201);
    expect((await guestOf(id)).consent.dataProcessing).toBe(false);
  });

  it('knows no consent of a guest it does not know', async () => {
    const answer = await api.post<ProblemAnswer>(`/v1/guests/${randomUUID()}/consents`, granted);
    expect([answer.status, answer.body.code]).toEqual([404, 'guest.not_found']);
  });

  it.each<[string, object, string, string]>([
    ['an unknown purpose', { ...granted, purpose: 'profiling' }, '/purpose', 'isIn'],
    ['an unknown decision', { ...granted, decision: 'refused' }, '/decision', 'isIn'],
    ['an unknown method', { ...granted, method: 'telepathy' }, '/method', 'isIn'],
    ['no method', { ...granted, method: undefined }, '/method', 'required'],
    ['a notice with blanks', { ...granted, noticeVersion: 'our notice' }, '/noticeVersion', 'matches'],
    ['a long notice', { ...granted, noticeVersion: 'n'.repeat(65) }, '/noticeVersion', 'maxLength'],
    ['a notice that is a phone', { ...granted, noticeVersion: '650-555-1212' }, '/noticeVersion', 'personalData'],
    ['a date without a time', { ...granted, at: '2026-03-01' }, '/at', 'matches'],
    ['a time without an offset', { ...granted, at: '2026-03-01T09:00:00' }, '/at', 'matches'],
    ['a date that never was', { ...granted, at: '2026-02-30T09:00:00Z' }, '/at', 'isIso8601'],
    ['the future', { ...granted, at: '2999-01-01T00:00:00Z' }, '/at', 'notInFuture'],
    ['null for a time', { ...granted, at: null }, '/at', 'isString'],
    ['an unknown member', { ...granted, ip: '192.0.2.1' }, '/ip', 'unknown'],
  ])('refuses %s', async (_, body, pointer, rule) => {
    const { id } = await create();
    const { status, body: problem } = await api.post<ProblemAnswer>(`/v1/guests/${id}/consents`, body);
    expect({ status, errors: problem.errors }).toEqual({
      status: 400,
      errors: [{ pointer, rule, message: expect.any(String) as string }],
    });
    expect(await consentsOf(id)).toHaveLength(1);
  });
});

describe('GET /v1/guests/{id}/consents', () => {
  it('shows what was decided, oldest first, page by page, however it came', async () => {
    const { id } = await create();
    await api.patch(`/v1/guests/${id}`, { consent: { marketing: true } }, { 'if-match': '*' });
    await record(id, { ...granted, decision: 'withdrawn', method: 'widget' });
    await record(id, granted);
    const seen: ConsentAnswer[] = [];
    let cursor = '';
    do {
      const { body } = await api.get<PageAnswer>(
        `/v1/guests/${id}/consents?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...body.items);
      cursor = body.nextCursor ?? '';
    } while (cursor !== '');
    expect(seen.map(({ purpose, decision, method }) => [purpose, decision, method])).toEqual([
      ['dataProcessing', 'granted', 'api'],
      ['marketing', 'granted', 'api'],
      ['marketing', 'withdrawn', 'widget'],
      ['marketing', 'granted', 'form'],
    ]);
    expect(seen).toEqual(await consentsOf(id));
  });

  it.each(['limit=0', 'limit=x', 'cursor=???', 'purpose=marketing'])('refuses ?%s', async (query) => {
    const { id } = await create();
    const { status, body } = await api.get<ProblemAnswer>(`/v1/guests/${id}/consents?${query}`);
    expect([status, body.code]).toEqual([400, 'request.invalid']);
  });
});

describe('a consent receipt', () => {
  it('can be checked by anybody with the published keys alone, and is the same each time', async () => {
    const { id } = await create();
    const { body: consent, headers } = await record(id, granted);
    const place = headers.get('location')!;
    const { body } = await api.get<ReceiptAnswer>(place);
    expect((await api.get<ReceiptAnswer>(place)).body).toEqual(body);

    const keys = await new Client(running.service.url).get<{ keys: { kid: string }[] }>('/v1/consents/keys');
    expect(keys.status).toBe(200);
    expect(keys.headers.get('content-type')).toMatch(/^application\/jwk-set\+json/);
    const [header, payload, signature] = body.jws.split('.') as [string, string, string];
    const { alg, kid } = JSON.parse(String(Buffer.from(header, 'base64url'))) as { alg: string; kid: string };
    const jwk = keys.body.keys.find((key) => key.kid === kid)!;
    const key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
    expect(alg).toBe('EdDSA');
    expect(verify(null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))).toBe(true);
    expect(JSON.parse(String(Buffer.from(payload, 'base64url')))).toEqual(body.receipt);
    expect(body.receipt).toEqual({
      version: 'guest-manager/consent-receipt/v1',
      receiptId: consent.id,
      timestamp: consent.at,
      recordedAt: consent.recordedAt,
      subject: id,
      ...granted,
    });
  });

  it('belongs to one guest', async () => {
    const [one, other] = [await create(), await create()];
    const { body: consent } = await record(one.id, granted);
    const answer = await api.get<ProblemAnswer>(`/v1/guests/${other.id}/consents/${consent.id}/receipt`);
    expect([answer.status, answer.body.code]).toEqual([404, 'consent.not_found']);
    const nonsense = await api.get<ProblemAnswer>(`/v1/guests/${one.id}/consents/nonsense/receipt`);
    expect([nonsense.status, nonsense.body.errors?.[0]?.pointer]).toEqual([400, '/consentId']);
  });
});

describe('withdrawal of a consent', () => {
  it('while 500 CRM intents wait: none of the covered fields is sent afterwards', async () => {
    // The first chunk is told to wait, and from then on everything does.
    const effect = { status: 429, headers: { 'retry-after': '4' } };
    await sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect, times: 1_000_000 });
    const made = await Promise.all(
      Array.from({ length: 500 }, (_, n) => create({ mode: 'widget', email: `c${n}@example.com` })),
    );
    const ids = made.map(({ id }) => id);
    const [leaving, staying] = [ids.filter((_, n) => n % 2 === 0), ids.filter((_, n) => n % 2 === 1)];
    const answers = await Promise.all(
      leaving.map((id, n) =>
        n % 3 === 0
          ? api.patch(`/v1/guests/${id}`, { consent: { dataProcessing: false } }, { 'if-match': '*' })
          : record(id, withdrawn),
      ),
    );
    expect(answers.every(({ status }) => status === 200 || status === 201)).toBe(true);
    const withdrawnAt = new Date().toISOString();
    await sandbox.call('DELETE', '/faults');
    const heldBy = async () =>
      (await sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body.map(({ externalId }) => externalId);
    const held = await until(heldBy, (all) => staying.every((id) => all.includes(id)), 20_000);
    expect(held.filter((id) => leaving.includes(id))).toEqual([]);

    const { body: received } = await sandbox.get<Received[]>('/requests');
    const afterwards = received.filter(({ at, target }) => target === 'crm/rest' && at >= withdrawnAt);
    expect(afterwards.length).toBeGreaterThan(4);
    const texts = afterwards.map(({ body }) => JSON.stringify(body)).join('\n');
    expect(staying.every((id) => texts.includes(id))).toBe(true);
    expect(leaving.filter((id) => texts.includes(id))).toEqual([]);
    const hashes = made.filter((_, n) => n % 2 === 0).map(({ identityAttributes }) => identityAttributes.emailHash!);
    expect(hashes.filter((hash) => texts.includes(hash))).toEqual([]);
  }, 60_000);

  it('while Genesys is down: no session is begun and nothing waiting is said when it is back', async () => {
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { status: 503 }, times: 1_000_000 });
    const made = await Promise.all(Array.from({ length: 20 }, () => create({ attributes: { source: 'website' } })));
    for (const { id } of made)
      expect((await api.post(`/v1/guests/${id}/messages`, { text: `said by ${id}` })).status).toBe(202);
    const [leaving, staying] = [made.slice(0, 10), made.slice(10)];
    for (const { id } of leaving) expect((await record(id, withdrawn)).status).toBe(201);
    await sandbox.call('DELETE', '/faults');
    const conversations = async () =>
      JSON.stringify((await sandbox.get<SandboxConversation[]>('/genesys/conversations')).body);
    await until(conversations, (text) => staying.every(({ id }) => text.includes(`said by ${id}`)), 20_000);
    for (const { id } of leaving) {
      const { items } = await until(
        async () => (await api.get<{ items: { status: string }[] }>(`/v1/guests/${id}/messages`)).body,
        (page) => page.items.every(({ status }) => status === 'failed'),
      );
      expect(items).toHaveLength(1);
    }
    await sleep(300);
    const text = await conversations();
    expect(leaving.filter(({ id }) => text.includes(id))).toEqual([]);
  }, 60_000);

  it('while Genesys is being reached: what rides on the start of a conversation stays here', async () => {
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { delayMs: 60_000 }, times: 1_000 });
    const [leaving, staying] = [await create({}), await create({})];
    await sleep(500);
    await record(leaving.id, withdrawn);
    await sandbox.call('DELETE', '/faults');
    const seen = async () => JSON.stringify((await sandbox.get<Received[]>('/requests')).body);
    // What a conversation starts with names the guest.
    const joined = (text: string, id: string): boolean => text.includes(`"guestSessionId":"${id}"`);
    await until(seen, (text) => joined(text, staying.id), 20_000);
    await sleep(500);
    expect(joined(await seen(), leaving.id)).toBe(false);
  }, 60_000);

  it('is answered with consent.required by whatever needs it', async () => {
    const { id } = await create({ mode: 'server' });
    await record(id, withdrawn);
    const refused = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text: 'hello' });
    expect([refused.status, refused.body.code]).toEqual([403, 'consent.required']);
    const patch = (body: object) => api.patch<ProblemAnswer>(`/v1/guests/${id}`, body, { 'if-match': '*' });
    const more = await patch({ attributes: { locale: 'de' } });
    expect([more.status, more.body.code, more.body.errors?.map(({ pointer }) => pointer)]).toEqual([
      ...[403, 'consent.required', ['/attributes/locale']],
    ]);
    expect((await patch({ attributes: null })).status).toBe(200);
    expect((await patch({ attributes: { locale: 'de' }, consent: { dataProcessing: true } })).status).toBe(200);
    await record(id, withdrawn);
    await record(id, { ...withdrawn, decision: 'granted' });
    expect((await api.post(`/v1/guests/${id}/messages`, { text: 'hello' })).status).toBe(202);
  });
});
