import { once } from 'node:events';
import platformClient from 'purecloud-platform-client-v2';
import { WebSocket } from 'ws';
import { Lab, someText } from '../../lab.contract.js';
import { account } from '../account.js';

type Heard = { readonly topicName: string; readonly eventBody: Record<string, unknown> };

const QUEUE = `v2.routing.queues.${account.queueId}.conversations.messages`;
const GRACE_MS = 10_000;

describe('Notifications, by the official SDK and a WebSocket', () => {
  let lab: Lab;
  let api: InstanceType<typeof platformClient.NotificationsApi>;
  const sockets: WebSocket[] = [];

  beforeAll(async () => void (lab = await Lab.open()));
  beforeEach(async () => {
    const client = new platformClient.ApiClientClass();
    client.config.live_reload_config = false;
    client.config.setConfigPath('');
    client.setGateway({ host: '127.0.0.1', protocol: 'http', port: String(lab.sandbox.port) } as never);
    const { clientId, clientSecret } = lab.sandbox.connection.genesys;
    await client.loginClientCredentialsGrant(clientId, clientSecret);
    api = new platformClient.NotificationsApi(client);
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.terminate();
    lab.sandbox.reset();
  });
  afterAll(() => lab.close());

  /** A socket of a channel, with what it heard so far and a way to wait for more. */
  async function listen(connectUri: string) {
    const heard: Heard[] = [];
    const socket = new WebSocket(connectUri);
    sockets.push(socket);
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Heard));
    socket.on('error', () => undefined);
    await once(socket, 'open');
    const until = async (topicName: string, count = 1): Promise<Heard[]> => {
      const found = () => heard.filter((each) => each.topicName === topicName);
      while (found().length < count) await once(socket, 'message', { signal: AbortSignal.timeout(GRACE_MS) });
      return found();
    };
    return { socket, heard, until };
  }

  async function subscribed(...topics: string[]) {
    const { id = '', connectUri = '' } = await api.postNotificationsChannels();
    await api.postNotificationsChannelSubscriptions(
      id,
      topics.map((topic) => ({ id: topic })),
    );
    return { id, connectUri, line: await listen(connectUri) };
  }

  it('tell a queue of each message, with the participant data', async () => {
    const { line } = await subscribed(QUEUE);
    const guest = await lab.configured();
    await guest.say('Hello', { guestSessionId: 'g-1' });
    const [first] = await line.until(QUEUE);
    expect(first).toMatchObject({ version: '2', metadata: { CorrelationId: someText } });
    const all = await line.until(QUEUE, 3);
    expect(all.at(-1)?.eventBody).toMatchObject({
      id: someText,
      participants: [{ purpose: 'customer', attributes: { guestSessionId: 'g-1' } }],
    });
  });

  it('tell of a known conversation what becomes of it', async () => {
    const guest = await lab.configured();
    await guest.say('Hello');
    const [conversation] = await lab.conversations();
    const topic = (what: string) => `v2.detail.events.conversation.${conversation?.id}.${what}`;
    const { line } = await subscribed(topic('attributes'), topic('customer.end'));
    await guest.say('It is me', { guestSessionId: 'g-2' });
    const [attributes] = await line.until(topic('attributes'));
    expect(attributes?.eventBody).toMatchObject({ participantId: someText, attributes: { guestSessionId: 'g-2' } });
    await lab.http('POST', `/sandbox/genesys/conversations/${conversation?.id}/disconnect`);
    const [end] = await line.until(topic('customer.end'));
    expect(end?.eventBody).toMatchObject({
      ...{ conversationId: conversation?.id, disconnectType: 'PEER', messageType: 'WEBMESSAGING' },
      interactingDurationMs: expect.any(Number) as unknown,
    });
  });

  it('take no topic that does not exist: one spoils a request, unless errors are to be ignored', async () => {
    const { id = '' } = await api.postNotificationsChannels();
    const topics = [{ id: QUEUE }, { id: 'v2.conversations.1' }, { id: QUEUE.replace(account.queueId, '*') }];
    await expect(api.postNotificationsChannelSubscriptions(id, topics)).rejects.toMatchObject({ status: 400 });
    expect(await api.getNotificationsChannelSubscriptions(id)).toEqual({ entities: [] });
    const answered = await api.postNotificationsChannelSubscriptions(id, topics, { ignoreErrors: true });
    expect(answered.entities?.map(({ state }) => state)).toEqual(['Permitted', 'Rejected', 'Rejected']);
    expect(await api.getNotificationsChannelSubscriptions(id)).toMatchObject({ entities: [{ id: QUEUE }] });
    await api.putNotificationsChannelSubscriptions(id, []);
    expect(await api.getNotificationsChannelSubscriptions(id)).toEqual({ entities: [] });
    await api.deleteNotificationsChannelSubscriptions(id);
    const available = await api.getNotificationsAvailabletopics();
    expect(available.entities?.map((topic) => topic.id)).toContain('v2.routing.queues.{id}.conversations.messages');
  });

  it('reject a topic for want of a permission, on demand', async () => {
    const { id = '' } = await api.postNotificationsChannels();
    await lab.fault('genesys', '/subscriptions', { rejectTopics: true });
    const answered = await api.postNotificationsChannelSubscriptions(id, [{ id: QUEUE }], { ignoreErrors: true });
    expect(answered.entities).toMatchObject([{ state: 'Rejected', missingPermissions: ['routing:queue:view'] }]);
  });

  it('beat like a heart, and answer a ping', async () => {
    await lab.http('PATCH', '/sandbox/genesys/organization', { heartbeatMs: 20 });
    const { line } = await subscribed(QUEUE);
    expect((await line.until('channel.metadata', 2))[1]?.eventBody).toEqual({ message: 'WebSocket Heartbeat' });
    line.socket.send('{"message":"ping"}');
    while (!line.heard.some(({ eventBody }) => eventBody['message'] === 'pong')) await once(line.socket, 'message');
  });

  it('say that they will close, and do', async () => {
    const { line } = await subscribed(QUEUE);
    const closed = once(line.socket, 'close');
    await lab.fault('genesys', 'notifications', { announceClose: true, delayMs: 20 });
    await line.until('v2.system.socket_closing');
    expect((await closed)[0]).toBe(1001);
  });

  it('are lost, told twice, or broken off, on demand; what is missed is not told again', async () => {
    const { line, connectUri } = await subscribed(QUEUE);
    const guest = await lab.configured();
    await lab.fault('genesys', 'notifications', { dropAfterAccepting: true }, 2);
    await guest.say('Lost');
    await guest.heard((frame) => frame.body.direction === 'Outbound');
    const before = (await line.until(QUEUE)).length;
    expect(before).toBe(1);
    await lab.fault('genesys', 'notifications', { duplicate: true });
    const [conversation] = await lab.conversations();
    await lab.http('POST', `/sandbox/genesys/conversations/${conversation?.id}/messages`, { text: 'Twice' });
    const [one, two] = (await line.until(QUEUE, 3)).slice(1);
    expect(two?.eventBody).toEqual(one?.eventBody);
    const closed = once(line.socket, 'close');
    await lab.fault('genesys', 'notifications', { drop: true });
    expect((await closed)[0]).toBe(1006);
    await lab.http('POST', `/sandbox/genesys/conversations/${conversation?.id}/messages`, { text: 'Missed' });
    const again = await listen(connectUri);
    await lab.http('POST', `/sandbox/genesys/conversations/${conversation?.id}/messages`, { text: 'Heard' });
    await again.until(QUEUE);
    expect(again.heard).toHaveLength(1);
  });

  it('have one socket a channel and twenty channels a client; one more puts out the oldest', async () => {
    const first = await subscribed(QUEUE);
    const replaced = once(first.line.socket, 'close');
    const second = await listen(first.connectUri);
    await replaced;
    const put = once(second.socket, 'close');
    for (let count = 0; count < 20; count += 1) await api.postNotificationsChannels();
    await put;
    // A HEAD has no body for the SDK to reject with.
    await expect(api.headNotificationsChannel(first.id)).rejects.toBeUndefined();
    expect((await api.getNotificationsChannels()).entities).toHaveLength(20);
    const refused = new WebSocket(first.connectUri);
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.message).toContain('404');
  });
});
