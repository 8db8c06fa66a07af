import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { Guest } from '../guest.js';
import type { Message } from '../message.js';
import type { GuestNews } from './guest-news.js';
import type { GuestStore } from './guest.store.js';
import type { MessageStore } from './message.store.js';

type Process = {
  readonly news: GuestNews;
  readonly guests: GuestStore;
  readonly messages: MessageStore;
  readonly work: UnitOfWork;
};

export type GuestNewsLab = Process & {
  /** Another process on the same storage. */
  readonly another: Process;
  aGuest(): Guest;
  close(): Promise<void>;
};

/** What every `GuestNews` promises. `writesBeside`: another process can write while a unit of this one is open. */
export function guestNewsContract(openLab: () => Promise<GuestNewsLab>, writesBeside: boolean): void {
  let lab: GuestNewsLab;
  let guestId: string;
  let start: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(async () => {
    guestId = uuidv7();
    start = await lab.news.start(null);
  });
  afterAll(() => lab.close());

  const aMessage = (parts: Partial<Message> = {}): Message => ({
    id: uuidv7(),
    guestId,
    key: randomUUID(),
    from: 'agent',
    status: 'received',
    sealedText: 'v1.sealed',
    at: new Date('2026-11-22T09:00:00.000Z'),
    ...parts,
  });
  const queued = (): Message => aMessage({ key: null, from: 'guest', status: 'queued' });
  /** Everything after a position, in pages of two. */
  const after = async (position: string): Promise<{ messages: Message[]; position: string }> => {
    const messages: Message[] = [];
    for (;;) {
      const { items, rest } = await lab.another.news.changes(guestId, position, 2);
      messages.push(...items.map(({ message }) => message));
      position = items.at(-1)?.position ?? position;
      if (rest === 'none') return { messages, position };
    }
  };

  it('has none of a guest nobody wrote to', async () => {
    expect(await lab.news.changes(guestId, start, 10)).toEqual({ items: [], rest: 'none' });
    expect(await lab.news.changes('nonsense', start, 10)).toEqual({ items: [], rest: 'none' });
    expect(start).toMatch(/^[\d.]+$/);
  });

  it('is read in the order in which it was stored, whenever it was said, page by page', async () => {
    const late = new Date('2026-11-22T08:00:00.000Z');
    const messages = [aMessage(), aMessage({ at: late }), aMessage(), aMessage({ at: late }), aMessage()];
    for (const message of messages) await lab.messages.add(message);
    await lab.messages.add(aMessage({ guestId: uuidv7() }));
    expect((await after(start)).messages).toEqual(messages);
    const { items, rest } = await lab.news.changes(guestId, start, 2);
    expect([items.map(({ message }) => message), rest]).toEqual([messages.slice(0, 2), 'more']);
    expect((await after(items[0]!.position)).messages).toEqual(messages.slice(1));
  });

  it('begins with what is stored after one began to look', async () => {
    await lab.messages.add(aMessage());
    let position = await lab.another.news.start(null);
    // On a server that others use too, a position lies before whatever they have not ended yet.
    while ((await after(position)).messages.length > 0) position = await lab.another.news.start(null);
    const message = aMessage();
    await lab.messages.add(message);
    expect((await after(position)).messages).toEqual([message]);
    expect((await after(await lab.news.start(position))).messages).toEqual([message]);
  });

  it('shows a message that changed again, as it is now, and once', async () => {
    const [mine, hopeless] = [queued(), queued()];
    await lab.messages.add(mine);
    await lab.messages.add(hopeless);
    const first = await after(start);
    expect(first.messages).toEqual([mine, hopeless]);
    await lab.messages.accepted(guestId, mine.id, 'key');
    await lab.messages.failed(guestId, hopeless.id);
    const changed = [
      { ...mine, key: 'key', status: 'sent' as const },
      { ...hopeless, status: 'failed' as const },
    ];
    expect((await after(first.position)).messages).toEqual(changed);
    expect((await after(start)).messages).toEqual(changed);
  });

  it('loses nothing however many write at once', async () => {
    const seen: Message[] = [];
    let position = start;
    const look = async (): Promise<void> => {
      const found = await after(position);
      seen.push(...found.messages);
      position = found.position;
    };
    const messages = Array.from({ length: 60 }, () => aMessage());
    let isWriting = true;
    const writing = Promise.all(
      messages.map((message, n) => (n % 2 === 0 ? lab : lab.another).messages.add(message)),
    ).then(() => (isWriting = false));
    while (isWriting) await look();
    await writing;
    await look();
    expect(seen.map(({ id }) => id).sort()).toEqual(messages.map(({ id }) => id).sort());
  });

  (writesBeside ? it : it.skip)('holds back what an unfinished transaction could still be put before', async () => {
    const [early, late] = [aMessage(), queued()];
    await lab.messages.add(late);
    const position = (await after(start)).position;
    let finish = (): void => undefined;
    const open = new Promise<void>((resolve) => (finish = resolve));
    let begun = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const writing = lab.work.run(async () => {
      await lab.messages.add(early);
      // Looked up by its key, so it is written now, in a transaction that has its number from here on.
      expect(await lab.messages.knows(guestId, early.key!)).toBe(true);
      begun();
      await open;
    });
    await beginning;
    await lab.another.messages.accepted(guestId, late.id, 'key');
    expect(await lab.another.news.changes(guestId, position, 10)).toEqual({ items: [], rest: 'settling' });
    finish();
    await writing;
    expect((await after(position)).messages).toEqual([early, { ...late, key: 'key', status: 'sent' }]);
  });

  it('refuses a position that cannot have been', async () => {
    const refused = { kind: 'invalid', code: 'events.unknown_id' };
    for (const position of ['', 'nonsense', '1', '1.2.3', '1.-2', `${'9'.repeat(16)}.1`])
      await expect(lab.news.start(position)).rejects.toMatchObject(refused);
    expect(await lab.news.start(start)).toBe(start);
  });

  it('has another head whenever a guest or a message of it has changed, and none for nobody', async () => {
    const guest = lab.aGuest();
    await lab.guests.add(guest);
    const head = async () => (await lab.another.news.heads([guest.id, uuidv7(), 'nonsense'])).get(guest.id);
    const heads = [await head(), await head()];
    expect(heads[0]).toBe(heads[1]);
    await lab.guests.update(guest.id, (known) => ({ ...known, version: known.version + 1 }));
    heads.push(await head());
    const message = { ...queued(), guestId: guest.id };
    await lab.messages.add(message);
    heads.push(await head());
    await lab.messages.accepted(guest.id, message.id, 'key');
    heads.push(await head());
    expect(new Set(heads).size).toBe(4);
    expect((await lab.news.heads([uuidv7()])).size).toBe(0);
  });

  it('tells listeners in its process once a commit, and not of what was undone', async () => {
    const heard: string[] = [];
    const guest = lab.aGuest();
    lab.news.onChange((id) => [guest.id, guestId].includes(id) && heard.push(id));
    await lab.guests.add(guest);
    const message = queued();
    await lab.work.run(async () => {
      await lab.messages.add(message);
      await lab.messages.add(aMessage());
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual([guestId]);
    await expect(
      lab.work.run(async () => {
        await lab.messages.add(aMessage());
        throw new Error('boom');
      }),
    ).rejects.toThrow('boom');
    expect(heard).toEqual([guestId]);
    await lab.messages.accepted(guestId, message.id, 'key');
    await lab.guests.update(guest.id, (known) => ({ ...known, version: known.version + 1 }));
    await lab.guests.update(guest.id, (known) => known);
    expect(heard).toEqual([guestId, guestId, guest.id]);
  });
}
