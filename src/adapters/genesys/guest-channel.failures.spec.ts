import { aFile, aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { wait } from '../../sandbox/lab.contract.js';
import { GenesysLab, settingsOf } from './genesys-lab.contract.js';
import { GenesysGuestChannel } from './guest-channel.js';

describe('A guest session, when things go wrong', () => {
  let lab: GenesysLab;
  const process = (): Listener => new Listener(lab.channel());
  const fault = (match: string, effect: object, times = 1) => lab.other.fault('genesys', match, effect, times);
  const frames = async (): Promise<Record<string, unknown>[]> =>
    (await lab.other.requests()).flatMap(({ method, body }) =>
      method === 'WS' ? [body as Record<string, unknown>] : [],
    );
  const texts = async () => (await lab.conversations()).flatMap(({ guestTexts }) => guestTexts);

  beforeAll(async () => void (lab = await GenesysLab.open()));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  it('is refused for good from an origin the deployment does not allow', async () => {
    const channel = new GenesysGuestChannel({ ...settingsOf(lab.other), origin: 'https://elsewhere.example' });
    await expect(channel.open(aSession(), {})).rejects.toMatchObject({
      kind: 'refused',
      code: 'genesys.origin_refused',
    });
    expect(channel.held()).toEqual([]);
  });

  it.each([
    ['a handshake that fails', { status: 503 }, 'unavailable'],
    ['too many connections', { status: 429 }, 'throttled'],
    ['a connection that breaks at once', { drop: true, random: 1 }, 'unavailable'],
    ['an unexpected answer to the configuration', { body: { code: 5000 } }, 'unavailable'],
    ['a request that was not understood', { body: { code: 400 } }, 'refused'],
  ])('is not held after %s, and can be opened later', async (_, effect, kind) => {
    const { channel } = process();
    const session = aSession();
    await fault('websocket', effect);
    await expect(channel.open(session, {})).rejects.toMatchObject({ kind });
    expect(channel.held()).toEqual([]);
    await channel.open(session, {});
    expect(channel.held()).toEqual([session.guestId]);
  });

  it('is not configured by an endpoint that keeps silent', async () => {
    const { channel } = process();
    await fault('websocket', { delayMs: 60_000 });
    await expect(channel.open(aSession(), {})).rejects.toMatchObject({ code: 'genesys.no_answer' });
  });

  it('begins its conversation later when the configuration cannot be read', async () => {
    const listener = process();
    const session = aSession();
    await fault('config.json', { status: 503 });
    await expect(listener.channel.open(session, { source: 'website' })).rejects.toMatchObject({ kind: 'unavailable' });
    await until(() => listener.of('joined').length);
    expect(await lab.conversations()).toMatchObject([{ attributes: { source: 'website' } }]);
    await listener.channel.open(session, { source: 'website' });
    expect(await lab.conversations()).toHaveLength(1);
  });

  it('begins with the first text when the configuration is not published', async () => {
    const { channel } = process();
    const session = aSession();
    await fault('config.json', { status: 403 });
    await channel.open(session, {});
    await channel.send(session, aText('Hello'), { source: 'website' });
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Hello'], attributes: { source: 'website' } }]);
  });

  it('begins with the first text when the deployment stopped to begin by itself after we asked', async () => {
    const { channel } = process();
    await channel.open(aSession(), {});
    await lab.allow({ autoStart: false });
    const session = aSession();
    await channel.open(session, {});
    await channel.send(session, aText('Hello'), {});
    expect(await lab.conversations()).toHaveLength(2);
  });

  it('is begun once when its process died before the beginning', async () => {
    const session = aSession();
    const guest = await lab.other.guest(session.token);
    await guest.configure();
    guest.hangUp();
    const second = process();
    await second.channel.open(session, {});
    await until(() => second.of('joined').length);
    await second.channel.leave(session.guestId);
    const third = process();
    await third.channel.open(session, {});
    await until(() => third.of('message').length);
    expect(await lab.conversations()).toHaveLength(1);
  });

  it('comes back by itself when Genesys was away for a while', async () => {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    const [conversation] = await lab.conversations();
    await fault('websocket', { status: 503 }, 2);
    await lab.breakSockets();
    await lab.say(conversation!.id, 'Back again');
    await until(() => listener.texts().includes('Back again'));
    expect(listener.channel.held()).toEqual([session.guestId]);
  });

  it('comes back also when the socket breaks while something else is waited for', async () => {
    await lab.allow({ autoStart: false });
    const { channel } = process();
    await fault('config.json', { delayMs: 300 });
    const opening = channel.open(aSession(), {});
    await until(async () => (await lab.other.requests()).some(({ path }) => path.endsWith('config.json')));
    await lab.breakSockets();
    await expect(opening).rejects.toMatchObject({ kind: 'unavailable' });
    await until(async () => (await lab.other.requests()).filter(({ path }) => path === '/v1').length > 3);
    expect(channel.held()).toHaveLength(1);
  });

  it('comes back at once when somebody has something to send', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    await fault('websocket', { status: 503 }, 4);
    await lab.breakSockets();
    const message = aText('As soon as possible');
    await until(() =>
      channel.send(session, { ...message, retry: true }, {}).then(
        () => true,
        () => false,
      ),
    );
    expect(await texts()).toEqual(['As soon as possible']);
  });

  it('fills the gap later when history is away, and sends meanwhile', async () => {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    const [conversation] = await lab.conversations();
    await fault('/webmessaging/messages', { status: 503 }, 2);
    await lab.breakSockets();
    await lab.say(conversation!.id, 'In the gap');
    await until(() => listener.channel.send(session, aText('Meanwhile'), {}).catch(() => null));
    await until(() => listener.texts().includes('In the gap'));
  });

  it('reads a history of several pages', async () => {
    const session = aSession();
    const first = process();
    await first.channel.open(session, {});
    const [conversation] = await lab.conversations();
    await first.channel.leave(session.guestId);
    for (let number = 1; number <= 60; number++) await lab.say(conversation!.id, `Message ${number}`);
    const second = process();
    await second.channel.open(session, {});
    await until(() => second.texts().includes('Message 60'));
    const said = second.texts().filter((text) => text.startsWith('Message'));
    expect(said).toEqual(Array.from({ length: 60 }, (_, index) => `Message ${index + 1}`));
  });

  it('is over when it has expired: said once, refused from then on, not held', async () => {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    await fault('websocket', { expireToken: true });
    await expect(listener.channel.send(session, aText('Too late'), {})).rejects.toMatchObject({
      kind: 'refused',
      code: 'genesys.session_expired',
    });
    await until(() => listener.channel.held().length === 0);
    expect(listener.of('session-ended')).toEqual([{ type: 'session-ended', guestId: session.guestId, how: 'expired' }]);
    const another = process();
    await expect(another.channel.open(session, {})).rejects.toMatchObject({ code: 'genesys.session_expired' });
    await until(() => another.of('session-ended').length);
  });

  it('is over when Genesys has forgotten it: no second conversation is begun for somebody who is gone', async () => {
    const listener = process();
    await listener.channel.open(aSession(), {});
    await until(() => listener.of('message').length);
    lab.other.sandbox.reset();
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'expired' });
    expect(await lab.conversations()).toEqual([]);
  });

  it('lets go when others have taken it over, and does not fight for it', async () => {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    for (let others = 0; others < 3; others++) await lab.other.configured(session.token);
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'superseded' });
    await until(() => listener.channel.held().length === 0);
    await wait(700);
    const handshakes = (await lab.other.requests()).filter(({ path, method }) => method === 'GET' && path === '/v1');
    expect(handshakes).toHaveLength(4);
    await listener.channel.open(session, {});
    expect(listener.channel.held()).toEqual([session.guestId]);
  });

  it('is not held any more from the moment others have it, though that is still being recorded', async () => {
    const { channel } = process();
    const told: string[] = [];
    channel.listen(async (event) => {
      if (event.type === 'session-ended') {
        told.push(...channel.held());
        told.push(event.how);
      }
    });
    const session = aSession();
    await channel.open(session, {});
    for (let others = 0; others < 3; others++) await lab.other.configured(session.token);
    await until(() => told.length);
    expect(told).toEqual(['superseded']);
  });

  it('hears a frame that comes twice once', async () => {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    await fault('websocket', { duplicate: true }, 2);
    await listener.channel.send(session, aText('Twice'), {});
    await until(() => listener.of('message').length === 3);
    await wait(150);
    expect(listener.of('message')).toHaveLength(3);
  });

  it('puts a burst that comes in disorder back in order', async () => {
    const listener = process();
    const session = aSession();
    await listener.channel.open(session, {});
    await until(() => listener.of('message').length);
    const [conversation] = await lab.conversations();
    await fault('websocket', { shuffle: true }, 3);
    for (const text of ['One', 'Two', 'Three']) {
      await lab.say(conversation!.id, text, 'bot');
      await wait(3);
    }
    await until(() => listener.texts().includes('Three'));
    expect(listener.texts().slice(-3)).toEqual(['One', 'Two', 'Three']);
  });

  it('does not take the end of an earlier conversation for that of the present one', async () => {
    const session = aSession();
    const first = process();
    await first.channel.open(session, {});
    const [conversation] = await lab.conversations();
    await lab.disconnect(conversation!.id);
    await first.channel.send(session, aText('I am back'), {});
    await first.channel.leave(session.guestId);
    const second = process();
    await second.channel.open(session, {});
    await until(() => second.texts().includes('I am back'));
    await wait(100);
    expect(second.of('conversation-ended')).toEqual([]);
  });

  it('leaves the end to the other side when Genesys keeps silent about it', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    await fault('websocket', { body: { code: 200, class: 'string', body: '' } });
    expect(await channel.end(session)).toBe('unsupported');
  });

  it('keeps attributes until Genesys has echoed them, then sends them no more', async () => {
    await lab.allow({ autoStart: false });
    const { channel } = process();
    const session = aSession();
    const attributes = { source: 'website' };
    await channel.open(session, attributes);
    const first = aText('First');
    await fault('websocket', { body: { code: 5000 } });
    await expect(channel.send(session, first, attributes)).rejects.toMatchObject({ kind: 'unavailable' });
    await channel.send(session, { ...first, retry: true }, attributes);
    expect(await lab.conversations()).toMatchObject([{ attributes, guestTexts: ['First'] }]);
    await channel.send(session, aText('Second'), attributes);
    const sent = (await frames()).filter(({ action }) => action === 'onMessage');
    expect(sent.map(({ message }) => 'channel' in (message as object))).toEqual([true, true, false]);
  });

  it('gives the attributes to the next conversation as well', async () => {
    const listener = process();
    const session = aSession();
    const attributes = { source: 'website' };
    await listener.channel.open(session, attributes);
    const [conversation] = await lab.conversations();
    await lab.disconnect(conversation!.id);
    await until(() => listener.of('conversation-ended').length);
    await listener.channel.send(session, aText('Once more'), attributes);
    expect(await lab.conversations()).toMatchObject([{ attributes }, { attributes }]);
  });

  it('gives them also when the conversation ends while the text waits for its turn', async () => {
    const { channel } = process();
    const session = aSession();
    const attributes = { source: 'website' };
    await channel.open(session, attributes);
    for (const text of ['One', 'Two', 'Three', 'Four']) await channel.send(session, aText(text), attributes);
    const [conversation] = await lab.conversations();
    const waiting = channel.send(session, aText('Five'), attributes);
    await lab.disconnect(conversation!.id);
    await waiting;
    expect(await lab.conversations()).toMatchObject([{ ended: true }, { guestTexts: ['Five'], attributes }]);
  });

  it('says a text once that is asked for again while it still waits for the socket', async () => {
    const channel = lab.channel({ callMs: 150 });
    const session = aSession();
    await channel.open(session, {});
    await fault('websocket', { delayMs: 500 });
    await lab.breakSockets();
    await wait(50);
    const message = aText('Only once');
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ code: 'genesys.no_answer' });
    await until(() => channel.send(session, { ...message, retry: true }, {}).catch(() => null));
    await wait(100);
    expect(await texts()).toEqual(['Only once']);
  });

  it('brings a file once that is asked for again while it is on its way', async () => {
    const channel = lab.channel();
    const session = aSession();
    const file = aFile();
    const [first, again] = await Promise.all([channel.upload(session, file), channel.upload(session, file)]);
    expect(again).toEqual(first);
    expect((await lab.other.requests()).filter(({ method }) => method === 'PUT')).toHaveLength(1);
    expect([...channel.ignored]).toEqual([]);
  });

  it('breaks off a file that is on its way when the guest is left', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    await fault('/uploads', { delayMs: 60_000 });
    const startedAt = performance.now();
    const upload = channel.upload(session, aFile());
    upload.catch(() => undefined);
    await until(async () => (await lab.other.requests()).some(({ method }) => method === 'PUT'));
    await channel.leave(session.guestId);
    await expect(upload).rejects.toMatchObject({ kind: 'unavailable', code: 'genesys.not_held' });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('never sends attributes that are too long', async () => {
    const { channel } = process();
    const session = aSession();
    const tooLong = { note: 'x'.repeat(2_048) };
    const refusal = { kind: 'refused', code: 'genesys.attributes_too_long' };
    await expect(channel.open(session, tooLong)).rejects.toMatchObject(refusal);
    await channel.open(session, {});
    await expect(channel.send(session, aText('Hello'), tooLong)).rejects.toMatchObject(refusal);
    expect(await texts()).toEqual([]);
  });

  it('says no more of typing once the deployment has refused it, and messages go on', async () => {
    await lab.other.http('PATCH', '/sandbox/genesys/deployment', { userTyping: false });
    const channel = lab.channel({ typingMs: 0 });
    const session = aSession();
    await channel.open(session, {});
    channel.types(session.guestId);
    await until(() => lab.guestTypings());
    await channel.send(session, aText('Hello'), {});
    channel.types(session.guestId);
    await channel.send(session, aText('Still here'), {});
    expect(await texts()).toEqual(['Hello', 'Still here']);
    expect(await lab.guestTypings()).toBe(1);
  });

  it('keeps to five messages a second without losing one, in order', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    const wanted = Array.from({ length: 9 }, (_, index) => `Text ${index}`);
    const startedAt = performance.now();
    await Promise.all(wanted.map((text) => channel.send(session, aText(text), {})));
    expect(performance.now() - startedAt).toBeGreaterThan(900);
    expect(await texts()).toEqual(wanted);
  });

  it('says how long to wait when Genesys says so; the text was not taken and is sent later without asking', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    const message = aText('Hello');
    const body = { retryAfter: 3, errorCode: 4029, errorMessage: 'Message rate too high for this session' };
    await fault('websocket', { body: { class: 'TooManyRequestsErrorMessage', code: 429, body } });
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 3_000 });
    await channel.send(session, { ...message, retry: true }, {});
    expect(await texts()).toEqual(['Hello']);
    expect((await frames()).some(({ action }) => action === 'getJwt')).toBe(false);
  });

  it('is not sent again before history was asked: without an answer it is tried later', async () => {
    const { channel } = process();
    const session = aSession();
    await channel.open(session, {});
    const message = aText('Only once');
    await lab.loseAcknowledgement();
    await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'unavailable' });
    await fault('/webmessaging/messages', { status: 503 });
    const again = { ...message, retry: true };
    await expect(channel.send(session, again, {})).rejects.toMatchObject({ kind: 'unavailable' });
    await channel.send(session, again, {});
    expect(await texts()).toEqual(['Only once']);
  });

  it('ignores what it does not know, and counts it', async () => {
    const channel = lab.channel();
    const session = aSession();
    await channel.open(session, {});
    await fault('websocket', { body: { class: 'HologramEvent', code: 200, body: { shape: 'new' } } });
    await expect(channel.send(session, aText('Hello'), {})).rejects.toMatchObject({ code: 'genesys.no_answer' });
    await channel.send(session, aText('Hello again'), {});
    expect([...channel.ignored]).toEqual([['HologramEvent', 1]]);
  });

  it('stays with another process when this one leaves', async () => {
    const channel = lab.channel();
    const session = aSession();
    await channel.open(session, {});
    await channel.closeAll();
    expect(channel.held()).toEqual([]);
    await expect(channel.open(session, {})).rejects.toMatchObject({ code: 'genesys.not_held' });
    const another = process();
    await another.channel.open(session, {});
    await until(() => another.of('message').length);
  });

  it('can be left by whoever listens to it, in the middle of an event', async () => {
    const { channel } = process();
    const left: string[] = [];
    channel.listen(async ({ guestId }) => {
      await Promise.race([channel.leave(guestId), wait(100)]);
      left.push(guestId);
    });
    const session = aSession();
    await channel.open(session, {});
    await until(() => left.length);
    expect(left).toEqual([session.guestId]);
    expect(channel.held()).toEqual([]);
  });

  it('is answered within a bounded time, whatever the other side does', async () => {
    const channel = lab.channel({ callMs: 200, answerMs: 5_000 });
    await fault('websocket', { delayMs: 60_000 });
    const startedAt = performance.now();
    await expect(channel.open(aSession(), {})).rejects.toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
