import { aFile, aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { GenesysLab } from './genesys-lab.contract.js';

describe('A conversation that was ended for reading only', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open({ deployment: { conversationDisconnect: 'ReadOnly' } })));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  type Sent = { readonly action: string; readonly startNew?: boolean; readonly connection: number };
  const sent = async (): Promise<Sent[]> =>
    (await lab.other.requests()).flatMap(({ method, body, connection }) =>
      method === 'WS' ? [{ ...(body as Omit<Sent, 'connection'>), connection: connection! }] : [],
    );
  const opened = async (listener = new Listener(lab.channel())) => {
    const session = aSession();
    const attributes = { guestSessionId: session.guestId };
    await listener.channel.open(session, attributes);
    const conversation = await until(async () => (await lab.conversations()).at(-1));
    await until(() => listener.of('message').length);
    return { listener, channel: listener.channel, session, attributes, conversation };
  };
  const ended = async () => {
    const parts = await opened();
    await lab.disconnect(parts.conversation.id);
    expect(await until(() => parts.listener.of('conversation-ended')[0])).toMatchObject({ readOnly: true });
    return parts;
  };

  it('is followed by another one when the guest writes: all connections are closed first, then the session begins anew', async () => {
    const { listener, channel, session, attributes } = await ended();
    const before = (await sent()).length;
    const { key } = await channel.send(session, aText('One more thing'), attributes);
    const frames = (await sent()).slice(before);
    expect(frames).toMatchObject([
      { action: 'configureSession', startNew: false },
      { action: 'closeSession', closeAllConnections: true },
      { action: 'configureSession', startNew: true },
      { action: 'onMessage', message: { events: [{ presence: { type: 'Join' } }] } },
      { action: 'onMessage', message: { text: 'One more thing' } },
    ]);
    expect(new Set(frames.map(({ connection }) => connection)).size).toBe(1);
    expect(await lab.conversations()).toMatchObject([
      { ended: true, guestTexts: [] },
      { ended: false, guestTexts: ['One more thing'], attributes },
    ]);
    expect(await until(() => listener.of('message').find((said) => said.key === key))).toMatchObject({ from: 'guest' });
    const order = listener.events.map(({ type }) => type);
    expect(order.filter((type) => type === 'conversation-ended')).toHaveLength(1);
    expect(order.lastIndexOf('joined')).toBeGreaterThan(order.indexOf('conversation-ended'));
    await channel.send(session, aText('And another'), attributes);
    expect((await lab.conversations()).map(({ guestTexts }) => guestTexts.length)).toEqual([0, 2]);
    expect(listener.of('session-ended')).toEqual([]);
  });

  it('is begun anew once for messages that come together', async () => {
    const { channel, session } = await ended();
    await Promise.all(['One', 'Two', 'Three'].map((text) => channel.send(session, aText(text), {})));
    const texts = (await lab.conversations()).map(({ guestTexts }) => [...guestTexts].sort());
    expect(texts).toEqual([[], ['One', 'Three', 'Two']]);
    expect((await sent()).filter(({ startNew }) => startNew === true)).toHaveLength(1);
  });

  it('is followed by another one also when its end was missed, in another process too', async () => {
    const { channel, session, conversation } = await opened();
    await channel.leave(session.guestId);
    await lab.disconnect(conversation.id);
    const second = new Listener(lab.channel());
    await second.channel.send({ ...session, resumed: true }, aText('I am back'), {});
    expect(await lab.conversations()).toMatchObject([{ ended: true }, { ended: false, guestTexts: ['I am back'] }]);
    const order = second.events.map(({ type }) => type);
    expect(order.indexOf('conversation-ended')).toBeGreaterThanOrEqual(0);
    expect(second.of('session-ended')).toEqual([]);
  });

  it('is begun anew by what is sent, not by looking: a session nobody writes in stays as it is', async () => {
    const { listener, channel, session, attributes } = await ended();
    await channel.open(session, attributes);
    await lab.breakSockets();
    await until(() => listener.of('conversation-ended').length > 1);
    channel.types(session.guestId);
    expect(await channel.end(session)).toBe('nothing-to-end');
    expect(await lab.conversations()).toHaveLength(1);
    expect((await sent()).some(({ startNew }) => startNew === true)).toBe(false);
  });

  it('loses no text to an error in between, and begins no third conversation', async () => {
    for (const code of [5000, 503]) {
      const { channel, session } = await ended();
      const message = aText('Not lost');
      await lab.other.fault('genesys', 'websocket', { body: { code } });
      await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'unavailable' });
      const again = () => channel.send(session, { ...message, retry: true }, {});
      await until(() => again().catch(() => null));
      const texts = (await lab.conversations()).map(({ guestTexts }) => guestTexts);
      expect(texts).toEqual([[], ['Not lost']]);
      await lab.reset();
    }
  });

  it('is followed by another one for a file, and the message that carries it', async () => {
    const { channel, session } = await ended();
    const file = aFile();
    await channel.upload(session, file);
    await channel.send(session, { ...aText('See here'), attachmentIds: [file.id] }, {});
    expect(await lab.conversations()).toMatchObject([
      { ended: true },
      { guestTexts: ['See here'], guestFiles: [{ fileName: file.fileName }] },
    ]);
  });

  it('is the last one where guests are to end with it', async () => {
    const { channel, session, conversation } = await opened();
    await channel.leave(session.guestId);
    await lab.disconnect(conversation.id);
    const strict = new Listener(lab.channel());
    const late = strict.channel.send({ ...session, endsWithReadOnly: true }, aText('Hello?'), {});
    await expect(late).rejects.toMatchObject({ kind: 'refused', code: 'genesys.read_only' });
    expect(await until(() => strict.of('conversation-ended')[0])).toMatchObject({ readOnly: true });
    expect(await lab.conversations()).toMatchObject([{ guestTexts: [] }]);
  });
});
