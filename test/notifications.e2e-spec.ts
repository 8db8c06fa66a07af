import { aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { Messenger } from './support/messenger.js';
import { testService } from './support/service.js';
import type { TestService } from './support/service.js';

/** Longer than it takes until a conversation that was just linked is listened to. */
const LISTENED_MS = 30_000;

let running: TestService;
const pages: Messenger[] = [];

// Nobody is asked about silent guests, so that what is learnt of an end was told.
beforeAll(async () => {
  running = await testService({ GENESYS_NOTIFICATIONS: 'on', GENESYS_RECONCILE_MINUTES: '0' });
}, 60_000);
afterAll(async () => {
  for (const page of pages) page.close();
  await running?.close();
});

const guestWhen = (id: string, wanted: (guest: GuestAnswer) => boolean, ms?: number) =>
  until(async () => (await running.api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted, ms);

type Linked = { readonly guest: GuestAnswer; readonly page: Messenger };

/** A page's guest whose conversation is linked. */
async function linked(): Promise<Linked> {
  const { api, sandbox } = running;
  const { body: guest } = await api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget' }));
  const page = await Messenger.open(sandbox, guest);
  pages.push(page);
  await api.post(`/v1/guests/${guest.id}/link`, { messageId: await page.say('hello') });
  await guestWhen(guest.id, ({ genesys }) => genesys.linked);
  return { guest, page };
}

/** The same, and listened to. */
async function listenedTo(): Promise<Linked & { readonly id: string }> {
  const { sandbox } = running;
  const { guest, page } = await linked();
  const { id } = await conversationOf(sandbox, guest.id);
  type Received = { method: string; path: string; body: { id: string }[] };
  await until(
    async () => (await sandbox.get<Received[]>('/requests')).body,
    (all) =>
      all.some(
        ({ method, path, body }) =>
          method === 'PUT' && path.endsWith('/subscriptions') && body.some((topic) => topic.id.includes(id)),
      ),
    LISTENED_MS,
  );
  // A socket that is not open yet hears nothing.
  await until(
    async () => running.log(),
    (log) => log.includes('genesys notifications open'),
  );
  return { guest, page, id };
}

describe('a service that listens', () => {
  it('learns at once that a page’s conversation has ended, and counts what was said in it, once, however often it is told', async () => {
    const { sandbox } = running;
    const { guest, page, id } = await listenedTo();
    await page.say('are you there?');
    await sandbox.post(`/genesys/conversations/${id}/messages`, { from: 'agent', text: 'I am' });
    const effect = { duplicate: true };
    await sandbox.post('/faults', { target: 'genesys', match: 'notifications', effect, times: 2 });
    await sandbox.post(`/genesys/conversations/${id}/disconnect`);
    const ended = await guestWhen(guest.id, ({ state }) => state === 'disconnected');
    const said = (await conversationOf(sandbox, guest.id)).participants.flatMap(({ messages }) => messages).length;
    expect(ended.interactionCount).toBe(said);
    // Another's end, told later, has come when those of this one have.
    const next = await listenedTo();
    await sandbox.post(`/genesys/conversations/${next.id}/disconnect`);
    await guestWhen(next.guest.id, ({ state }) => state === 'disconnected');
    const { version, interactionCount } = await guestWhen(guest.id, () => true);
    expect([version, interactionCount]).toEqual([ended.version, said]);
  }, 90_000);

  it('says among its dependencies that it may not listen', async () => {
    const { api, sandbox } = running;
    const effect = { rejectTopics: true };
    await sandbox.post('/faults', { target: 'genesys', match: '/subscriptions', effect, times: 100 });
    await linked();
    await until(
      async () => (await api.get<{ details: object }>('/health/dependencies')).body.details,
      (details) => 'genesys/notifications' in details,
      LISTENED_MS,
    );
    expect((await api.get('/health/ready')).status).toBe(200);
  }, 60_000);

  it('lets nobody read the address of its channel in the log', () => {
    expect(running.log()).toContain('genesys notifications open');
    expect(running.log()).not.toContain('streaming-0-');
  });
});
