import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { aGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { SilentChannel } from '../../../test/builders/silent-channel.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import type { Storage } from '../../adapters/storage/storage.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { sealAbout } from './attachment.sealing.js';
import { closed, closing, messageCounted } from './guest.js';
import { patched } from './guest.patch.js';
import type { Guest } from './guest.js';
import { eventId } from './live.js';
import type { LiveEvent } from './live.js';
import { LiveService, STREAMS_PER_GUEST } from './live.service.js';
import type { MessageService } from './message.service.js';
import { MOST_QUEUED, TEXT_PLACE } from './message.service.js';
import type { Typing } from './ports/guest-channel.js';

Logger.overrideLogger(false);

/** Genesys as far as typing goes. */
class TypingChannel extends SilentChannel {
  readonly typed: string[] = [];
  hear: (typing: Typing) => void = () => undefined;
  override onTyping(handler: (typing: Typing) => void): void {
    this.hear = handler;
  }
  override types(guestId: string): void {
    this.typed.push(guestId);
  }
}

/** A reader of a stream: it takes one event after another. */
class Reader {
  readonly events: LiveEvent[] = [];
  private readonly hangingUp = new AbortController();
  private constructor(private readonly stream: (gone: AbortSignal) => ReturnType<LiveService['follow']>) {}
  private taken: AsyncGenerator<LiveEvent, void> | null = null;

  static async of(live: LiveService, guestId: string, lastEventId: string | null = null): Promise<Reader> {
    const reader = new Reader((gone) => live.follow(guestId, lastEventId, gone));
    reader.taken = await reader.stream(reader.hangingUp.signal);
    return reader;
  }

  /** The next event; null when there are no more. */
  async next(): Promise<LiveEvent | null> {
    const taken = await this.taken!.next();
    if (taken.done === true) return null;
    this.events.push(taken.value);
    return taken.value;
  }

  /** The next `count` messages, by their texts, whatever else is said between. */
  async texts(count: number): Promise<(string | null)[]> {
    const texts: (string | null)[] = [];
    while (texts.length < count) {
      const event = await this.next();
      if (event === null) throw new Error(`ended after ${texts.length} messages`);
      if (event.type === 'message') texts.push(event.message.text);
    }
    return texts;
  }

  get lastId(): string {
    const last = this.events.findLast((event) => 'place' in event);
    return eventId((last as Extract<LiveEvent, { type: 'state' }>).place);
  }

  hangUp(): void {
    this.hangingUp.abort();
  }
}

describe('following a guest', () => {
  let storage: TestStorage;
  let another: Storage;
  let live: LiveService;
  let messages: MessageService;
  let channel: TypingChannel;
  const readers: Reader[] = [];

  beforeAll(async () => {
    storage = await openTestStorage();
    another = await storage.openAnother();
    ({ messages } = guestServices(storage));
    channel = new TypingChannel();
    live = new LiveService(storage.guests, storage.news, messages, channel, storage.work);
    live.onApplicationBootstrap();
  }, 60_000);
  afterEach(() => readers.splice(0).forEach((reader) => reader.hangUp()));
  afterAll(() => storage.close());

  const follow = async (guestId: string, lastEventId: string | null = null): Promise<Reader> => {
    const reader = await Reader.of(live, guestId, lastEventId);
    readers.push(reader);
    return reader;
  };
  const known = async (parts: Partial<Guest> = {}): Promise<string> => {
    const guest = aGuest(parts);
    await storage.guests.add(guest);
    return guest.id;
  };
  /** An agent's message arrives, in this process or another. */
  const said = (guestId: string, text: string, where: Storage = storage, at = storage.clock.now()): Promise<void> =>
    where.work.run(async () => {
      const sealedText = await where.vault.seal(`guest:${guestId}`, TEXT_PLACE, text);
      const message = { id: uuidv7(), guestId, key: randomUUID(), from: 'agent' as const, sealedText, at };
      await where.messages.add({ ...message, status: 'received' });
      await where.guests.update(guestId, (guest) => messageCounted(guest, at));
    });
  const withdraw = (guestId: string) =>
    storage.guests.update(guestId, (guest) =>
      patched(guest, { consent: { dataProcessing: false } }, storage.clock.now()),
    );
  const close = (guestId: string) =>
    storage.guests.update(guestId, (guest) => closed(guest, 'api', storage.clock.now()));

  it('begins with how the guest is, then tells what is said, and what that makes of the guest', async () => {
    const id = await known();
    await said(id, 'before anybody looked');
    const reader = await follow(id);
    expect(await reader.next()).toMatchObject({ type: 'state', state: 'active', place: { version: 2 } });
    await said(id, 'Hello');
    expect(await reader.next()).toMatchObject({ type: 'message', message: { from: 'agent', text: 'Hello' } });
    expect(await reader.next()).toMatchObject({ type: 'state', interactionCount: 2, place: { version: 3 } });
  });

  it('tells what another process stored within about a second, nobody having been woken', async () => {
    const id = await known();
    const reader = await follow(id);
    await reader.next();
    const startedAt = performance.now();
    await said(id, 'from elsewhere', another);
    expect(await reader.texts(1)).toEqual(['from elsewhere']);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('goes on behind the last id: no gap and no repeat, wherever one stopped and however late a message came', async () => {
    const id = await known();
    const first = await follow(id);
    const wanted = Array.from({ length: 50 }, (_, n) => `text ${n}`);
    const long = new Date(storage.clock.now().getTime() - 60_000);
    for (const [n, text] of wanted.entries())
      await said(id, text, n % 2 === 0 ? storage : another, n % 3 === 0 ? long : undefined);
    const texts: (string | null)[] = await first.texts(1);
    let { lastId } = first;
    first.hangUp();
    while (texts.length < wanted.length) {
      const reader = await follow(id, lastId);
      texts.push(...(await reader.texts(7)));
      lastId = reader.lastId;
      reader.hangUp();
    }
    expect(texts).toEqual(wanted);
  });

  it('tells a message of the guest again when its status has changed, under its own id', async () => {
    const id = await known();
    const reader = await follow(id);
    await reader.next();
    const sent = await messages.send(id, 'mine');
    expect(await reader.next()).toMatchObject({ message: { id: sent.id, text: 'mine', status: 'queued' } });
    await storage.messages.accepted(id, sent.id, 'key');
    expect(await reader.next()).toMatchObject({ message: { id: sent.id, text: 'mine', status: 'sent' } });
  });

  it('tells no text once consent is withdrawn, not even of a message that had been asked for before', async () => {
    const id = await known();
    const reader = await follow(id);
    await reader.next();
    await said(id, 'one');
    await said(id, 'two');
    expect(await reader.texts(1)).toEqual(['one']);
    await withdraw(id);
    expect(await reader.texts(1)).toEqual([null]);
  });

  it('tells which files a message carries, in their order, and once consent is withdrawn nothing but that', async () => {
    const id = await known();
    const reader = await follow(id);
    await reader.next();
    const about = { fileName: 'order.pdf', mediaType: 'application/pdf' };
    const given = async (): Promise<string[]> => {
      const [messageId, at] = [uuidv7(), storage.clock.now()];
      const attachmentIds = [uuidv7(), uuidv7()];
      const ofGuest = { guestId: id, status: 'received' as const, at };
      for (const attachmentId of attachmentIds.toReversed()) {
        const sealedAbout = await sealAbout(storage.vault, id, about);
        const file = { id: attachmentId, messageId, size: 3, code: null, sealedSource: null, sealedAbout };
        await storage.attachments.add({ ...ofGuest, ...file }, null);
      }
      const said = { id: messageId, key: randomUUID(), from: 'agent' as const, sealedText: null, attachmentIds };
      await storage.messages.add({ ...ofGuest, ...said });
      return attachmentIds;
    };
    const told = async (): Promise<unknown> => {
      const event = await reader.next();
      return event?.type === 'message' && event.message.attachments.map((one) => [one.id, one.about]);
    };
    const [first, second] = [await given(), await given()];
    expect(await told()).toEqual(first.map((fileId) => [fileId, about]));
    await withdraw(id);
    expect(await told()).toEqual(second.map((fileId) => [fileId, null]));
  });

  it('passes typing on to whoever follows that guest, without an id, and keeps nothing of it', async () => {
    const [id, other] = [await known(), await known()];
    const reader = await follow(id);
    await reader.next();
    channel.hear({ guestId: other, from: 'agent', durationMs: 5_000 });
    channel.hear({ guestId: id, from: 'bot', durationMs: 3_000 });
    expect(await reader.next()).toEqual({ type: 'typing', from: 'bot', durationMs: 3_000 });
    await said(id, 'typed');
    expect(await reader.next()).toMatchObject({ type: 'message' });
  });

  it('ends with the guest, after everything that was said', async () => {
    const id = await known();
    const reader = await follow(id);
    await reader.next();
    await said(id, 'Goodbye');
    await close(id);
    expect(await reader.texts(1)).toEqual(['Goodbye']);
    expect(await reader.next()).toMatchObject({ type: 'closed', state: 'closed', closeReason: 'api' });
    expect(await reader.next()).toBeNull();
  });

  it('tells the end to whoever missed it, and to nobody twice', async () => {
    const id = await known();
    const before = await follow(id);
    await before.next();
    await said(id, 'Goodbye');
    await close(id);
    const reader = await follow(id, before.lastId);
    expect([await reader.texts(1), (await reader.next())?.type, await reader.next()]).toEqual([
      ['Goodbye'],
      'closed',
      null,
    ]);
    expect(await live.follow(id, reader.lastId, new AbortController().signal)).toBeNull();
  });

  it('takes nobody for a guest it never met, nor the id of an event that has not been', async () => {
    const id = await known();
    const { signal } = new AbortController();
    await expect(live.follow(uuidv7(), null, signal)).rejects.toMatchObject({ code: 'guest.not_found' });
    for (const wrong of ['nonsense', '1.1.99', `${'9'.repeat(15)}.1.1`])
      await expect(live.follow(id, wrong, signal)).rejects.toMatchObject({ code: 'events.unknown_id' });
  });

  it('has so many streams a guest at most, and room again when somebody hangs up, having read or not', async () => {
    const id = await known();
    const open = await Promise.all(Array.from({ length: STREAMS_PER_GUEST }, () => follow(id)));
    await expect(follow(id)).rejects.toMatchObject({ kind: 'throttled', code: 'events.too_many_streams' });
    open[0]!.hangUp();
    const next = await follow(id);
    expect((await next.next())?.type).toBe('state');
  });

  it('does not begin for a reader that is gone already', async () => {
    const id = await known();
    for (let times = 0; times <= STREAMS_PER_GUEST; times++) {
      const events = await live.follow(id, null, AbortSignal.abort());
      expect(await events!.next()).toEqual({ value: undefined, done: true });
    }
  });

  it('ends where it stands when the process leaves, and no other begins', async () => {
    const leaving = new LiveService(storage.guests, storage.news, messages, channel, storage.work);
    leaving.onApplicationBootstrap();
    const id = await known();
    const reader = await Reader.of(leaving, id);
    await reader.next();
    const next = reader.next();
    leaving.onModuleDestroy();
    expect(await next).toBeNull();
    await expect(Reader.of(leaving, id)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('lets a guest type who may write, and nobody else', async () => {
    const id = await known();
    await live.types(id);
    expect(channel.typed).toEqual([id]);
    await expect(live.types(uuidv7())).rejects.toMatchObject({ code: 'guest.not_found' });
    await expect(live.types(await known({ mode: 'widget' }))).rejects.toMatchObject({ code: 'guest.widget_led' });
    await withdraw(id);
    await expect(live.types(id)).rejects.toMatchObject({ kind: 'forbidden', code: 'consent.required' });
    const leaving = await known();
    await storage.guests.update(leaving, (guest) => closing(guest, storage.clock.now()));
    await expect(live.types(leaving)).rejects.toMatchObject({ code: 'guest.closed' });
    expect(channel.typed).toEqual([id]);
  });

  it('takes no more messages of a guest than may wait, and more when one has gone', async () => {
    const id = await known();
    for (let n = 0; n < MOST_QUEUED; n++) await messages.send(id, `text ${n}`);
    await expect(messages.send(id, 'one too many')).rejects.toMatchObject({
      kind: 'throttled',
      code: 'message.queue_full',
      retryAfterMs: 5_000,
    });
    const [oldest] = await storage.messages.queued(id);
    await storage.messages.accepted(id, oldest!.id, 'key');
    await messages.send(id, 'fits again');
    expect(await storage.messages.queued(id)).toHaveLength(MOST_QUEUED);
  });
});
