import { aFile, aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { GenesysLab } from './genesys-lab.contract.js';

type After = 'stays' | 'expires' | 'read-only' | 'comes back';

/** Every error a guest socket may answer with, and what becomes of the message and of the session. */
describe('An error on the guest socket', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  const answer = (body: object, times = 1) => lab.other.fault('genesys', 'websocket', { body }, times);
  const sockets = async () =>
    (await lab.other.requests()).filter(({ method, path }) => method === 'GET' && path === '/v1').length;
  const opened = async () => {
    const listener = new Listener(lab.channel({ typingMs: 0 }));
    const session = aSession();
    await listener.channel.open(session, {});
    await until(() => listener.of('message').length);
    return { listener, session, channel: listener.channel };
  };

  it.each<[frame: { code: number; class?: string; body?: object }, kind: string, code: string, after: After]>([
    [{ code: 4000 }, 'refused', 'genesys.not_enabled', 'stays'],
    [{ code: 4006 }, 'refused', 'genesys.session_expired', 'expires'],
    [{ code: 4007 }, 'refused', 'genesys.session_expired', 'expires'],
    [{ code: 4011 }, 'refused', 'genesys.text_too_long', 'stays'],
    [{ code: 4013 }, 'refused', 'genesys.attributes_too_long', 'stays'],
    [{ code: 4017 }, 'refused', 'genesys.session_expired', 'expires'],
    [{ code: 4020 }, 'refused', 'genesys.bad_request', 'stays'],
    [{ code: 5000 }, 'unavailable', 'genesys.unavailable', 'comes back'],
    [{ code: 400 }, 'refused', 'genesys.bad_request', 'stays'],
    [{ code: 401 }, 'unavailable', 'genesys.unauthenticated', 'stays'],
    [{ code: 403 }, 'refused', 'genesys.not_enabled', 'stays'],
    [{ code: 404 }, 'unavailable', 'genesys.unavailable', 'stays'],
    [{ code: 408 }, 'unavailable', 'genesys.unavailable', 'stays'],
    [{ code: 500 }, 'unavailable', 'genesys.unavailable', 'stays'],
    [{ code: 503 }, 'unavailable', 'genesys.unavailable', 'stays'],
    [{ code: 409 }, 'conflict', 'genesys.read_only', 'read-only'],
    [
      { code: 400, class: 'ErrorMessage', body: { errorCode: 4011, errorMessage: 'too long' } },
      'refused',
      'genesys.text_too_long',
      'stays',
    ],
    [{ code: 200, class: 'Error', body: {} }, 'unavailable', 'genesys.unavailable', 'comes back'],
  ])('%j fails the message as %s (%s), and the session %s', async (frame, kind, code, after) => {
    const { listener, session, channel } = await opened();
    const message = aText('Hello');
    await answer(frame);
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind, code });
    if (after === 'expires') {
      await until(() => channel.held().length === 0);
      expect(listener.of('session-ended')).toMatchObject([{ how: 'expired' }]);
      return;
    }
    if (after === 'read-only') {
      expect(await until(() => listener.of('conversation-ended')[0])).toMatchObject({ readOnly: true });
    }
    await channel.send(session, { ...message, retry: true }, {});
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Hello'] }]);
    expect(await sockets()).toBe(after === 'comes back' ? 2 : 1);
    expect(listener.of('session-ended')).toEqual([]);
  });

  it('of too many messages is waited out as told, by every message of the session', async () => {
    const { session, channel } = await opened();
    const body = { retryAfter: 1, errorCode: 4029, errorMessage: 'Message rate too high for this session' };
    await answer({ code: 429, class: 'TooManyRequestsErrorMessage', body });
    const refused = channel.send(session, aText('First'), {});
    await expect(refused).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 1_000 });
    const startedAt = performance.now();
    await channel.send(session, aText('Second'), {});
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Second'] }]);
  });

  it.each([
    [4001, 'genesys.file_type'],
    [4002, 'genesys.file_size'],
    [4003, 'genesys.file_content'],
    [4004, 'genesys.file_name'],
    [4005, 'genesys.file_name'],
    [4008, 'genesys.file_gone'],
    [4009, 'genesys.file_gone'],
    [4010, 'genesys.file_gone'],
    [4102, 'genesys.file_size'],
  ])('%i refuses the file or the message that names it (%s), and the session stays', async (errorCode, code) => {
    const { listener, session, channel } = await opened();
    const file = aFile();
    await answer({ code: 400, class: 'GenerateUrlError', body: { attachmentId: file.id, errorCode } });
    await expect(channel.upload(session, file)).rejects.toMatchObject({ kind: 'refused', code });
    await channel.upload(session, file);
    const message = { ...aText('See here'), attachmentIds: [file.id] };
    await answer({ code: errorCode, body: 'refused' });
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'refused', code });
    await channel.send(session, { ...message, retry: true }, {});
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['See here'], guestFiles: [{ bytes: 4 }] }]);
    expect(listener.of('session-ended')).toEqual([]);
  });

  it.each([400, 404, 408, 500, 503, 5000])(
    '%i while the session is configured again is tried again, with the same token',
    async (code) => {
      const { listener, session, channel } = await opened();
      await answer({ code });
      await lab.breakSockets();
      await until(async () => (await sockets()) >= 2);
      await until(() =>
        channel.send(session, { ...aText('Here again'), retry: true }, {}).then(
          () => true,
          () => false,
        ),
      );
      expect(await lab.conversations()).toHaveLength(1);
      expect(listener.of('session-ended')).toEqual([]);
    },
  );

  it.each([4006, 4007, 4017])('%i while it is configured again ends it', async (code) => {
    const { listener, channel } = await opened();
    await answer({ code });
    await lab.breakSockets();
    await until(() => channel.held().length === 0);
    expect(listener.of('session-ended')).toMatchObject([{ how: 'expired' }]);
  });
});

describe('A frame nobody asked for', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  /** Heard where the echo of a typing would have been, for which nobody waits. */
  const hearing = async (frame: object) => {
    const channel = lab.channel({ typingMs: 0 });
    const listener = new Listener(channel);
    const session = aSession();
    await channel.open(session, {});
    await until(() => listener.of('message').length);
    await lab.other.fault('genesys', 'websocket', { body: { code: 200, type: 'message', body: {}, ...frame } });
    channel.types(session.guestId);
    return { channel, listener, session };
  };
  const event = (fields: object) => ({
    class: 'StructuredMessage',
    body: { id: 'e1', type: 'Event', direction: 'Outbound', events: [fields] },
  });

  it.each([
    ['SessionExpiredEvent', { class: 'SessionExpiredEvent' }, 'expired'],
    ['LogoutEvent', { class: 'LogoutEvent' }, 'expired'],
    ['SessionClearedEvent', { class: 'SessionClearedEvent' }, 'cleared'],
    ['ConnectionClosedEvent', { class: 'ConnectionClosedEvent' }, 'superseded'],
    [
      'ConnectionClosedEvent of a sign-in',
      { class: 'ConnectionClosedEvent', body: { reason: 'signedIn' } },
      'superseded',
    ],
    ['Presence/SessionExpired', event({ eventType: 'Presence', presence: { type: 'SessionExpired' } }), 'expired'],
  ])('%s is the end of it, said once, and not fought', async (_, frame, how) => {
    const { channel, listener } = await hearing(frame);
    await until(() => listener.of('session-ended').length > 0 && channel.held().length === 0);
    expect(listener.of('session-ended')).toMatchObject([{ how }]);
  });

  it.each([
    ['ResumeTokenResponse', { class: 'ResumeTokenResponse' }, 'ResumeTokenResponse'],
    ['GetConfigurationResponse', { class: 'GetConfigurationResponse' }, 'GetConfigurationResponse'],
    ['a class of next year', { class: 'HologramEvent' }, 'HologramEvent'],
    ['a message without an id', { class: 'StructuredMessage' }, 'unreadable'],
    ['CoBrowse', event({ eventType: 'CoBrowse' }), 'CoBrowse'],
    ['Video', event({ eventType: 'Video' }), 'Video'],
    ['Reactions', event({ eventType: 'Reactions' }), 'Reactions'],
    ['SignIn', event({ eventType: 'Presence', presence: { type: 'SignIn' } }), 'SignIn'],
  ])('%s is counted, and changes nothing', async (_, frame, name) => {
    const { channel, listener, session } = await hearing(frame);
    await until(() => channel.ignored.get(name));
    expect(channel.ignored).toEqual(new Map([[name, 1]]));
    await channel.send(session, aText('Still here'), {});
    await until(() => listener.texts().includes('Still here'));
    expect(listener.of('session-ended')).toEqual([]);
  });
});

describe('A session that the guest clears elsewhere', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open()));
  afterAll(() => lab.close());

  it('is cleared here too, and not taken for one that somebody else has', async () => {
    const listener = new Listener(lab.channel());
    const session = aSession();
    await listener.channel.open(session, {});
    const elsewhere = await lab.other.configured(session.token);
    await elsewhere.presence('Clear');
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'cleared' });
    await until(() => listener.channel.held().length === 0);
    expect(listener.of('session-ended')).toHaveLength(1);
    expect(await lab.conversations()).toMatchObject([{ ended: true }]);
  });

  it('also when the connection is said to be closed before that; nothing is said on it any more', async () => {
    const channel = lab.channel({ typingMs: 0, graceMs: 2_000 });
    const listener = new Listener(channel);
    const session = aSession();
    await channel.open(session, {});
    await until(() => listener.of('message').length);
    const elsewhere = await lab.other.configured(session.token);
    await lab.other.fault('genesys', 'websocket', { body: { class: 'ConnectionClosedEvent', code: 200, body: {} } });
    channel.types(session.guestId);
    const notHeld = { kind: 'unavailable', code: 'genesys.not_held' };
    await until(() => channel.open(session, {}).catch(({ code }) => code === notHeld.code));
    await expect(channel.send(session, aText('Too late'), {})).rejects.toMatchObject(notHeld);
    await elsewhere.presence('Clear');
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'cleared' });
    expect((await lab.conversations()).at(-1)).toMatchObject({ ended: true, guestTexts: [] });
  });
});

describe('A socket that is closed', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  it.each([1000, 1001, 1011, 1012, null])('with %j is opened again, with the same token', async (closeCode) => {
    const listener = new Listener(lab.channel());
    await listener.channel.open(aSession(), {});
    await until(() => listener.of('message').length);
    const [conversation] = await lab.conversations();
    await lab.other.fault('genesys', 'websocket', { drop: true, ...(closeCode === null ? {} : { closeCode }) });
    await lab.say(conversation!.id, 'Back again');
    await until(() => listener.texts().includes('Back again'));
    expect(listener.of('session-ended')).toEqual([]);
    expect(await lab.conversations()).toHaveLength(1);
  });
});

describe('A session whose time is over', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open({ deployment: { sessionSeconds: 1 } })));
  afterAll(() => lab.close());

  it('is found to be over by our own clock, without anybody sending anything', async () => {
    const listener = new Listener(lab.channel());
    await listener.channel.open(aSession(), {});
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'expired' });
    expect(listener.texts()).not.toContain('ping');
  });
});
