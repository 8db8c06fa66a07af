import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { Message } from '../message.js';
import { MessageStore } from './message.store.js';

export type MessageStoreLab = {
  readonly store: MessageStore;
  /** The same messages, in another process. */
  readonly another: MessageStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

const START = Date.parse('2026-11-22T09:00:00.000Z');

/** What every `MessageStore` promises. */
export function messageStoreContract(openLab: () => Promise<MessageStoreLab>): void {
  let lab: MessageStoreLab;
  let guestId: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => void (guestId = uuidv7()));
  afterAll(() => lab.close());

  const aMessage = (parts: Partial<Message> = {}): Message => ({
    id: uuidv7(),
    guestId,
    key: randomUUID(),
    from: 'agent',
    status: 'received',
    sealedText: 'v1.sealed',
    at: new Date(START),
    ...parts,
  });
  const queued = (): Message => aMessage({ key: null, from: 'guest', status: 'queued' });
  const all = async () => (await lab.store.list(guestId, undefined, 500)).items;

  it('knows nothing of a guest who never wrote', async () => {
    expect(await lab.store.list(guestId, undefined, 10)).toEqual({ items: [], nextCursor: null });
    expect(await lab.store.list('nonsense', undefined, 10)).toEqual({ items: [], nextCursor: null });
    expect(await lab.store.find(guestId, uuidv7())).toBeNull();
    expect(await lab.store.find(guestId, 'nonsense')).toBeNull();
  });

  it('answers messages as they were added, also without text', async () => {
    const [told, untold] = [aMessage(), aMessage({ sealedText: null, from: 'bot' })];
    expect(await lab.store.add(told)).toBe(true);
    expect(await lab.store.add(untold)).toBe(true);
    expect(await lab.store.find(guestId, told.id)).toEqual(told);
    expect(await lab.store.find(guestId, untold.id)).toEqual(untold);
    expect(await lab.store.find(uuidv7(), told.id)).toBeNull();
  });

  it('forgets texts that are old enough, the oldest first, and never one that waits to be sent', async () => {
    const ancient = (day: number): Date => new Date(Date.UTC(2001, 0, day));
    const [third, first, second] = [3, 1, 2].map((day) => aMessage({ at: ancient(day) })) as [
      Message,
      Message,
      Message,
    ];
    const waiting = { ...queued(), at: ancient(1) };
    const young = aMessage({ at: ancient(9) });
    for (const message of [third, first, second, waiting, young, aMessage({ at: ancient(1), sealedText: null })])
      await lab.store.add(message);
    expect(await lab.store.countTexts(ancient(4))).toEqual({ count: 3, oldest: ancient(1) });
    expect(await lab.store.countTexts(ancient(1))).toEqual({ count: 0, oldest: ancient(1) });
    expect(await lab.store.forgetTexts(ancient(4), 2)).toBe(2);
    expect(await lab.store.countTexts(ancient(4))).toEqual({ count: 1, oldest: ancient(3) });
    expect(await lab.store.forgetTexts(ancient(4), 2)).toBe(1);
    expect(await lab.store.forgetTexts(ancient(4), 2)).toBe(0);
    expect(await lab.store.find(guestId, first.id)).toEqual({ ...first, sealedText: null });
    expect(await lab.store.find(guestId, waiting.id)).toEqual(waiting);
    expect(await lab.store.find(guestId, young.id)).toEqual(young);
    // It is known again when it is shown again.
    expect(await lab.store.add({ ...second, id: uuidv7() })).toBe(false);
    await lab.store.removeAll(guestId);
    expect(await lab.store.countTexts(ancient(10))).toMatchObject({ count: 0 });
  });

  it('removes all messages of a guest, and none of another', async () => {
    await lab.store.add(aMessage());
    await lab.store.add(queued());
    const other = aMessage({ guestId: uuidv7() });
    await lab.store.add(other);
    await lab.store.removeAll(guestId);
    expect(await all()).toEqual([]);
    expect(await lab.store.find(other.guestId, other.id)).toEqual(other);
    await lab.store.removeAll('nonsense');
  });

  it('writes a message that Genesys shows twice once, per guest', async () => {
    const message = aMessage();
    expect(await lab.store.add(message)).toBe(true);
    expect(await lab.store.add(aMessage({ key: message.key, sealedText: 'v1.other' }))).toBe(false);
    expect(await all()).toEqual([message]);
    expect(await lab.store.add(aMessage({ key: message.key, guestId: uuidv7() }))).toBe(true);
  });

  it('says once that a message is new, however many bring it at once', async () => {
    for (let round = 0; round < 5; round++) {
      const key = randomUUID();
      const stores = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? lab.store : lab.another));
      const answers = await Promise.all(stores.map((store) => store.add(aMessage({ key }))));
      expect(answers.filter((isNew) => isNew)).toHaveLength(1);
    }
    expect(await all()).toHaveLength(5);
  });

  it('says it within one unit too, and forgets with a unit that failed', async () => {
    const key = randomUUID();
    const failing = lab.work.run(async () => {
      expect(await lab.store.add(aMessage({ key }))).toBe(true);
      expect(await lab.store.add(aMessage({ key }))).toBe(false);
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect(await all()).toEqual([]);
    expect(await lab.store.add(aMessage({ key }))).toBe(true);
  });

  it('keeps messages of ours apart until Genesys has a key for them', async () => {
    const messages = [queued(), queued()];
    for (const message of messages) expect(await lab.store.add(message)).toBe(true);
    expect(await all()).toEqual(messages);
  });

  it('takes the key of an accepted message once', async () => {
    const message = queued();
    await lab.store.add(message);
    expect(await lab.store.accepted(guestId, message.id, 'key')).toBe(true);
    expect(await lab.store.accepted(guestId, message.id, 'key')).toBe(false);
    expect(await lab.store.find(guestId, message.id)).toEqual({ ...message, key: 'key', status: 'sent' });
    expect(await lab.store.add(aMessage({ key: 'key', from: 'guest' }))).toBe(false);
  });

  it('makes one of a message that arrived by another way before it was accepted', async () => {
    const message = queued();
    await lab.store.add(message);
    expect(await lab.store.add(aMessage({ key: 'key', from: 'guest' }))).toBe(true);
    expect(await lab.store.accepted(guestId, message.id, 'key')).toBe(false);
    expect(await all()).toEqual([{ ...message, key: 'key', status: 'sent' }]);
  });

  it('says once that a key is new, whether it is accepted or arrives', async () => {
    for (let round = 0; round < 5; round++) {
      const message = queued();
      await lab.store.add(message);
      const key = randomUUID();
      const answers = await Promise.all([
        lab.store.accepted(guestId, message.id, key),
        lab.another.add(aMessage({ key, from: 'guest' })),
        lab.another.accepted(guestId, message.id, key),
        lab.store.add(aMessage({ key, from: 'guest' })),
      ]);
      expect(answers.filter((isNew) => isNew)).toHaveLength(1);
      expect((await all()).filter((one) => one.key === key)).toEqual([{ ...message, key, status: 'sent' }]);
    }
  });

  it('accepts nothing it does not know', async () => {
    expect(await lab.store.accepted(guestId, uuidv7(), 'key')).toBe(false);
    expect(await lab.store.accepted(guestId, 'nonsense', 'key')).toBe(false);
    expect(await all()).toEqual([]);
  });

  it('marks what Genesys will never take, but not what it has taken', async () => {
    const [hopeless, taken] = [queued(), queued()];
    await lab.store.add(hopeless);
    await lab.store.add(taken);
    await lab.store.accepted(guestId, taken.id, 'key');
    for (const { id } of [hopeless, taken, aMessage()]) await lab.store.failed(guestId, id);
    expect(await lab.store.find(guestId, hopeless.id)).toMatchObject({ status: 'failed' });
    expect(await lab.store.find(guestId, taken.id)).toMatchObject({ status: 'sent' });
  });

  it('lists oldest first, page by page, also where several have one instant', async () => {
    const messages: Message[] = [];
    for (const ms of [0, 1, 1, 1, 2]) messages.push(aMessage({ at: new Date(START + ms) }));
    for (const message of [...messages].reverse()) await lab.store.add(message);
    const seen: Message[] = [];
    let cursor: string | undefined;
    do {
      const page = await lab.store.list(guestId, cursor, 2);
      seen.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(messages);
  });

  it('refuses a cursor that is none of its own', async () => {
    for (const cursor of ['', 'nonsense', Buffer.from(`${START} ${uuidv7()}`).toString('base64url')])
      await expect(lab.store.list(guestId, cursor, 1)).rejects.toMatchObject({
        kind: 'invalid',
        code: 'request.invalid',
      });
  });
}
