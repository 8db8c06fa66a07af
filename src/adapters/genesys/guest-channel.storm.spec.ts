import { aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { SystemClock } from '../../kernel/clock.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { GenesysLab } from './genesys-lab.contract.js';

const GUESTS = 500;
/** Genesys's minute in short: a deployment takes this many new connections in it, and we keep a little below. */
const MINUTE = { ms: 2_000, connections: 250, ours: 235 };

describe('500 live guests of one process, all of whose sockets break at once', () => {
  let lab: GenesysLab;
  beforeAll(async () => {
    lab = await GenesysLab.open({ limits: { connectionsPerMinute: MINUTE.connections, minuteMs: MINUTE.ms } });
  });
  afterAll(() => lab.close());

  it('come back in their own sessions, lose nothing, hear nothing twice, and are never refused for being too many', async () => {
    const patient = { answerMs: 30_000, callMs: 60_000, connectMs: 30_000 };
    const listener = new Listener(lab.channel(patient, [{ count: MINUTE.ours, perMs: MINUTE.ms }]));
    const { channel } = listener;
    const sessions = Array.from({ length: GUESTS }, aSession);
    await Promise.all(sessions.map((session) => channel.open(session, { guestSessionId: session.guestId })));
    await until(() => listener.of('message').length === GUESTS, 30_000);

    await lab.breakSockets();
    const conversations = await lab.conversations();
    await Promise.all(conversations.map(({ id, attributes }) => lab.say(id, `To ${attributes['guestSessionId']}`)));
    await Promise.all(
      sessions.map((session) =>
        channel.send(session, aText(`From ${session.guestId}`), { guestSessionId: session.guestId }),
      ),
    );
    // Greeted, spoken to, has written, and was answered by the bot.
    await until(() => listener.of('message').length >= 4 * GUESTS, 30_000);

    const keys = listener.of('message').map(({ guestId, key }) => `${guestId} ${key}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toHaveLength(4 * GUESTS);
    const heard = new Set(listener.texts());
    expect(sessions.filter(({ guestId }) => !heard.has(`To ${guestId}`) || !heard.has(`From ${guestId}`))).toEqual([]);
    const after = await lab.conversations();
    expect(after).toHaveLength(GUESTS);
    for (const { attributes, guestTexts } of after)
      expect(guestTexts).toEqual([`From ${attributes['guestSessionId']}`]);
    expect(listener.of('session-ended')).toEqual([]);
    expect(channel.held()).toHaveLength(GUESTS);
    // One that is refused is tried again: there was none.
    const handshakes = (await lab.other.requests()).filter(({ method, path }) => method === 'GET' && path === '/v1');
    expect(handshakes).toHaveLength(2 * GUESTS);
  }, 120_000);
});

describe('Guests of several processes', () => {
  let lab: GenesysLab;
  beforeAll(async () => {
    lab = await GenesysLab.open({ limits: { connectionsPerMinute: 60, minuteMs: 1_000 } });
  });
  afterAll(() => lab.close());

  it('come back within the one limit of their deployment: nobody is refused for what the others did', async () => {
    const handshakes = async () =>
      (await lab.other.requests()).filter(({ method, path }) => method === 'GET' && path === '/v1');
    const gate = new LoneGate(new SystemClock());
    const patient = { answerMs: 30_000, callMs: 60_000, connectMs: 30_000 };
    const channels = [1, 2, 3].map(() => lab.channel(patient, [{ count: 50, perMs: 1_000 }], gate));
    const listeners = channels.map((channel) => new Listener(channel));
    const sessions = channels.map(() => Array.from({ length: 40 }, aSession));
    const opening = channels.flatMap((channel, at) => sessions[at]!.map((session) => channel.open(session, {})));
    await Promise.all(opening);
    await lab.breakSockets();
    await until(async () => (await handshakes()).length > 3 * 40);
    const sending = channels.flatMap((channel, at) =>
      sessions[at]!.map((session) => channel.send(session, aText('Here again'), {})),
    );
    await Promise.all(sending);
    expect(listeners.flatMap((listener) => listener.of('session-ended'))).toEqual([]);
    expect(await handshakes()).toHaveLength(2 * 3 * 40);
  }, 60_000);
});
