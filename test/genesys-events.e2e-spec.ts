import { randomBytes, randomUUID } from 'node:crypto';
import { secretOf, seconds, signature } from '../src/kernel/signature.js';
import { aBody, conversationOf, until } from './support/client.js';
import type { Answer, GuestAnswer, ProblemAnswer, SandboxConversation } from './support/client.js';
import { Messenger } from './support/messenger.js';
import { suiteService } from './support/service.js';

const [NEW, OLD] = [secretOf(randomBytes(32)), secretOf(randomBytes(24))];

const running = suiteService({ GENESYS_EVENTS_SECRETS: `${NEW},${OLD}`, CRMS: 'genesys-contacts' });
const { api, sandbox } = running;
const pages: Messenger[] = [];

afterEach(() => {
  for (const page of pages.splice(0)) page.close();
});

const create = async (parts: Record<string, unknown> = {}) =>
  (await api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget', ...parts }))).body;
const guestWhen = (id: string, wanted: (guest: GuestAnswer) => boolean) =>
  until(async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted);
const opened = async (guest: GuestAnswer, attributes?: Record<string, string>) => {
  const page = await Messenger.open(sandbox, guest, attributes);
  pages.push(page);
  return page;
};

type Signing = { secret?: string; at?: Date; over?: string };
/** As somebody sends it who has a secret. */
function tell(body: unknown, { secret = NEW, at = new Date(), over }: Signing = {}): Promise<Answer<ProblemAnswer>> {
  const text = JSON.stringify(body);
  const id = `evt_${randomUUID()}`;
  return api.call('POST', '/v1/genesys/events', text, {
    'content-type': 'application/json',
    authorization: '',
    'webhook-id': id,
    'webhook-timestamp': String(seconds(at)),
    'webhook-signature': `v1,nonsense ${signature(secret, id, seconds(at), over ?? text)}`,
  });
}
const conversationWith = async (guest: GuestAnswer, text: string): Promise<SandboxConversation> => {
  await (await opened(guest)).say(text);
  return conversationOf(sandbox, guest.id);
};
const topic = (conversationId: string, what: string) => `v2.detail.events.conversation.${conversationId}.${what}`;
const event = (conversationId: string, more: object = {}) => ({
  conversationId,
  participantId: randomUUID(),
  mediaType: 'MESSAGE',
  messageType: 'WEBMESSAGING',
  eventTime: Date.now(),
  ...more,
});

describe('what the organisation tells of a conversation', () => {
  const ways: [string, (conversationId: string, guest: GuestAnswer) => unknown][] = [
    [
      'a flow’s data action',
      (id, guest) => ({ type: 'conversation.started', conversationId: id, guestSessionId: guest.id }),
    ],
    ['a data action that knows nothing of guests', (id) => ({ type: 'conversation.message', conversationId: id })],
    ['a trigger’s bare event', (id) => event(id)],
    ['a notification', (id) => ({ topicName: topic(id, 'customer.start'), version: '2', eventBody: event(id) })],
    [
      'data that was set',
      (id, guest) => ({
        topicName: topic(id, 'attributes'),
        eventBody: event(id, { attributes: guest.genesys.widget!.customAttributes }),
      }),
    ],
    [
      'a queue',
      (id, guest) => ({
        topicName: `v2.routing.queues.${randomUUID()}.conversations.messages`,
        eventBody: {
          id,
          participants: [
            { purpose: 'customer', state: 'connected', attributes: guest.genesys.widget!.customAttributes },
          ],
        },
      }),
    ],
    [
      'Amazon EventBridge',
      (id) => ({
        version: '0',
        id: randomUUID(),
        'detail-type': 'v2.detail.events.conversation.{id}.customer.start',
        source: 'aws.partner/genesys.com/cloud/5a4d0b0c-0000-4000-8000-00000000a001/guests',
        detail: { topicName: topic(id, 'customer.start'), version: '2', eventBody: event(id) },
      }),
    ],
  ];
  it.each(ways)('links a page’s guest, told by %s, and counts what was said', async (_, body) => {
    const guest = await create();
    const conversation = await conversationWith(guest, 'hello');
    const told = await tell(body(conversation.id, guest));
    expect([told.status, told.body]).toEqual([202, { taken: true }]);
    const linked = await guestWhen(guest.id, ({ interactionCount }) => interactionCount >= 1);
    expect(linked).toMatchObject({ state: 'active', genesys: { linked: true, conversationIds: [conversation.id] } });
  });

  it('follows what is said later, and the end, however often and late it is told', async () => {
    const guest = await create();
    const page = await opened(guest);
    await page.say('hello');
    const { id } = await conversationOf(sandbox, guest.id);
    await tell({ type: 'conversation.started', conversationId: id });
    await guestWhen(guest.id, ({ genesys }) => genesys.linked);
    await page.say('are you there?');
    await sandbox.post(`/genesys/conversations/${id}/messages`, { from: 'agent', text: 'I am' });
    const said = (await conversationOf(sandbox, guest.id)).participants.flatMap(({ messages }) => messages).length;
    await tell({ type: 'conversation.message', conversationId: id });
    await guestWhen(guest.id, ({ interactionCount }) => interactionCount >= said);
    await sandbox.post(`/genesys/conversations/${id}/disconnect`);
    const end = { topicName: topic(id, 'customer.end'), eventBody: event(id, { disconnectType: 'PEER' }) };
    await tell(end);
    const ended = await guestWhen(guest.id, ({ state }) => state === 'disconnected');
    expect(ended.genesys).toMatchObject({ linked: false, conversationIds: [id] });
    const { version, interactionCount } = ended;
    for (let times = 0; times < 3; times++) await tell(end);
    await tell({ type: 'conversation.started', conversationId: id, guestSessionId: guest.id });
    await page.say('one more thing');
    const next = await until(
      () => conversationOf(sandbox, guest.id),
      (conversation) => conversation.id !== id,
    );
    await tell({ type: 'conversation.started', conversationId: next.id });
    const again = await guestWhen(guest.id, ({ genesys }) => genesys.linked);
    expect(again.genesys.conversationIds).toEqual([id, next.id]);
    expect(again.interactionCount).toBeGreaterThan(interactionCount);
    // Link and messages, nothing for what was told again.
    expect(again.version).toBeLessThanOrEqual(version + 1 + (again.interactionCount - interactionCount));
  });

  it('ends a guest’s conversation that Genesys does not know any more', async () => {
    const guest = await create();
    const { id } = await conversationWith(guest, 'hello');
    await tell({ type: 'conversation.started', conversationId: id });
    await guestWhen(guest.id, ({ genesys }) => genesys.linked);
    await sandbox.post('/faults', {
      target: 'genesys',
      match: `conversations/messages/${id}`,
      effect: { status: 404 },
      times: 50,
    });
    await tell({ type: 'conversation.ended', conversationId: id });
    await guestWhen(guest.id, ({ state }) => state === 'disconnected');
  }, 30_000);

  it('is believed in nothing that the conversation does not prove', async () => {
    const [mine, theirs] = [await create(), await create()];
    const forged = { ...theirs.genesys.widget!.customAttributes, guestSessionId: mine.id };
    await (await opened(mine, forged)).say('I am somebody else');
    const { id } = await conversationOf(sandbox, mine.id);
    await tell({ type: 'conversation.started', conversationId: id, guestSessionId: mine.id });
    await until(
      async () => running.log(),
      (log) => log.includes('conversation not proven'),
    );
    expect((await guestWhen(mine.id, () => true)).genesys.linked).toBe(false);
  });

  it('is not insisted on where our client may not look', async () => {
    const id = randomUUID();
    const effect = { permission: false };
    await sandbox.post('/faults', { target: 'genesys', match: `conversations/messages/${id}`, effect, times: 50 });
    await tell({ type: 'conversation.started', conversationId: id });
    await until(
      async () => running.log(),
      (log) => log.includes('conversation cannot be followed'),
      30_000,
    );
  }, 60_000);

  it('closes a guest that was closed before its conversation was known', async () => {
    const guest = await create();
    const { id } = await conversationWith(guest, 'hello');
    await api.post(`/v1/guests/${guest.id}/close`);
    await tell({ type: 'conversation.started', conversationId: id });
    expect(await guestWhen(guest.id, ({ state }) => state === 'closed')).toMatchObject({ closeReason: 'api' });
    expect((await conversationOf(sandbox, guest.id)).state).toBe('disconnected');
  });

  it('puts the guest’s id on the conversation as its external tag, and does without where that is not permitted', async () => {
    const tagOf = async (id: string) =>
      (await conversationOf(sandbox, id)) as SandboxConversation & { externalTag: string };
    const guest = await create();
    await tell({ type: 'conversation.started', conversationId: (await conversationWith(guest, 'hello')).id });
    await until(
      () => tagOf(guest.id),
      ({ externalTag }) => externalTag === guest.id,
    );
    await sandbox.post('/faults', { target: 'genesys', match: '/tags', effect: { permission: false }, times: 100 });
    for (let times = 0; times < 2; times++) {
      const other = await create();
      await tell({ type: 'conversation.started', conversationId: (await conversationWith(other, 'hello')).id });
      await guestWhen(other.id, ({ genesys }) => genesys.linked);
      await until(
        async () => (await api.get<{ details: object }>('/health/dependencies')).body.details,
        (details) => 'genesys/external-tags' in details,
      );
    }
    expect(running.log().match(/genesys does not permit it/g)).toHaveLength(1);
  });

  it('puts the conversation with the contact that is kept for the guest', async () => {
    const guest = await create();
    const { id } = await conversationWith(guest, 'hello');
    await tell({ type: 'conversation.started', conversationId: id });
    type Contact = { externalId: string; id: string };
    type Received = { method: string; path: string; body: { externalContactId?: string } | null };
    const contact = await until(
      async () => (await sandbox.get<Contact[]>('/crm/genesys-contacts/records')).body,
      (contacts) => contacts.some(({ externalId }) => externalId === guest.id),
    );
    const put = await until(
      async () => (await sandbox.get<Received[]>('/requests')).body,
      (all) => all.some(({ path }) => path === `/api/v2/externalcontacts/conversations/${id}`),
      30_000,
    );
    const { body } = put.find(({ path }) => path === `/api/v2/externalcontacts/conversations/${id}`)!;
    expect(body?.externalContactId).toBe(contact.find(({ externalId }) => externalId === guest.id)!.id);
  }, 60_000);

  it('may be about something else, which is no fault', async () => {
    for (const other of [
      { topicName: 'v2.users.x.presence', eventBody: {} },
      {
        topicName: topic(randomUUID(), 'attributes'),
        eventBody: event(randomUUID(), { attributes: { color: 'red' } }),
      },
      event(randomUUID(), { mediaType: 'VOICE', messageType: undefined }),
    ]) {
      const { status, body } = await tell(other);
      expect([status, body]).toEqual([202, { taken: false }]);
    }
  });

  it('is refused by field when it is in no form we know', async () => {
    const wrong: [unknown, string][] = [
      [{}, ''],
      [[1], ''],
      [{ type: 'conversation.begun', conversationId: randomUUID() }, '/type'],
      [{ type: 'conversation.started', conversationId: 'x' }, '/conversationId'],
      [{ type: 'conversation.started', conversationId: randomUUID(), guestSessionId: 'me' }, '/guestSessionId'],
      [{ type: 'conversation.started', conversationId: randomUUID(), text: 'hi' }, '/text'],
      [{ topicName: topic('x', 'customer.end'), eventBody: {} }, '/conversationId'],
    ];
    for (const [body, pointer] of wrong) {
      const answer = await tell(body);
      expect([answer.status, answer.body.code, answer.body.errors?.[0]?.pointer]).toEqual([
        400,
        'request.invalid',
        pointer,
      ]);
    }
  });
});

describe('the signature', () => {
  const body = { type: 'conversation.started', conversationId: randomUUID() };

  it('may be made with any secret that is known', async () => {
    for (const secret of [NEW, OLD]) expect((await tell(body, { secret })).status).toBe(202);
  });

  it('is refused when it is another’s, of another body, or from another time', async () => {
    const minutes = (count: number) => new Date(Date.now() + count * 60_000);
    const wrong: Signing[] = [
      { secret: secretOf(randomBytes(32)) },
      { over: JSON.stringify({ ...body, type: 'conversation.ended' }) },
      { at: minutes(-6) },
      { at: minutes(6) },
    ];
    for (const signing of wrong) {
      const answer = await tell(body, signing);
      expect([answer.status, answer.body.code]).toEqual([401, 'auth.signature_wrong']);
    }
    for (const at of [minutes(-4), minutes(4)]) expect((await tell(body, { at })).status).toBe(202);
    const without = await api.post<ProblemAnswer>('/v1/genesys/events', body);
    expect([without.status, without.body.code]).toEqual([401, 'auth.signature_wrong']);
  });
});
