import { randomBytes, randomUUID } from 'node:crypto';
import { aGuest } from '../../../../test/builders/guest.js';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import { identity } from '../../identity/identity.js';
import type { Guest } from '../guest.js';
import { GuestStore } from './guest.store.js';
import type { GuestQuery } from './guest.store.js';

export type GuestStoreLab = {
  readonly store: GuestStore;
  /** The same guests, in another process. */
  readonly another: GuestStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

/** What every `GuestStore` promises. */
export function guestStoreContract(openLab: () => Promise<GuestStoreLab>): void {
  let lab: GuestStoreLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const boom = new Error('boom');
  const counted = (guest: Guest): Guest => ({
    ...guest,
    version: guest.version + 1,
    interactionCount: guest.interactionCount + 1,
  });
  const added = async (parts: Partial<Guest> = {}): Promise<Guest> => {
    const guest = aGuest(parts);
    await lab.store.add(guest);
    return guest;
  };

  it('answers null for a guest it never met, whatever the id looks like', async () => {
    expect(await lab.store.find(uuidv7())).toBeNull();
    expect(await lab.store.find('nonsense')).toBeNull();
    expect(await lab.store.find('')).toBeNull();
  });

  it('answers a guest exactly as it was added', async () => {
    const whole = await added({
      closedDate: new Date('2026-01-02T03:04:05.678Z'),
      closeReason: 'api',
      conversations: [{ id: randomUUID(), participantId: randomUUID(), endedAt: '2026-01-02T03:04:05.678Z' }],
      touched: { '/attributes/source': 2 },
      handedOver: { conversationId: randomUUID(), hash: 'ab' },
      attributes: { source: 'Grüße "quoted" \\ {}', empty: '' },
    });
    expect(await lab.store.find(whole.id)).toEqual(whole);
    const bare = await added({ channelContext: {}, attributes: {}, identity: identity({}, null) });
    expect(await lab.store.find(bare.id)).toEqual(bare);
  });

  it('refuses to add the same guest twice, and keeps the first', async () => {
    const guest = await added();
    await expect(lab.store.add({ ...guest, interactionCount: 99 })).rejects.toThrow();
    expect(await lab.store.find(guest.id)).toEqual(guest);
  });

  it('keeps nothing of a unit that failed', async () => {
    const guest = aGuest();
    const kept = await added();
    const failing = lab.work.run(async () => {
      await lab.store.add(guest);
      await lab.store.update(kept.id, counted);
      expect(await lab.store.find(guest.id)).toEqual(guest);
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    expect(await lab.store.find(guest.id)).toBeNull();
    expect(await lab.store.find(kept.id)).toEqual(kept);
  });

  it('finds within a unit what the unit has added and changed', async () => {
    const guest = aGuest();
    await lab.work.run(async () => {
      await lab.store.add(guest);
      expect(await lab.store.find(guest.id)).toEqual(guest);
      await lab.store.update(guest.id, counted);
      await lab.store.update(guest.id, counted);
      expect(await lab.store.find(guest.id)).toMatchObject({ version: 3, interactionCount: 2 });
    });
    expect(await lab.another.find(guest.id)).toMatchObject({ version: 3, interactionCount: 2 });
  });

  it('says that there is no such guest to change', async () => {
    const missing = { kind: 'not-found', code: 'guest.not_found' };
    await expect(lab.store.update(uuidv7(), counted)).rejects.toMatchObject(missing);
    await expect(lab.store.update('nonsense', counted)).rejects.toMatchObject(missing);
  });

  it('changes a guest and answers it as changed', async () => {
    const guest = await added();
    const changed = await lab.store.update(guest.id, (known) => ({ ...counted(known), state: 'active' }));
    expect(changed).toMatchObject({ version: 2, state: 'active' });
    expect(await lab.store.find(guest.id)).toEqual(changed);
  });

  it('writes a change that nobody can see, too', async () => {
    const guest = await added();
    const handedOver = { conversationId: randomUUID(), hash: 'ff' };
    await lab.store.update(guest.id, (known) => ({ ...known, handedOver }));
    expect(await lab.store.find(guest.id)).toEqual({ ...guest, handedOver });
  });

  it('writes nothing when the change throws or changes nothing', async () => {
    const guest = await added();
    await expect(
      lab.store.update(guest.id, () => {
        throw boom;
      }),
    ).rejects.toBe(boom);
    expect(await lab.store.update(guest.id, (known) => known)).toEqual(guest);
    expect(await lab.store.find(guest.id)).toEqual(guest);
  });

  it('loses none of many changes made at once, in any process', async () => {
    const guests = [await added(), await added()];
    const stores = [lab.store, lab.another];
    await Promise.all(
      Array.from({ length: 40 }, (_, index) => stores[index % 2]!.update(guests[(index >> 1) % 2]!.id, counted)),
    );
    for (const { id } of guests) expect(await lab.store.find(id)).toMatchObject({ version: 21, interactionCount: 20 });
  });

  it('lists newest first, page by page, and a page stays stable while guests are added', async () => {
    const campaignId = randomUUID();
    const guests: Guest[] = [];
    for (let n = 0; n < 5; n++) guests.push(await added({ channelContext: { campaignId } }));
    const newestFirst = guests.map((guest) => guest.id).reverse();
    const first = await lab.store.list({ campaignId, limit: 2 });
    await added({ channelContext: { campaignId } });
    const second = await lab.store.list({ campaignId, limit: 2, cursor: first.nextCursor! });
    const third = await lab.store.list({ campaignId, limit: 2, cursor: second.nextCursor! });
    const ids = [first, second, third].flatMap((page) => page.items.map((guest) => guest.id));
    expect(ids).toEqual(newestFirst);
    expect(third.nextCursor).toBeNull();
    expect(first.items[0]).toEqual(guests[4]);
  });

  it('repeats and misses none of those that stay while guests are changed between two pages', async () => {
    const campaignId = randomUUID();
    const guests: Guest[] = [];
    for (let n = 0; n < 6; n++) guests.push(await added({ channelContext: { campaignId } }));
    const [oldest, , third, , , newest] = guests as [Guest, Guest, Guest, Guest, Guest, Guest];
    const first = await lab.store.list({ campaignId, limit: 3 });
    await lab.store.update(oldest.id, counted);
    await lab.store.update(newest.id, (guest) => ({ ...counted(guest), state: 'closed' }));
    await lab.store.update(third.id, (guest) => ({ ...counted(guest), channelContext: {} }));
    // The very guest the cursor names may go.
    await lab.store.remove(first.items[2]!.id);
    const second = await lab.store.list({ campaignId, limit: 3, cursor: first.nextCursor! });
    expect(first.items.map(({ id }) => id)).toEqual([guests[5], guests[4], guests[3]].map((guest) => guest!.id));
    expect(second.items.map(({ id, version }) => [id, version])).toEqual([
      [guests[1]!.id, 1],
      [oldest.id, 2],
    ]);
    expect(second.nextCursor).toBeNull();
  });

  it('has no further page when the last one is exactly full', async () => {
    const campaignId = randomUUID();
    await added({ channelContext: { campaignId } });
    await added({ channelContext: { campaignId } });
    expect((await lab.store.list({ campaignId, limit: 2 })).nextCursor).toBeNull();
    expect(await lab.store.list({ campaignId: randomUUID(), limit: 2 })).toEqual({ items: [], nextCursor: null });
  });

  it('lists by state, hashes and campaign, alone and together, as they are now', async () => {
    const [emailHash, phoneHash, other] = [0, 1, 2].map(() => randomBytes(32).toString('hex')) as [
      string,
      string,
      string,
    ];
    const campaignId = randomUUID();
    const both = await added({ identity: identity({ emailHash, phoneHash }, 'k1'), channelContext: { campaignId } });
    const mail = await added({ identity: identity({ emailHash }, 'k1'), channelContext: {} });
    const phone = await added({
      identity: identity({ emailHash: other, phoneHash }, 'k1'),
      channelContext: { campaignId },
    });
    const ids = async (query: Omit<GuestQuery, 'limit'>) =>
      (await lab.store.list({ ...query, limit: 50 })).items.map((guest) => guest.id);
    expect(await ids({ emailHash })).toEqual([mail.id, both.id]);
    expect(await ids({ phoneHash })).toEqual([phone.id, both.id]);
    expect(await ids({ campaignId })).toEqual([phone.id, both.id]);
    expect(await ids({ emailHash, campaignId })).toEqual([both.id]);
    expect(await ids({ emailHash, phoneHash, campaignId, state: 'created' })).toEqual([both.id]);
    expect(await ids({ campaignId, state: 'closed' })).toEqual([]);
    await lab.store.update(phone.id, (guest) => ({ ...counted(guest), state: 'closed', channelContext: {} }));
    expect(await ids({ campaignId })).toEqual([both.id]);
    expect(await ids({ phoneHash, state: 'closed' })).toEqual([phone.id]);
    expect((await lab.store.list({ limit: 1 })).items[0]!.id).toBe(phone.id);
  });

  describe('at rest', () => {
    /** A time of its own for every test, before anything the others leave behind. */
    let year = 1900;
    let start: number;
    const at = (day: number): Date => new Date(start + day * 86_400_000);
    beforeEach(() => void (start = Date.UTC(year++, 0)));
    const ended = (day: number, parts: Partial<Guest> = {}) =>
      added({ createdDate: at(0), state: 'closed', closedDate: at(day), closeReason: 'api', ...parts });

    afterEach(async () => {
      for (const id of [...(await lab.store.idle(at(1_000), 100)), ...(await lab.store.past(at(1_000), 100))])
        await lab.store.remove(id);
    });

    it('names open guests that may be idle, longest first, and neither closing ones nor those that are over', async () => {
      const [second, first] = [await added({ createdDate: at(2) }), await added({ createdDate: at(1) })];
      const active = await added({ createdDate: at(3), state: 'active' });
      await added({ createdDate: at(1), state: 'closing' });
      await ended(1);
      await added({ createdDate: at(5) });
      expect(await lab.store.idle(at(4), 10)).toEqual([first.id, second.id, active.id]);
      expect(await lab.store.idle(at(2), 10)).toEqual([first.id, second.id]);
      expect(await lab.another.idle(at(4), 1)).toEqual([first.id]);
    });

    it('names no guest that was put off, until its new time, and no change does away with that', async () => {
      const guest = await added({ createdDate: at(1) });
      await lab.store.putOff(guest.id, at(4));
      await lab.store.update(guest.id, (known) => ({ ...counted(known), modifiedDate: at(2) }));
      expect(await lab.store.idle(at(3), 10)).toEqual([]);
      expect(await lab.store.idle(at(4), 10)).toEqual([guest.id]);
      expect(await lab.store.find(guest.id)).toEqual({ ...guest, ...counted(guest), modifiedDate: at(2) });
    });

    it('names guests that are over by the date of their end, and counts them', async () => {
      const open = await added({ createdDate: at(0) });
      const [later, earlier] = [await ended(5), await ended(2, { state: 'expired' })];
      const failed = await ended(3, { state: 'failed' });
      expect(await lab.store.past(at(5), 10)).toEqual([earlier.id, failed.id]);
      expect(await lab.store.past(at(6), 2)).toEqual([earlier.id, failed.id]);
      expect(await lab.store.countPast(at(6))).toEqual({ count: 3, oldest: at(2) });
      expect(await lab.store.countPast(at(1))).toEqual({ count: 0, oldest: at(2) });
      await lab.store.update(open.id, (guest) => ({ ...counted(guest), state: 'closed', closedDate: at(4) }));
      expect(await lab.store.idle(at(9), 10)).toEqual([]);
      expect(await lab.store.past(at(9), 10)).toEqual([earlier.id, failed.id, open.id, later.id]);
    });

    it('counts one that is over without a date from its last change', async () => {
      const guest = await added({ createdDate: at(0), state: 'erased', modifiedDate: at(3), closedDate: null });
      expect(await lab.store.past(at(3), 10)).toEqual([]);
      expect(await lab.store.past(at(4), 10)).toEqual([guest.id]);
    });

    it('forgets a guest that is removed, and nothing of a unit that failed', async () => {
      const [gone, kept] = [await ended(1), await ended(1)];
      await lab.store.remove(gone.id);
      const failing = lab.work.run(async () => {
        await lab.store.putOff(kept.id, at(8));
        await lab.store.remove(kept.id);
        throw boom;
      });
      await expect(failing).rejects.toBe(boom);
      expect(await lab.store.find(gone.id)).toBeNull();
      expect(await lab.store.past(at(2), 10)).toEqual([kept.id]);
      await lab.store.remove('nonsense');
    });
  });

  it('knows whose a conversation is, the newest guest’s of several', async () => {
    const [mine, shared] = [randomUUID(), randomUUID()];
    const having = (...ids: string[]) => ids.map((id) => ({ id, participantId: randomUUID(), endedAt: null }));
    const first = await added({ conversations: having(mine, shared) });
    const second = await added();
    expect(await lab.store.ofConversation(mine)).toBe(first.id);
    await lab.store.update(second.id, (guest) => ({ ...counted(guest), conversations: having(shared) }));
    expect(await lab.another.ofConversation(shared)).toBe(second.id);
    expect(await lab.store.ofConversation(randomUUID())).toBeNull();
    await lab.store.remove(first.id);
    expect(await lab.store.ofConversation(mine)).toBeNull();
  });

  it('names guests to look at: from their creation on, when it was said, and until they are over', async () => {
    const at = (day: number): Date => new Date(Date.UTC(1800, 0, day));
    const [early, late] = [await added({ createdDate: at(1) }), await added({ createdDate: at(2), state: 'closing' })];
    await added({ createdDate: at(1), state: 'closed', closedDate: at(2) });
    expect(await lab.store.toLookAt(at(2), 10)).toEqual([early.id, late.id]);
    expect(await lab.store.toLookAt(at(2), 1)).toEqual([early.id]);
    await lab.store.lookAgain(early.id, at(5));
    await lab.store.update(early.id, counted);
    expect(await lab.another.toLookAt(at(4), 10)).toEqual([late.id]);
    expect(await lab.store.toLookAt(at(5), 10)).toEqual([late.id, early.id]);
    await lab.store.update(late.id, (guest) => ({ ...counted(guest), state: 'closed', closedDate: at(3) }));
    expect(await lab.store.toLookAt(at(5), 10)).toEqual([early.id]);
    await lab.store.lookAgain('nonsense', at(1));
    await lab.store.remove(early.id);
  });

  it('finds the conversations of pages’ guests to listen to: newest guests first, those that go on before those that ended', async () => {
    const at = new Date(Date.UTC(2026, 0, 1));
    const inConversation = (endedAt: string | null) => [{ id: randomUUID(), participantId: randomUUID(), endedAt }];
    const widget = (parts: Partial<Guest>) => added({ mode: 'widget', ...parts });
    const then = at.toISOString();
    const over = await widget({ state: 'disconnected', conversations: inConversation(then) });
    const first = await widget({ state: 'active', conversations: inConversation(null) });
    const second = await widget({ state: 'active', conversations: [...inConversation(then), ...inConversation(null)] });
    await widget({ state: 'configured' });
    await widget({ state: 'closing', conversations: inConversation(null) });
    await widget({ state: 'closed', closedDate: at, conversations: inConversation(then) });
    await added({ state: 'active', mode: 'server', conversations: inConversation(null) });
    const consent = { marketing: true, dataProcessing: false };
    await widget({ state: 'active', consent, conversations: inConversation(null) });
    const shown = ({ id, conversations }: Guest) => ({ guestId: id, conversationId: conversations.at(-1)!.id });
    const wanted = [second, first, over].map(shown);
    expect(await lab.another.listenedTo(10)).toEqual(wanted);
    expect(await lab.store.listenedTo(2)).toEqual(wanted.slice(0, 2));
    for (const { id } of [over, first, second]) await lab.store.remove(id);
  });

  it('refuses a cursor that is none of its own', async () => {
    for (const cursor of ['', 'nonsense', Buffer.from('1 2').toString('base64url'), '%%%'])
      await expect(lab.store.list({ limit: 1, cursor })).rejects.toMatchObject({
        kind: 'invalid',
        code: 'request.invalid',
      });
  });
}
