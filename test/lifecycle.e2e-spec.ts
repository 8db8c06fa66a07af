import { RetentionJobs } from '../src/modules/retention/index.js';
import { Database } from '../src/adapters/storage/database.js';
import { GuestJobs } from '../src/modules/guest/guest.jobs.js';
import { aBody, Client, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer, SandboxConversation } from './support/client.js';
import { startReceiver } from './support/receiver.js';
import { suiteService } from './support/service.js';

const running = suiteService({ RETENTION_MESSAGES_DAYS: '14', RETENTION_GUESTS_DAYS: '90' });
const { api } = running;

type Preview = {
  calculatedAt: string;
  classes: { name: string; days: number; dueNow: number; dueWithin7Days: number; oldest: string | null }[];
};

const preview = async () => {
  const { status, body } = await api.get<Preview>('/v1/retention');
  expect(status).toBe(200);
  return Object.fromEntries(body.classes.map(({ name, ...rest }) => [name, rest]));
};
const messagesOf = async (id: string) =>
  (await api.get<{ items: { text: string | null; status: string; from: string }[] }>(`/v1/guests/${id}/messages`)).body
    .items;
/** The service's own clock cannot be moved: its rows are. */
const age = async (id: string, days: number): Promise<void> => {
  const database = running.service.app.get(Database, { strict: false });
  const older = `- interval '${days} days'`;
  await database.query({ name: '', text: `update message set at = at ${older} where guest_id = $1` }, [id]);
  await database.query({ name: '', text: `update guest set resting_since = resting_since ${older} where id = $1` }, [
    id,
  ]);
};
const sweep = () => running.service.app.get(RetentionJobs, { strict: false }).sweep();

it('an operator sees what will go, it goes, the trail says what went, and so is whoever listens told', async () => {
  const { id } = (await api.post<GuestAnswer>('/v1/guests', aBody({ email: 'someone@example.com' }))).body;
  await api.post(`/v1/guests/${id}/messages`, { text: 'a secret' });
  const sent = await until(
    () => messagesOf(id),
    (items) => items.some(({ text, status }) => text === 'a secret' && status === 'sent'),
  );
  expect(await preview()).toEqual({
    'message-texts': { days: 14, dueNow: 0, dueWithin7Days: 0, oldest: expect.any(String) as string },
    attachments: { days: 14, dueNow: 0, dueWithin7Days: 0, oldest: null },
    guests: { days: 90, dueNow: 0, dueWithin7Days: 0, oldest: null },
    origins: { days: 90, dueNow: 0, dueWithin7Days: 0, oldest: null },
    'crm-dead-letters': { days: 90, dueNow: 0, dueWithin7Days: 0, oldest: null },
    'idempotency-answers': { days: 1, dueNow: 0, dueWithin7Days: 0, oldest: null },
    'webhook-deliveries': { days: 30, dueNow: 0, dueWithin7Days: 0, oldest: null },
    'widget-tokens': { days: 1, dueNow: 0, dueWithin7Days: 0, oldest: null },
  });

  await age(id, 10);
  const soon = (await preview())['message-texts']!;
  expect(soon.dueNow).toBe(0);
  expect(soon.dueWithin7Days).toBeGreaterThanOrEqual(sent.filter(({ text }) => text !== null).length);
  await age(id, 5);
  expect((await preview())['message-texts']!.dueNow).toBeGreaterThanOrEqual(1);
  await sweep();
  expect((await preview())['message-texts']).toMatchObject({ dueNow: 0, dueWithin7Days: 0 });
  expect((await messagesOf(id)).find(({ from }) => from === 'guest')).toMatchObject({ text: null, status: 'sent' });

  await api.post(`/v1/guests/${id}/close`);
  await until(
    async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.state,
    (state) => state === 'closed',
  );
  await until(
    async () =>
      (await api.get<{ items: { event: string; changes: object }[] }>(`/v1/audit/entries?subject=guest:${id}`)).body
        .items,
    (items) => items.at(-1)?.event === 'CRM_SYNCED',
  );
  const receiver = await startReceiver();
  const listening = await api.post('/v1/webhook-endpoints', { url: receiver.url, events: ['guest.erased'] });
  expect(listening.status).toBe(201);
  await age(id, 91);
  expect((await preview())['guests']).toMatchObject({ dueNow: 1 });
  await sweep();
  expect((await preview())['guests']).toMatchObject({ dueNow: 0, oldest: null });
  expect((await api.get<ProblemAnswer>(`/v1/guests/${id}`)).body.code).toBe('guest.not_found');
  expect((await api.get<{ items: GuestAnswer[] }>('/v1/guests')).body.items).toEqual([]);
  const swept = await api.get<{ items: { event: string; actor: string; changes: object }[] }>(
    '/v1/audit/entries?subject=system:retention',
  );
  expect(swept.body.items.at(-1)).toMatchObject({
    event: 'RETENTION_SWEPT',
    actor: 'job:retention.sweep',
    changes: { dataClass: 'guests', days: 90, gone: 1, kept: 0 },
  });
  const trail = await api.get<{ items: { event: string }[] }>(`/v1/audit/entries?subject=guest:${id}`);
  expect(trail.body.items.at(-1)).toMatchObject({ event: 'GUEST_FORGOTTEN' });
  const [told, ...more] = await until(
    async () => receiver.received,
    (received) => received.length > 0,
  );
  expect(JSON.parse(told!.body)).toMatchObject({
    type: 'guest.erased',
    data: { guestId: id, state: 'erased', changed: ['/state'] },
  });
  expect(more).toEqual([]);
  await receiver.close();
});

it('a guest nothing happens to any more is closed here and at Genesys, and says why', async () => {
  const { id } = (await api.post<GuestAnswer>('/v1/guests', aBody())).body;
  const busy = (await api.post<GuestAnswer>('/v1/guests', aBody())).body;
  const { id: conversationId } = await conversationOf(running.sandbox, id);
  const read = async (guestId: string) => (await api.get<GuestAnswer>(`/v1/guests/${guestId}`)).body;
  for (const guestId of [id, busy.id])
    await until(
      () => read(guestId),
      ({ genesys, interactionCount }) => genesys.linked && interactionCount > 0,
    );
  const text = `update guest set resting_since = resting_since - interval '80 hours', document = jsonb_set(document, '{modifiedDate}',
    to_jsonb(to_char((document->>'modifiedDate')::timestamptz at time zone 'utc' - interval '80 hours', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
    where id = any($1::uuid[])`;
  await running.service.app.get(Database, { strict: false }).query({ name: '', text }, [[id, busy.id]]);
  await api.patch(`/v1/guests/${busy.id}`, { attributes: { source: 'here' } }, { 'if-match': '*' });
  await running.service.app.get(GuestJobs, { strict: false }).endIdle();
  await until(
    () => read(id),
    ({ state }) => state === 'closed',
  );
  expect(await read(id)).toMatchObject({ closeReason: 'abandoned' });
  expect(await read(busy.id)).toMatchObject({ state: 'active', closeReason: null });
  const conversations = (await running.sandbox.get<SandboxConversation[]>('/genesys/conversations')).body;
  expect(conversations.find((conversation) => conversation.id === conversationId)!.state).toBe('disconnected');
}, 60_000);

it('the preview is for operators alone, and holds nothing personal', async () => {
  const nobody = new Client(running.service.url);
  expect((await nobody.get<ProblemAnswer>('/v1/retention')).status).toBe(401);
  await api.post('/v1/guests', aBody({ email: 'someone@example.com', mode: 'widget' }));
  const { body } = await api.get('/v1/retention');
  expect(JSON.stringify(body)).not.toMatch(/@|[0-9a-f]{32}|127\.0\.0\.1/);
});
