import { randomUUID } from 'node:crypto';
import { aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer, SandboxConversation } from './support/client.js';
import { startReceiver } from './support/receiver.js';
import type { Receiver } from './support/receiver.js';
import { suiteService } from './support/service.js';

type Place = { name: string; state: string; outcome: string | null; code: string | null; requestIds?: string[] };
type ErasureAnswer = { id: string; guestId: string; state: string; erasedDate: string | null; places: Place[] };
type Trail = { items: { event: string; changes: Record<string, unknown> }[] };

const running = suiteService();
const { api, sandbox } = running;

let receiver: Receiver;
beforeAll(async () => void (receiver = await startReceiver()));
afterAll(() => receiver.close());

const create = async (parts: Record<string, unknown> = {}, headers?: Record<string, string>) =>
  (await api.post<GuestAnswer>('/v1/guests', aBody(parts), headers)).body;
const guestOf = (id: string) => api.get<GuestAnswer & ProblemAnswer>(`/v1/guests/${id}`);
const erase = <T = ErasureAnswer>(id: string, headers?: Record<string, string>) =>
  api.call<T>('DELETE', `/v1/guests/${id}`, undefined, headers);
const erasureWhen = (id: string, wanted: (erasure: ErasureAnswer) => boolean) =>
  // What was on its way when it was erased here is waited for.
  until(async () => (await api.get<ErasureAnswer>(`/v1/erasures/${id}`)).body, wanted, 45_000);
const recordOf = async (guestId: string) =>
  (await sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body.find((one) => one.externalId === guestId);
const linked = async (id: string): Promise<GuestAnswer> =>
  until(
    async () => (await guestOf(id)).body,
    ({ genesys, interactionCount }) => genesys.linked && interactionCount > 0,
  );

it('a live guest is erased here, in the CRM and at Genesys, and whoever listens is told', async () => {
  const key = { 'idempotency-key': randomUUID() };
  const { id } = await create({ email: 'lena.meyer@example.com', attributes: { source: 'shop' } }, key);
  await linked(id);
  await api.post(`/v1/guests/${id}/messages`, { text: 'my order is late' });
  const told = async () => (await conversationOf(sandbox, id)).participants.flatMap(({ messages }) => messages);
  await until(told, (messages) => messages.some(({ text }) => text === 'my order is late'));
  const { id: conversationId } = await conversationOf(sandbox, id);
  await until(
    () => recordOf(id),
    (record) => record !== undefined,
  );
  await api.post('/v1/webhook-endpoints', { url: receiver.url, events: ['guest.erased', 'guest.updated'] });

  const asked = await erase(id);
  expect([asked.status, asked.headers.get('location')]).toEqual([202, `/v1/erasures/${asked.body.id}`]);
  expect(asked.body).toMatchObject({ guestId: id, state: 'ending', erasedDate: null, places: [] });
  const done = await erasureWhen(asked.body.id, ({ state }) => state !== 'ending' && state !== 'under-way');
  expect(done).toMatchObject({ state: 'erased', erasedDate: expect.any(String) as string });
  expect(done.places.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['crm/rest', 'deleted'],
    ['genesys', 'erased'],
  ]);
  expect(done.places[1]!.requestIds).toHaveLength(1);

  expect([(await guestOf(id)).status, (await guestOf(id)).body.code]).toEqual([404, 'guest.not_found']);
  expect((await api.get(`/v1/guests/${id}/messages`)).status).toBe(404);
  expect(await recordOf(id)).toBeUndefined();
  const conversations = (await sandbox.get<SandboxConversation[]>('/genesys/conversations')).body;
  const gone = conversations.find((conversation) => conversation.id === conversationId)!;
  expect(gone.state).toBe('disconnected');
  expect(JSON.stringify(gone)).not.toMatch(/my order is late|shop/);
  const replayed = await api.post<ProblemAnswer>(
    '/v1/guests',
    aBody({ email: 'lena.meyer@example.com', attributes: { source: 'shop' } }),
    key,
  );
  expect([replayed.status, replayed.body.code]).toEqual([410, 'http.answer_erased']);
  const { items } = (await api.get<Trail>(`/v1/audit/entries?subject=guest:${id}`)).body;
  expect(items.map(({ event }) => event).filter((event) => event.includes('ERAS'))).toEqual([
    ...['ERASURE_REQUESTED', 'GUEST_ERASED', 'ERASURE_DONE', 'ERASURE_DONE'],
  ]);
  const [event, ...more] = await until(
    async () => receiver.received,
    (received) => received.length > 0,
  );
  expect(JSON.parse(event!.body)).toMatchObject({ type: 'guest.erased', data: { guestId: id, state: 'erased' } });
  expect(more).toEqual([]);
  expect(running.log()).not.toContain('lena.meyer');
}, 120_000);

it('a guest that is over is gone when the erasure is answered, if the condition holds, and asking again is no other erasure', async () => {
  const { id } = await create();
  await linked(id);
  await api.post(`/v1/guests/${id}/close`);
  const { version } = await until(
    async () => (await guestOf(id)).body,
    ({ state }) => state === 'closed',
  );
  const stale = await erase<ProblemAnswer>(id, { 'if-match': '"1"' });
  expect([stale.status, stale.body.code, stale.body.currentETag]).toEqual([
    ...[412, 'guest.version_mismatch', `"${version}"`],
  ]);
  const { version: current } = (await guestOf(id)).body;
  const asked = await erase(id, { 'if-match': `"${current}"` });
  expect([asked.status, asked.body.state]).toEqual([202, 'under-way']);
  expect((await guestOf(id)).status).toBe(404);
  expect((await erase(id)).body.id).toBe(asked.body.id);
  expect((await erase<ProblemAnswer>(randomUUID())).body.code).toBe('guest.not_found');
  expect((await api.get<ProblemAnswer>(`/v1/erasures/${randomUUID()}`)).body.code).toBe('erasure.not_found');
}, 120_000);

it('waits for a CRM and a Genesys that are away, shows what is not done, and is complete when they are back', async () => {
  const { id } = await create();
  await linked(id);
  await until(
    () => recordOf(id),
    (record) => record !== undefined,
  );
  const away = { effect: { status: 503 }, times: 1_000 };
  await sandbox.post('/faults', { target: 'genesys', match: 'gdpr', ...away });
  await sandbox.post('/faults', { target: 'crm/rest', match: id, ...away });
  const { body } = await erase(id);
  const waiting = await erasureWhen(
    body.id,
    // Genesys that fails is left alone for moments, and says so meanwhile.
    ({ places }) => places.map(({ code }) => code).join() === 'crm.unavailable,genesys.unavailable',
  );
  expect(waiting).toMatchObject({
    state: 'under-way',
    places: [
      { state: 'waiting', code: 'crm.unavailable' },
      { state: 'waiting', code: 'genesys.unavailable' },
    ],
  });
  const listed = await api.get<{ items: ErasureAnswer[] }>('/v1/erasures?state=under-way');
  expect(listed.body.items.map((erasure) => erasure.id)).toContain(body.id);
  expect((await api.get<string>('/metrics')).body).toMatch(/^guest_manager_erasures\{state="under-way"\} [1-9]/m);
  expect((await guestOf(id)).status).toBe(404);
  await sandbox.call('DELETE', '/faults');
  expect((await erasureWhen(body.id, ({ state }) => state !== 'under-way')).state).toBe('erased');
  const { items } = (await api.get<{ items: { purpose: string }[] }>(`/v1/guests/${id}/consents`)).body;
  expect(items).toMatchObject([{ purpose: 'dataProcessing', decision: 'granted' }]);
}, 120_000);

it('what Genesys does not permit is left to people, who tell when it is done', async () => {
  const { id } = await create();
  await linked(id);
  await sandbox.post('/faults', { target: 'genesys', match: 'gdpr', effect: { permission: false }, times: 100 });
  const { body } = await erase(id);
  const open = await erasureWhen(body.id, ({ state }) => state === 'incomplete');
  expect(open.places.find(({ name }) => name === 'genesys')).toMatchObject({
    state: 'open',
    code: 'genesys.forbidden',
  });
  const byHand = (place: unknown) =>
    api.post<ErasureAnswer & ProblemAnswer>(`/v1/erasures/${body.id}/done-by-hand`, { place });
  expect([(await byHand('elsewhere')).status, (await byHand('crm/none')).body.code]).toEqual([
    ...[400, 'erasure.place_not_found'],
  ]);
  expect((await byHand('genesys')).status).toBe(200);
  const done = await erasureWhen(body.id, ({ state }) => state === 'erased');
  expect(done.places.find(({ name }) => name === 'genesys')).toMatchObject({ state: 'done', outcome: 'by-hand' });
  const { items } = (await api.get<Trail>('/v1/audit/entries?subject=system:erasure')).body;
  expect(items.at(-1)).toMatchObject({ event: 'ERASURE_DONE', changes: { place: 'genesys', guestId: id } });
}, 120_000);

it('a stream of a guest that is erased ends', async () => {
  const { id } = await create();
  await linked(id);
  const stream = await fetch(`${api.url}/v1/guests/${id}/events`, {
    headers: { authorization: `Bearer ${running.apiKey}` },
  });
  expect(stream.status).toBe(200);
  await erase(id);
  const told = await stream.text();
  expect(told).toMatch(/"state":"clos/);
}, 120_000);
