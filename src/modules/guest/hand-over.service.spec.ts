import { Logger } from '@nestjs/common';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { SilentChannel } from '../../../test/builders/silent-channel.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { ProcessStorage, TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { Courier } from '../../kernel/courier.js';
import { HAND_OVER, SEND } from './guest.intents.js';
import { HOLD_MS } from './hand-over.service.js';
import type { ChannelSession, OutgoingMessage, SignedIn, SignInCode } from './ports/guest-channel.js';

Logger.overrideLogger(false);

/** Sockets that open at once. */
class Sockets extends SilentChannel {
  readonly tokens = new Map<string, string>();
  readonly sent: string[] = [];
  readonly codes: string[] = [];
  readonly ends: string[] = [];
  readonly signedIn: (SignedIn | undefined)[] = [];

  override async signIn(_guestId: string, { code }: SignInCode) {
    this.codes.push(code);
    return { jwt: `jwt for ${code}`, refreshToken: `refresh token for ${code}` };
  }
  override async open({ guestId, token, signedIn }: ChannelSession): Promise<void> {
    this.tokens.set(guestId, token);
    this.signedIn.push(signedIn);
  }
  override async send(_session: ChannelSession, { text }: OutgoingMessage) {
    this.sent.push(text);
    return { key: `key of ${text}` };
  }
  override async end({ guestId }: ChannelSession): Promise<'ended'> {
    this.ends.push(guestId);
    return 'ended';
  }
  override async leave(guestId: string): Promise<void> {
    this.tokens.delete(guestId);
  }
  override held(): string[] {
    return [...this.tokens.keys()];
  }
}

/** Everything that brings guests to Genesys, as one process has it. */
function processOn(storage: ProcessStorage) {
  const sockets = new Sockets();
  const services = guestServices(storage, { channel: sockets });
  const { handOvers } = services;
  const courier = new Courier(storage.outbox, storage.clock);
  const deliver = async (): Promise<void> => {
    await courier.drain(HAND_OVER, {
      ...{ by: 'holder', concurrency: 8 },
      deliver: ({ subject, attempt }) => handOvers.handOver(subject, attempt),
    });
    await courier.drain(SEND, {
      ...{ by: 'holder', concurrency: 8 },
      deliver: ({ subject, payload, attempt }) => handOvers.send(subject, payload['messageId']!, attempt),
    });
  };
  return { ...services, sockets, deliver };
}

describe('a guest whose socket one of two processes holds', () => {
  let storage: TestStorage;
  let one: ReturnType<typeof processOn>;
  let two: ReturnType<typeof processOn>;

  beforeAll(async () => {
    storage = await openTestStorage();
    one = processOn(storage);
    two = processOn(await storage.openAnother());
  }, 60_000);
  afterAll(() => storage.close());

  const aGuestOfOne = async (): Promise<string> => {
    const { id } = await one.guests.create(wantedGuest());
    await one.deliver();
    expect(one.sockets.held()).toContain(id);
    return id;
  };

  it('has its messages sent there, whichever process took them, and no second socket', async () => {
    const id = await aGuestOfOne();
    await two.messages.send(id, 'asked of two');
    await two.deliver();
    expect(two.sockets.held()).not.toContain(id);
    await one.deliver();
    expect(one.sockets.sent).toContain('asked of two');
    expect(two.sockets.sent).toEqual([]);
  });

  it('is refused for a while to a process that tries all the same', async () => {
    const id = await aGuestOfOne();
    await expect(two.handOvers.handOver(id, 1)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'guest.held_elsewhere',
    });
    await two.guests.close(id, { type: 'any' });
    await expect(two.handOvers.handOver(id, 1)).rejects.toMatchObject({ code: 'guest.held_elsewhere' });
    expect(two.sockets.held()).not.toContain(id);
  });

  it('is taken over with its own token when its holder was silent for too long; the holder lets go when it is back', async () => {
    const id = await aGuestOfOne();
    const token = one.sockets.tokens.get(id);
    await two.handOvers.takeOver();
    expect(two.sockets.held()).not.toContain(id);
    storage.clock.advance(HOLD_MS);
    await two.handOvers.takeOver();
    expect(two.sockets.tokens.get(id)).toBe(token);
    await one.handOvers.keepSockets();
    expect(one.sockets.held()).not.toContain(id);
    await one.messages.send(id, 'asked of one');
    await one.deliver();
    await two.deliver();
    expect(two.sockets.sent).toContain('asked of one');
  });

  it('signs in once, whatever asks for it at the same time; who takes it over goes on with what came of it', async () => {
    const authenticate = { code: 'a-code', redirectUri: 'https://example.com/back' };
    const { id } = await one.guests.create(wantedGuest({ authenticate }));
    await one.messages.send(id, 'at once');
    await Promise.all([one.handOvers.handOver(id, 1), one.deliver(), one.handOvers.handOver(id, 1)]);
    expect(one.sockets.codes).toEqual(['a-code']);
    storage.clock.advance(HOLD_MS);
    await two.handOvers.takeOver();
    expect(two.sockets.codes).toEqual([]);
    expect(two.sockets.signedIn).toContainEqual({ jwt: 'jwt for a-code', refreshToken: 'refresh token for a-code' });
  });

  it('signs in once also when what came of it could not be stored at first', async () => {
    const { id } = await one.guests.create({
      ...{ mode: 'server', channelContext: {}, attributes: {} },
      authenticate: { code: 'good-for-once', redirectUri: 'https://example.com/back' },
      consent: { marketing: false, dataProcessing: true },
    });
    const away = new AppError('unavailable', 'storage.unavailable', 'Storage is away.');
    const spy = jest.spyOn(storage.sessions, 'reseal').mockRejectedValueOnce(away);
    await expect(one.handOvers.handOver(id, 1)).rejects.toBe(away);
    await one.handOvers.handOver(id, 2);
    spy.mockRestore();
    expect(one.sockets.codes.filter((code) => code === 'good-for-once')).toHaveLength(1);
    storage.clock.advance(HOLD_MS);
    await two.handOvers.takeOver();
    expect(two.sockets.signedIn).toContainEqual({
      ...{ jwt: 'jwt for good-for-once', refreshToken: 'refresh token for good-for-once' },
    });
  });

  it('is not signed in only to be ended: nobody was ever let in who would have to leave', async () => {
    const { id } = await one.guests.create({
      ...{ mode: 'server', channelContext: {}, attributes: {} },
      authenticate: { code: 'never-used', redirectUri: 'https://example.com/back' },
      consent: { marketing: false, dataProcessing: true },
    });
    await one.guests.patch(id, { consent: { dataProcessing: false } }, { type: 'any' });
    await one.guests.close(id, { type: 'any' });
    await one.deliver();
    expect(await one.guests.get(id)).toMatchObject({ state: 'closed', closeReason: 'abandoned' });
    expect([one.sockets.codes.includes('never-used'), one.sockets.ends.includes(id)]).toEqual([false, false]);
    expect(await storage.sessions.find(id)).toBeNull();
  });

  it('is not written for when consent was withdrawn at the last moment before', async () => {
    const id = await aGuestOfOne();
    await one.messages.send(id, 'not any more');
    const find = storage.messages.find.bind(storage.messages);
    let looks = 0;
    const spy = jest.spyOn(storage.messages, 'find').mockImplementation(async (...what) => {
      const found = await find(...what);
      // The second look is the one after Genesys was reached.
      if (++looks === 2) await one.guests.patch(id, { consent: { dataProcessing: false } }, { type: 'any' });
      return found;
    });
    await one.deliver();
    spy.mockRestore();
    expect(one.sockets.sent).not.toContain('not any more');
    expect(one.sockets.held()).not.toContain(id);
    expect((await storage.messages.list(id, undefined, 10)).items).toMatchObject([{ status: 'failed' }]);
  });

  it('is not begun when consent was withdrawn at the last moment before', async () => {
    const { id } = await one.guests.create(wantedGuest());
    const hold = storage.sessions.hold.bind(storage.sessions);
    const spy = jest.spyOn(storage.sessions, 'hold').mockImplementationOnce(async (...what) => {
      const held = await hold(...what);
      await one.guests.patch(id, { consent: { dataProcessing: false } }, { type: 'any' });
      return held;
    });
    const opened = jest.spyOn(one.sockets, 'open');
    await one.deliver();
    expect(opened.mock.calls.filter(([{ guestId }]) => guestId === id)).toEqual([]);
    spy.mockRestore();
    opened.mockRestore();
  });

  it('is taken over by nobody when somebody outside has the session, until somebody asks for something', async () => {
    const id = await aGuestOfOne();
    await one.told.heard({ type: 'session-ended', guestId: id, how: 'superseded' });
    await one.sockets.leave(id);
    storage.clock.advance(HOLD_MS);
    await two.handOvers.takeOver();
    await one.handOvers.takeOver();
    expect([...one.sockets.held(), ...two.sockets.held()]).not.toContain(id);
    await two.messages.send(id, 'and yet');
    await two.deliver();
    expect(two.sockets.sent).toContain('and yet');
    expect(two.sockets.held()).toContain(id);
  });

  it('is kept for as long as its holder says so, and left when the session is over by what the other was told', async () => {
    const id = await aGuestOfOne();
    for (let times = 0; times < 3; times++) {
      storage.clock.advance(HOLD_MS - 1);
      await one.handOvers.keepSockets();
      await two.handOvers.takeOver();
    }
    expect([one.sockets.held().includes(id), two.sockets.held().includes(id)]).toEqual([true, false]);
    await storage.sessions.remove(id);
    await one.handOvers.keepSockets();
    expect(one.sockets.held()).not.toContain(id);
  });
});
