import { aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { GenesysLab } from './genesys-lab.contract.js';

describe('A guest who signs in', () => {
  let lab: GenesysLab;
  beforeAll(async () => void (lab = await GenesysLab.open({ deployment: { signIn: true } })));
  afterEach(() => lab.reset());
  afterAll(() => lab.close());

  const fault = (match: string, effect: object, times = 1) => lab.other.fault('genesys', match, effect, times);
  const set = (settings: object) => lab.other.http('PATCH', '/sandbox/genesys/deployment', settings);
  const aCode = (code = `code-${Math.random()}`) => ({ code, redirectUri: 'https://example.com/back' });
  const asked = async (path: string): Promise<number> =>
    (await lab.other.requests()).filter((request) => request.path.endsWith(path)).length;
  const actions = async (): Promise<string[]> =>
    (await lab.other.requests()).flatMap(({ method, body }) =>
      method === 'WS' ? [(body as { action: string }).action] : [],
    );
  const signedIn = async () => {
    const listener = new Listener(lab.channel());
    const { channel } = listener;
    const plain = aSession();
    const session = { ...plain, signedIn: await channel.signIn(plain.guestId, aCode()) };
    return { listener, channel, session };
  };
  const opened = async () => {
    const parts = await signedIn();
    await parts.channel.open(parts.session, {});
    await until(() => parts.listener.of('message').length);
    return parts;
  };

  it('is known by what the code was exchanged for, on every socket, and never opens the session otherwise', async () => {
    const { listener, channel, session } = await opened();
    await channel.send(session, aText('It is me'), {});
    await lab.breakSockets();
    const [conversation] = await lab.conversations();
    await lab.say(conversation!.id, 'Welcome back');
    await until(() => listener.texts().includes('Welcome back'));
    const all = await actions();
    expect(all.filter((action) => action === 'configureAuthenticatedSession')).toHaveLength(2);
    expect(all).not.toContain('configureSession');
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['It is me'] }]);
    expect(await asked('/token/oauthcodegrantjwtexchange')).toBe(1);
  });

  it('has a code that is good for once, and is told so for good', async () => {
    const channel = lab.channel();
    const code = aCode();
    await channel.signIn('g-1', code);
    await expect(channel.signIn('g-1', code)).rejects.toMatchObject({
      kind: 'refused',
      code: 'genesys.sign_in_refused',
    });
    await fault('/oauthcodegrantjwtexchange', { status: 503 });
    await expect(channel.signIn('g-1', aCode())).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('is given another token when the first has ended (401), and goes on', async () => {
    await set({ signInMs: 1 });
    const { channel, session } = await signedIn();
    await set({ signInMs: 60_000 });
    await channel.open(session, {});
    expect(await asked('/token/refresh')).toBe(1);
    await channel.send(session, aText('Still me'), {});
    expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Still me'] }]);
  });

  it('is tried three times at most while it is not taken', async () => {
    const { channel, session } = await signedIn();
    await fault('websocket', { body: { code: 401, body: 'Unauthorized' } }, 5);
    await expect(channel.open(session, {})).rejects.toMatchObject({ kind: 'unavailable' });
    expect(await actions()).toEqual(Array(3).fill('configureAuthenticatedSession'));
    expect(await asked('/token/refresh')).toBe(2);
  });

  it.each(['Session authentication failed, sign in', 'Try to authenticate again'])(
    'is authorised again on another socket when the session has lapsed (403 "%s…"), and says nothing twice',
    async (body) => {
      const { listener, channel, session } = await opened();
      const message = aText('Only once');
      await fault('websocket', { body: { code: 403, body } });
      await expect(channel.send(session, message, {})).rejects.toMatchObject({ kind: 'unavailable' });
      await until(() => channel.send(session, { ...message, retry: true }, {}).catch(() => null));
      expect(await asked('/token/refresh')).toBe(1);
      expect((await actions()).filter((action) => action === 'configureAuthenticatedSession')).toHaveLength(2);
      expect(await lab.conversations()).toMatchObject([{ guestTexts: ['Only once'] }]);
      expect(listener.of('session-ended')).toEqual([]);
    },
  );

  it('is over when no other token is given: somebody has to sign in again', async () => {
    const { listener, channel, session } = await opened();
    await fault('/token/refresh', { status: 401 });
    await fault('websocket', { body: { code: 403, body: 'Session authentication failed' } });
    await channel.send(session, aText('Hello?'), {}).catch(() => undefined);
    expect(await until(() => listener.of('session-ended')[0])).toMatchObject({ how: 'expired' });
    await until(() => channel.held().length === 0);
  });

  it('cannot be opened as somebody who has not (4017): that session is over for them', async () => {
    const { channel, session } = await opened();
    const { signedIn: _, ...plain } = session;
    const other = new Listener(lab.channel());
    await expect(other.channel.open(plain, {})).rejects.toMatchObject({ code: 'genesys.session_expired' });
    expect(await until(() => other.of('session-ended')[0])).toMatchObject({ how: 'expired' });
    await channel.send(session, aText('Not for me'), {});
  });

  it('finds the deployment without sign-in, which people have to set up', async () => {
    const { channel, session } = await signedIn();
    await set({ signIn: false });
    await expect(channel.open(session, {})).rejects.toMatchObject({ kind: 'refused', code: 'genesys.not_enabled' });
  });

  it('begins anew after an end for reading only as the one who has signed in', async () => {
    await set({ conversationDisconnect: 'ReadOnly' });
    const { listener, channel, session } = await opened();
    const [conversation] = await lab.conversations();
    await lab.disconnect(conversation!.id);
    await until(() => listener.of('conversation-ended').length);
    await channel.send(session, aText('Once more'), {});
    expect((await lab.conversations()).map(({ guestTexts }) => guestTexts)).toEqual([[], ['Once more']]);
    expect(await actions()).not.toContain('configureSession');
  });
});
