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

const agentEnds = async (id: string): Promise<unknown> =>
  running.sandbox.post(`/genesys/conversations/${(await conversationOf(running.sandbox, id)).id}/disconnect`);
const sessionExpires = async (id: string): Promise<unknown> => {
  await running.sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { expireToken: true } });
  return running.api.post(`/v1/guests/${id}/messages`, { text: 'Hello?' });
};
const reportAfterwards = async (guest: GuestAnswer): Promise<void> => {
  const messageId = await pageWrites(running.sandbox, guest, 'hello');
  await close(guest.id);
  expect((await guestWhen(guest.id, () => true)).state).toBe('closing');
  await running.api.post(`/v1/guests/${guest.id}/link`, { messageId });
};

type Row = {
  readonly when: string;
  /** What the deployment allows. */
  readonly deployment?: Record<string, unknown>;
  readonly mode?: 'server' | 'widget';
  /** Whether the guest has a conversation by then. */
  readonly linked?: boolean;
  readonly happens: (guest: GuestAnswer) => Promise<unknown>;
  readonly state: string;
  readonly reason: string | null;
  /** Whether its conversation has ended at Genesys; null where there is none. */
  readonly ended: boolean | null;
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
    when: 'a caller closes it before anything was said',
    deployment: { autoStart: false },
    linked: false,
    happens: ({ id }) => close(id),
    ...{ state: 'closed', reason: 'abandoned', ended: null },
  },
  {
    when: 'an agent ends the conversation',
    happens: ({ id }) => agentEnds(id),
    ...{ state: 'disconnected', reason: null, ended: true },
  },
  {
    when: 'an agent ends the conversation for reading only',
    deployment: { conversationDisconnect: 'ReadOnly' },
    happens: ({ id }) => agentEnds(id),
    ...{ state: 'closed', reason: 'read_only', ended: true },
  },
  {
    when: 'its session has run out',
    happens: ({ id }) => sessionExpires(id),
    ...{ state: 'expired', reason: 'session_expired', ended: null },
  },
  {
    when: 'a caller closes it and its page reports the conversation afterwards',
    mode: 'widget',
    linked: false,
    happens: reportAfterwards,
    ...{ state: 'closed', reason: 'api', ended: true },
  },
];

const DEPLOYMENTS = [...new Set(ROWS.map(({ deployment = {} }) => JSON.stringify(deployment)))];

describe.each(DEPLOYMENTS)('where the deployment differs by %s, a guest', (deployment) => {
  beforeAll(async () => {
    running = await testService();
    await running.sandbox.call('PATCH', '/genesys/deployment', JSON.parse(deployment));
  }, 60_000);
  afterAll(() => running?.close());

  const rows = ROWS.filter((row) => JSON.stringify(row.deployment ?? {}) === deployment);

  it.each(rows)('is $state, reason $reason, when $when', async ({ mode = 'server', linked = true, ...row }) => {
    const guest = await create({ mode });
    if (linked) await guestWhen(guest.id, isLinked);
    else if (mode === 'server') await guestWhen(guest.id, ({ state }) => state === 'configured');
    await row.happens(guest);
    const ended = await guestWhen(guest.id, ({ state }) => state === row.state);
    expect(ended.closeReason).toBe(row.reason);
    const { body: all } = await running.sandbox.get<SandboxConversation[]>('/genesys/conversations');
    const conversation = all.find(({ participants }) =>
      participants.some(({ attributes }) => attributes['guestSessionId'] === guest.id),
    );
    if (row.ended === true) expect(conversation?.state).toBe('disconnected');
    if (!linked && mode === 'server') expect(conversation).toBeUndefined();
    // Asked again, nothing changes.
    if (row.state !== 'disconnected') {
      expect((await close(guest.id)).status).toBe(200);
      expect(await guestWhen(guest.id, () => true)).toMatchObject({ state: row.state, closeReason: row.reason });
    }
  });
});
