import { aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer, SandboxConversation } from './support/client.js';
import { pageWrites } from './support/page.js';
import { testService } from './support/service.js';
import type { TestService } from './support/service.js';

let running: TestService;
const guestWhen = (id: string, wanted: (guest: GuestAnswer) => boolean) =>
  until(async () => (await running.api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted);
const create = async (parts: Record<string, unknown> = {}): Promise<GuestAnswer> =>
  (await running.api.post<GuestAnswer>('/v1/guests', aBody(parts))).body;
const close = (id: string) => running.api.post(`/v1/guests/${id}/close`);
const isLinked = ({ genesys }: GuestAnswer): boolean => genesys.linked;
const conversationsOf = async (id: string): Promise<SandboxConversation[]> =>
  (await running.sandbox.get<SandboxConversation[]>('/genesys/conversations')).body.filter(({ participants }) =>
    participants.some(({ attributes }) => attributes['guestSessionId'] === id),
  );

/** The organisation's side ends it, with the `disconnectType` Genesys shows for that. */
const ends = async (id: string, disconnectType: string): Promise<unknown> =>
  running.sandbox.post(`/genesys/conversations/${(await conversationOf(running.sandbox, id)).id}/disconnect`, {
    disconnectType,
  });
/** Genesys answers the guest's next frame with this one. */
const answers = (frame: object) =>
  running.sandbox.post('/faults', {
    ...{ target: 'genesys', match: 'websocket' },
    effect: { body: { code: 200, type: 'message', body: {}, ...frame } },
  });
const says = async (id: string, frame: object): Promise<unknown> => {
  await answers(frame);
  return running.api.post(`/v1/guests/${id}/typing`);
};
const writes = (id: string, text = 'Hello?') => running.api.post(`/v1/guests/${id}/messages`, { text });
const sessionExpires = async (id: string): Promise<unknown> => {
  await running.sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { expireToken: true } });
  return writes(id);
};
const reportAfterwards = async (guest: GuestAnswer): Promise<void> => {
  const messageId = await pageWrites(running.sandbox, guest, 'hello');
  await close(guest.id);
  expect((await guestWhen(guest.id, () => true)).state).toBe('closing');
  await running.api.post(`/v1/guests/${guest.id}/link`, { messageId });
};
const report = async (guest: GuestAnswer): Promise<string> => {
  const messageId = await pageWrites(running.sandbox, guest, 'hello');
  await running.api.post(`/v1/guests/${guest.id}/link`, { messageId });
  await guestWhen(guest.id, isLinked);
  return messageId;
};
/** What the page's own Messenger went through is learnt by looking at the conversation again. */
const endsUnseen = async (guest: GuestAnswer, disconnectType: string): Promise<void> => {
  const messageId = await report(guest);
  await ends(guest.id, disconnectType);
  await running.api.post(`/v1/guests/${guest.id}/link`, { messageId });
};
const goesOn = async ({ id }: GuestAnswer): Promise<void> => {
  expect((await writes(id, 'One more thing')).status).toBe(202);
  await guestWhen(id, ({ state, genesys }) => state === 'active' && genesys.conversationIds.length === 2);
  expect((await conversationsOf(id)).map(({ state }) => state).sort()).toEqual(['connected', 'disconnected']);
};
/** Somebody else has the session: nothing is over, nothing is fought for, people are told, and whoever asks is served. */
const standsBack = async ({ id }: GuestAnswer): Promise<void> => {
  await until(
    async () => running.log(),
    (log) => log.includes('guest socket superseded'),
  );
  const opened = async (): Promise<number> =>
    (await running.sandbox.get<{ method: string; path: string }[]>('/requests')).body.filter(
      ({ method, path }) => method === 'GET' && path === '/v1',
    ).length;
  const before = await opened();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await opened()).toBe(before);
  await writes(id, 'Still me');
  await guestWhen(id, ({ interactionCount }) => interactionCount >= 3);
  expect(await opened()).toBe(before + 1);
};

type Row = {
  readonly when: string;
  /** What the deployment allows. */
  readonly deployment?: Record<string, unknown>;
  readonly env?: Record<string, string>;
  readonly mode?: 'server' | 'widget';
  /** Whether the guest has a conversation by then. */
  readonly linked?: boolean;
  readonly happens: (guest: GuestAnswer) => Promise<unknown>;
  readonly state: string;
  readonly reason: string | null;
  /** Whether its conversation has ended at Genesys; null where there is none, or none that we could see. */
  readonly ended: boolean | null;
  readonly afterwards?: (guest: GuestAnswer) => Promise<void>;
};

const ROWS: readonly Row[] = [
  { when: 'a caller closes it', happens: ({ id }) => close(id), state: 'closed', reason: 'api', ended: true },
  {
    when: 'a caller closes it, where guests may not clear',
    deployment: { conversationClear: false },
    happens: ({ id }) => close(id),
    ...{ state: 'closed', reason: 'api', ended: true },
  },
  {
    when: 'a caller closes it, and Genesys does not say that it has cleared',
    happens: async ({ id }) => {
      await answers({ class: 'string', body: '' });
      await close(id);
    },
    ...{ state: 'closed', reason: 'api', ended: true },
  },
  {
    when: 'a caller closes it before anything was said',
    deployment: { autoStart: false },
    linked: false,
    happens: ({ id }) => close(id),
    ...{ state: 'closed', reason: 'abandoned', ended: null },
  },
  {
    when: 'a caller closes it, and its page has the Messenger',
    mode: 'widget',
    linked: false,
    happens: async (guest) => {
      await report(guest);
      await close(guest.id);
    },
    ...{ state: 'closed', reason: 'api', ended: true },
  },
  {
    when: 'a caller closes it and its page reports the conversation afterwards',
    mode: 'widget',
    linked: false,
    happens: reportAfterwards,
    ...{ state: 'closed', reason: 'api', ended: true },
  },
  {
    when: 'the guest clears the conversation elsewhere',
    happens: ({ id }) => says(id, { class: 'SessionClearedEvent' }),
    ...{ state: 'closed', reason: 'guest_cleared', ended: null },
  },
  {
    when: 'an agent or a flow ends the conversation',
    happens: ({ id }) => ends(id, 'peer'),
    ...{ state: 'disconnected', reason: null, ended: true },
    afterwards: goesOn,
  },
  {
    when: 'an agent or a flow ends the conversation for reading only',
    deployment: { conversationDisconnect: 'ReadOnly' },
    happens: ({ id }) => ends(id, 'peer'),
    ...{ state: 'disconnected', reason: null, ended: true },
    afterwards: goesOn,
  },
  {
    when: 'an agent or a flow ends the conversation for reading only, where that closes guests',
    deployment: { conversationDisconnect: 'ReadOnly' },
    env: { GUEST_AFTER_READ_ONLY: 'close' },
    happens: ({ id }) => ends(id, 'peer'),
    ...{ state: 'closed', reason: 'read_only', ended: true },
  },
  {
    when: 'the queue ends the conversation because nobody wrote',
    happens: ({ id }) => ends(id, 'inactivity'),
    ...{ state: 'disconnected', reason: null, ended: true },
    afterwards: goesOn,
  },
  {
    when: 'an agent or a flow ends the conversation of a page',
    mode: 'widget',
    linked: false,
    happens: (guest) => endsUnseen(guest, 'peer'),
    ...{ state: 'disconnected', reason: null, ended: true },
  },
  {
    when: 'the queue ends the conversation of a page because nobody wrote',
    mode: 'widget',
    linked: false,
    happens: (guest) => endsUnseen(guest, 'inactivity'),
    ...{ state: 'disconnected', reason: null, ended: true },
  },
  {
    when: 'the session of a page has run out',
    mode: 'widget',
    linked: false,
    happens: (guest) => endsUnseen(guest, 'session.expired'),
    ...{ state: 'expired', reason: 'session_expired', ended: true },
  },
  {
    when: 'Genesys says that its session has run out',
    happens: ({ id }) => ends(id, 'session.expired'),
    ...{ state: 'expired', reason: 'session_expired', ended: true },
  },
  {
    when: 'its session has run out, as an answer says (4006)',
    happens: ({ id }) => sessionExpires(id),
    ...{ state: 'expired', reason: 'session_expired', ended: true },
  },
  {
    when: 'Genesys does not know its session any more (4007)',
    happens: async ({ id }) => {
      await answers({ class: 'string', code: 4007, body: 'session not found' });
      await writes(id);
    },
    ...{ state: 'expired', reason: 'session_expired', ended: null },
  },
  {
    when: 'the time of its session is over by the clock',
    deployment: { sessionSeconds: 2 },
    linked: false,
    happens: () => Promise.resolve(),
    ...{ state: 'expired', reason: 'session_expired', ended: null },
  },
  {
    when: 'somebody else has taken its session over',
    happens: ({ id }) => says(id, { class: 'ConnectionClosedEvent' }),
    ...{ state: 'active', reason: null, ended: false },
    afterwards: standsBack,
  },
];

const setting = ({ deployment = {}, env = {} }: Row): string => JSON.stringify({ deployment, env });
const isOver = (state: string): boolean => state === 'closed' || state === 'expired';

describe.each([...new Set(ROWS.map(setting))])('where things differ by %s, a guest', (differs) => {
  beforeAll(async () => {
    const { deployment, env } = JSON.parse(differs) as { deployment: object; env: Record<string, string> };
    running = await testService(env);
    await running.sandbox.call('PATCH', '/genesys/deployment', deployment);
  }, 60_000);
  afterAll(() => running?.close());

  const rows = ROWS.filter((row) => setting(row) === differs);

  it.each(rows)(
    'is $state, reason $reason, when $when',
    async ({ mode = 'server', linked = true, ...row }) => {
      const guest = await create({ mode });
      if (linked) await guestWhen(guest.id, (seen) => isLinked(seen) && seen.interactionCount > 0);
      else if (mode === 'server') await guestWhen(guest.id, ({ state }) => state !== 'created');
      await row.happens(guest);
      const ended = await guestWhen(guest.id, ({ state }) => state === row.state);
      expect(ended.closeReason).toBe(row.reason);
      const known = await conversationsOf(guest.id);
      if (row.ended !== null) expect(known).toMatchObject([{ state: row.ended ? 'disconnected' : 'connected' }]);
      // Asked again, nothing changes.
      if (isOver(row.state)) {
        expect((await close(guest.id)).status).toBe(200);
        expect(await guestWhen(guest.id, () => true)).toMatchObject({ state: row.state, closeReason: row.reason });
        expect((await writes(guest.id)).status).toBe(409);
      }
      await row.afterwards?.(guest);
    },
    30_000,
  );
});
