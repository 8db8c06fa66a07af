import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import { closedBreaker } from '../breaker.js';
import type { Breaker } from '../breaker.js';
import { recordHash } from '../crm-sync.js';
import type { Chunk, CrmRecord, DueRecord } from '../crm-sync.js';
import { CrmStore } from './crm.store.js';
import type { Outcome } from './crm.store.js';

export type CrmStoreLab = {
  readonly store: CrmStore;
  /** The same records, in another process. */
  readonly another: CrmStore;
  readonly work: UnitOfWork;
  now(): Date;
  advance(ms: number): void;
  close(): Promise<void>;
};

const LEASE_MS = 1_000;

/** What every `CrmStore` promises. */
export function crmStoreContract(openLab: () => Promise<CrmStoreLab>): void {
  let lab: CrmStoreLab;
  let crm: string;
  let guestId: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => {
    crm = randomUUID();
    guestId = uuidv7();
  });
  afterAll(() => lab.close());

  const aRecord = (id: string, form: string): CrmRecord => ({
    externalId: id,
    emailHash: 'ab'.repeat(32),
    phoneHash: null,
    keyId: 'k1',
    consentFlags: { marketing: false, dataProcessing: true },
    lastInteraction: '2026-11-22T09:00:00.000Z',
    channelContext: { campaignId: form },
  });
  const inMs = (ms: number) => new Date(lab.now().getTime() + ms);
  const put = (version: number, form = `form ${version}`, dueAt = lab.now(), id = guestId) =>
    lab.store.put(crm, { guestId: id, version, record: aRecord(id, form) }, dueAt);
  const claimChunks = (chunks = 1, size = 10, store = lab.store) =>
    store.claim(crm, { chunks, size, leaseMs: LEASE_MS });
  const claim = async (limit = 10, store = lab.store): Promise<DueRecord[]> =>
    (await claimChunks(1, limit, store)).flatMap(({ records }) => records);
  const onlyChunk = async (): Promise<Chunk> => {
    const chunks = await claimChunks();
    expect(chunks.map(({ records }) => records.length)).toEqual([1]);
    return chunks[0]!;
  };
  const only = async (): Promise<DueRecord> => (await onlyChunk()).records[0]!;
  const settle = (chunk: Chunk, outcome: (record: DueRecord) => Outcome) =>
    lab.store.settle(crm, chunk, chunk.records.map(outcome));
  const delivering = (chunk: Chunk) => settle(chunk, (record) => ({ record, status: 'delivered', remoteId: 'r-1' }));
  const delivered = async (): Promise<void> => delivering(await onlyChunk());
  const sendingAgain = (chunk: Chunk, at = lab.now()) =>
    settle(chunk, (record) => ({ record, status: 'again', at, code: 'locked' }));
  const burying = (chunk: Chunk, isUncertain = false) =>
    settle(chunk, (record) => ({ record, status: 'dead', code: 'no', reason: 'It will not.', isUncertain }));

  it('has nothing for a CRM nobody put anything for', async () => {
    expect(await claim()).toEqual([]);
  });

  it('gives what should be sent to one who claims, and not again once it is delivered', async () => {
    await put(1);
    expect(await lab.store.claim(randomUUID(), { chunks: 1, size: 10, leaseMs: LEASE_MS })).toEqual([]);
    const chunk = await onlyChunk();
    const record = aRecord(guestId, 'form 1');
    expect(chunk.records[0]).toEqual({ guestId, version: 1, record, hash: recordHash(record), attempt: 1 });
    expect(await claim()).toEqual([]);
    await delivering(chunk);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
  });

  it('keeps nothing of a unit that failed', async () => {
    const failing = lab.work.run(async () => {
      await put(1);
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect(await claim()).toEqual([]);
  });

  it('says whether a record is to be sent, or somebody is at it', async () => {
    const pending = () => lab.store.isPending(crm, guestId);
    expect(await pending()).toBe(false);
    await put(1, 'one', inMs(800));
    expect(await pending()).toBe(true);
    expect(await lab.store.isPending(randomUUID(), guestId)).toBe(false);
    lab.advance(800);
    await delivered();
    expect(await pending()).toBe(false);
    await put(2);
    const chunk = await onlyChunk();
    await lab.store.withdraw(crm, guestId);
    // Nothing is to be sent any more, but it is on its way.
    expect(await pending()).toBe(true);
    await delivering(chunk);
    expect(await pending()).toBe(false);
  });

  it('knows which CRMs were ever sent something about a guest, and what each calls it', async () => {
    const [elsewhere, unsent] = [randomUUID(), randomUUID()];
    const holding = async () => (await lab.store.holding(guestId)).sort((a, b) => (a.crm < b.crm ? -1 : 1));
    await put(1);
    for (const other of [elsewhere, unsent])
      await lab.store.put(other, { guestId, version: 1, record: aRecord(guestId, 'form 1') }, lab.now());
    expect(await holding()).toEqual([]);
    await lab.store.claim(elsewhere, { chunks: 1, size: 10, leaseMs: LEASE_MS });
    await delivered();
    await put(2);
    const known = [
      { crm, remoteId: 'r-1', isUnderWay: false },
      { crm: elsewhere, remoteId: null, isUnderWay: true },
    ].sort((a, b) => (a.crm < b.crm ? -1 : 1));
    expect(await holding()).toEqual(known);
    await lab.store.withdraw(crm, guestId);
    expect(await holding()).toEqual(known);
    expect(await lab.store.holding('nonsense')).toEqual([]);
    expect(await lab.store.known()).toEqual(expect.arrayContaining([crm, elsewhere, unsent]));
  });

  it('never lets a record be sent that a unit has found unsent, and removed', async () => {
    for (let round = 0; round < 20; round++) {
      const id = uuidv7();
      await put(1, 'form 1', lab.now(), id);
      const removing = lab.work.run(async () => {
        const holding = await lab.store.holding(id);
        await lab.store.removeAll(id);
        return holding;
      });
      const [holding, claimed] = await Promise.all([removing, claim(10, lab.another)]);
      expect([claimed.length, holding.length]).toEqual(claimed.length === 0 ? [0, 0] : [1, 1]);
    }
  });

  it('knows of a call that is on its way, of a guest it has forgotten too', async () => {
    const isOnItsWay = () => lab.another.isOnItsWay(crm, guestId);
    await put(1);
    expect(await isOnItsWay()).toBe(false);
    const chunk = await onlyChunk();
    await lab.store.removeAll(guestId);
    expect(await isOnItsWay()).toBe(true);
    expect(await lab.store.isOnItsWay(randomUUID(), guestId)).toBe(false);
    await delivering(chunk);
    expect(await isOnItsWay()).toBe(false);
    expect(await lab.store.isOnItsWay(crm, 'nonsense')).toBe(false);
  });

  it('counts no call as on its way whose lease has run out', async () => {
    await put(1);
    await onlyChunk();
    lab.advance(LEASE_MS);
    expect(await lab.store.isOnItsWay(crm, guestId)).toBe(false);
    await claim();
  });

  it('removes what there is of a guest in every CRM, and of no other guest', async () => {
    const [other, elsewhere] = [uuidv7(), randomUUID()];
    await put(1);
    await put(1, 'form 1', lab.now(), other);
    await lab.store.put(elsewhere, { guestId, version: 1, record: aRecord(guestId, 'form 1') }, lab.now());
    await lab.store.removeAll(guestId);
    expect(await lab.store.isPending(crm, guestId)).toBe(false);
    expect(await lab.store.claim(elsewhere, { chunks: 1, size: 10, leaseMs: LEASE_MS })).toEqual([]);
    expect((await claim()).map((due) => due.guestId)).toEqual([other]);
  });

  it('waits until a record is due, and takes the earlier of two times', async () => {
    await put(1, 'one', inMs(800));
    await put(2, 'two', inMs(400));
    await put(3, 'three', inMs(900));
    expect(await claim()).toEqual([]);
    lab.advance(400);
    expect(await only()).toMatchObject({ version: 3, record: { channelContext: { campaignId: 'three' } } });
  });

  it('coalesces what is put in one unit, and in units that commit together', async () => {
    await Promise.all(
      [1, 2, 3].map((version) =>
        lab.work.run(async () => {
          await put(version, `${version} a`);
          await put(version, `${version} b`);
        }),
      ),
    );
    expect(await only()).toMatchObject({ version: 3, record: { channelContext: { campaignId: '3 b' } } });
  });

  it('keeps the newest version, in whatever order they come', async () => {
    await put(3);
    await put(2);
    expect(await only()).toMatchObject({ version: 3 });
  });

  it('gives a chunk again when its lease was not settled in time: the same members, in the same order and form', async () => {
    const others = [uuidv7(), uuidv7()];
    await put(1);
    for (const id of others) await put(1, 'form 1', lab.now(), id);
    const [first] = await claimChunks();
    await put(2, 'newer', lab.now(), others[1]);
    await put(1, 'form 1', inMs(-500), uuidv7());
    lab.advance(LEASE_MS - 1);
    expect((await claimChunks(1, 1)).map(({ id }) => id)).not.toContain(first!.id);
    lab.advance(1);
    const [again] = await claimChunks(1, 10, lab.another);
    expect(again).toEqual({ ...first, lease: 2 });
    await delivering(again!);
    expect((await claim()).map((due) => [due.guestId, due.version])).toContainEqual([others[1], 2]);
  });

  it('sends again what was put in two newer forms while a chunk was under way, as the first was sent', async () => {
    await put(1);
    const chunk = await onlyChunk();
    await put(2);
    await put(3);
    lab.advance(LEASE_MS);
    expect((await onlyChunk()).records).toEqual(chunk.records);
  });

  it('does not send a form that the CRM holds already', async () => {
    await put(1, 'same');
    await delivered();
    await put(2, 'same');
    expect(await claim()).toEqual([]);
    await put(3, 'other');
    expect(await only()).toMatchObject({ version: 3, attempt: 1 });
  });

  it('sends again what was put in another form while it was delivered', async () => {
    await put(1);
    const first = await onlyChunk();
    await put(2);
    expect(await claim()).toEqual([]);
    await delivering(first);
    expect(await only()).toMatchObject({ version: 2 });
  });

  it('lets go of every member of a chunk, also of one that is put again in the unit that settles it', async () => {
    const other = uuidv7();
    await put(1);
    await put(1, 'form 1', lab.now(), other);
    const [chunk] = await claimChunks();
    await lab.work.run(async () => {
      await put(2);
      await delivering(chunk!);
    });
    expect(await only()).toMatchObject({ guestId, version: 2 });
    expect(await lab.store.isPending(crm, other)).toBe(false);
  });

  it('sends a form again that was put back while another was delivered', async () => {
    await put(1, 'one');
    await delivered();
    await put(2, 'two');
    const second = await onlyChunk();
    await put(3, 'one');
    await delivering(second);
    expect(await only()).toMatchObject({ version: 3, record: { channelContext: { campaignId: 'one' } } });
  });

  it('sends a form again that was put back after a delivery nobody settled, or of which nothing is known', async () => {
    await put(1, 'one');
    await delivered();
    await put(2, 'two');
    await onlyChunk();
    await put(3, 'one');
    lab.advance(LEASE_MS);
    const second = await onlyChunk();
    expect(second.records).toMatchObject([{ version: 2 }]);
    await sendingAgain(second);
    expect(await only()).toMatchObject({ version: 3 });
  });

  it('sends a record again when it is told to, and counts attempts meanwhile', async () => {
    await put(1);
    await sendingAgain(await onlyChunk(), inMs(500));
    lab.advance(499);
    expect(await claim()).toEqual([]);
    lab.advance(1);
    expect(await only()).toMatchObject({ attempt: 2 });
  });

  it('postpones a chunk as it is, and remembers how it has fared', async () => {
    await put(1);
    const chunk = await onlyChunk();
    await lab.store.postpone(chunk, { until: inMs(500), code: 'crm.silent', failures: 2, rekeyed: 1 });
    lab.advance(499);
    expect(await claim()).toEqual([]);
    lab.advance(1);
    expect(await onlyChunk()).toEqual({ ...chunk, lease: 2, failures: 2, rekeyed: 1 });
  });

  it('splits a chunk into halves that go at once, each by itself', async () => {
    const ids = [guestId, uuidv7(), uuidv7(), uuidv7(), uuidv7()];
    for (const id of ids) await put(1, 'form', lab.now(), id);
    const [chunk] = await claimChunks();
    await lab.store.split(crm, chunk!);
    const halves = await claimChunks(3);
    expect(halves.map(({ records }) => records.length).sort()).toEqual([2, 3]);
    expect(halves.flatMap(({ records }) => records).sort(byGuest)).toEqual([...chunk!.records].sort(byGuest));
    for (const half of halves) await delivering(half);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
  });

  it('does not send a refused form again, but another', async () => {
    await put(1, 'bad');
    await burying(await onlyChunk());
    await put(2, 'bad');
    lab.advance(3_600_000);
    expect(await claim()).toEqual([]);
    await put(3, 'good');
    expect(await only()).toMatchObject({ version: 3, attempt: 1 });
  });

  it('sends another form that was put while one was refused or failed', async () => {
    await put(1, 'bad');
    const bad = await onlyChunk();
    await put(2, 'good');
    await burying(bad);
    const good = await onlyChunk();
    expect(good.records).toMatchObject([{ version: 2, attempt: 1 }]);
    await put(3, 'better');
    await sendingAgain(good, inMs(100));
    lab.advance(100);
    expect(await only()).toMatchObject({ version: 3, attempt: 1 });
  });

  it('sends nothing of a guest who was withdrawn, until put again', async () => {
    await put(1);
    await lab.store.withdraw(crm, guestId);
    await lab.store.withdraw(crm, uuidv7());
    expect(await claim()).toEqual([]);
    await put(2);
    expect(await only()).toMatchObject({ version: 2 });
  });

  it('lets put and withdraw in one unit happen in their order', async () => {
    const other = uuidv7();
    await lab.work.run(async () => {
      await put(1);
      await lab.store.withdraw(crm, guestId);
      await lab.store.withdraw(crm, other);
      await put(1, 'form', lab.now(), other);
    });
    expect((await claim()).map((due) => due.guestId)).toEqual([other]);
  });

  it('stays withdrawn whatever becomes of a delivery under way', async () => {
    for (const end of [delivering, sendingAgain, burying]) {
      guestId = uuidv7();
      await put(1);
      const chunk = await onlyChunk();
      await lab.store.withdraw(crm, guestId);
      await end(chunk);
      lab.advance(LEASE_MS);
      expect(await claim()).toEqual([]);
    }
    expect((await lab.store.deadLetters({ crm, limit: 10 })).items).toEqual([]);
  });

  it('leaves out of a chunk that is sent again who was withdrawn or removed meanwhile, put again since or not', async () => {
    const [withdrawn, removed, restored] = [uuidv7(), uuidv7(), uuidv7()];
    for (const id of [guestId, withdrawn, removed, restored]) await put(1, 'form', lab.now(), id);
    await claimChunks();
    await lab.store.withdraw(crm, withdrawn);
    await lab.store.removeAll(removed);
    await lab.store.withdraw(crm, restored);
    await put(2, 'newer', lab.now(), restored);
    lab.advance(LEASE_MS);
    expect((await claim()).map((due) => due.guestId)).toEqual([guestId]);
    expect(await only()).toMatchObject({ guestId: restored, version: 2 });
    expect(await lab.store.isPending(crm, withdrawn)).toBe(false);
  });

  it('is done with a chunk of which nobody is left', async () => {
    await put(1);
    await onlyChunk();
    await lab.store.withdraw(crm, guestId);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
    expect(await lab.store.isPending(crm, guestId)).toBe(false);
    expect((await lab.store.backlog(crm, 10)).chunksUnderWay).toBe(0);
  });

  it('takes nothing from one whose lease ran out and was given to another', async () => {
    await put(1);
    const late = await onlyChunk();
    lab.advance(LEASE_MS);
    expect(await claim(10, lab.another)).toHaveLength(1);
    await sendingAgain(late);
    await burying(late);
    await lab.store.split(crm, late);
    await lab.store.postpone(late, { until: lab.now(), code: 'late', failures: 9, rekeyed: 9 });
    expect(await claim()).toEqual([]);
    lab.advance(LEASE_MS);
    expect(await onlyChunk()).toMatchObject({ lease: 3, failures: 0 });
  });

  it('gives the oldest first, no more than asked for, and each to one of those who claim at once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) {
      ids.push(uuidv7());
      await put(1, 'form', inMs(-n), ids[n]);
    }
    expect((await claim(3)).map((due) => due.guestId)).toEqual(ids.slice(-3).reverse());
    const shares = await Promise.all([claim(4), claim(4, lab.another), claim(4)]);
    const rest = [...shares.flat(), ...(await claim(12))].map((due) => due.guestId);
    expect(rest.sort()).toEqual(ids.slice(0, 9).sort());
  });

  it('makes as many chunks as asked for, of the size asked for, and those sent before go first unless told otherwise', async () => {
    for (let n = 0; n < 7; n++) await put(1, 'form', lab.now(), uuidv7());
    const known = await claimChunks(2, 2);
    expect(known.map(({ records }) => records.length)).toEqual([2, 2]);
    lab.advance(LEASE_MS);
    const [fresh] = await lab.store.claim(crm, { chunks: 1, size: 2, leaseMs: LEASE_MS, freshFirst: true });
    expect(known.map(({ id }) => id)).not.toContain(fresh!.id);
    const again = await claimChunks(3, 2);
    expect(
      again
        .map(({ id }) => id)
        .slice(0, 2)
        .sort(),
    ).toEqual(known.map(({ id }) => id).sort());
    expect(again[2]!.records).toHaveLength(1);
  });

  it('says what a CRM should hold of some, and nothing of others', async () => {
    const withdrawn = uuidv7();
    await put(3);
    await put(1, 'form', lab.now(), withdrawn);
    await lab.store.withdraw(crm, withdrawn);
    const desired = await lab.store.desired(crm, [withdrawn, guestId, uuidv7(), 'no id']);
    expect(desired).toMatchObject([{ guestId, version: 3, record: aRecord(guestId, 'form 3'), attempt: 1 }]);
  });

  it('keeps dead letters, newest first and by code, until they are delivered, replayed or withdrawn', async () => {
    const ids = [uuidv7(), uuidv7(), uuidv7()];
    for (const id of ids) {
      guestId = id;
      await put(1);
      await burying(await onlyChunk());
      lab.advance(1);
    }
    const list = async (query = {}) => (await lab.store.deadLetters({ crm, limit: 10, ...query })).items;
    expect((await list()).map((letter) => letter.guestId)).toEqual([...ids].reverse());
    expect(await list({ code: 'other' })).toEqual([]);
    const page = await lab.store.deadLetters({ crm, code: 'no', limit: 2 });
    expect(page.items.map((letter) => letter.guestId)).toEqual([ids[2], ids[1]]);
    expect((await list({ code: 'no', cursor: page.nextCursor! })).map((letter) => letter.guestId)).toEqual([ids[0]]);
    expect(await lab.store.deadLetter(crm, ids[0]!)).toMatchObject({
      version: 1,
      code: 'no',
      reason: 'It will not.',
      attempts: 1,
    });
    expect(await lab.store.deadLetter(crm, 'no id')).toBeNull();

    expect(await lab.store.revive(crm, [ids[0]!, uuidv7(), 'no id'])).toEqual([ids[0]]);
    expect(await lab.store.revive(crm, [ids[0]!])).toEqual([]);
    expect(await only()).toMatchObject({ guestId: ids[0], attempt: 1 });
    await lab.store.withdraw(crm, ids[1]!);
    guestId = ids[2]!;
    await put(2, 'other');
    // Its newer form is on its way.
    expect(await list()).toEqual([]);
    expect(await lab.store.revive(crm, ids)).toEqual([]);
    await delivered();
    expect((await lab.store.backlog(crm, 10)).deadLetters).toBe(0);
  });

  it('forgets dead letters that are too old, and still does not send them', async () => {
    await put(1);
    await burying(await onlyChunk());
    const { oldest } = await lab.store.countDeadLetters(inMs(0));
    expect(oldest!.getTime()).toBeLessThanOrEqual(lab.now().getTime());
    await lab.store.expireDeadLetters(lab.now(), 1_000);
    expect(await lab.store.deadLetter(crm, guestId)).not.toBeNull();
    await lab.store.expireDeadLetters(inMs(1), 1_000);
    expect(await lab.store.deadLetter(crm, guestId)).toBeNull();
    expect((await lab.store.countDeadLetters(inMs(1))).count).toBe(0);
    expect(await claim()).toEqual([]);
  });

  it('says how much there is to do, and counts no further than asked', async () => {
    const at = lab.now();
    for (let n = 0; n < 3; n++) await put(1, 'form', inMs(n * 100), uuidv7());
    lab.advance(50);
    const none = { chunksUnderWay: 0, deadLetters: 0 };
    expect(await lab.store.backlog(crm, 3)).toEqual({ waiting: 3, isExact: true, oldestDue: at, ...none });
    expect(await lab.store.backlog(crm, 2)).toMatchObject({ waiting: 2, isExact: false });
    expect(await lab.store.backlog(randomUUID(), 2)).toEqual({ waiting: 0, isExact: true, oldestDue: null, ...none });
  });

  it('adds up what was done by the minute, and forgets it after an hour', async () => {
    const minute = lab.now();
    const counts = { delivered: 5, dead: 1, calls: 2, failures: 1 };
    await lab.store.addMinutes(crm, [{ minute, ...counts }]);
    await lab.another.addMinutes(crm, [{ minute, ...counts }]);
    expect(await lab.store.minutes(crm, inMs(-1))).toEqual([{ minute, delivered: 10, dead: 2, calls: 4, failures: 2 }]);
    lab.advance(3_600_001);
    await lab.store.addMinutes(crm, []);
    expect(await lab.store.minutes(crm, minute)).toEqual([]);
  });

  it('keeps how a CRM fares for all processes, which change it one after another', async () => {
    const known = async () => (await lab.store.look(crm)).breaker;
    expect(await known()).toEqual(closedBreaker);
    await lab.store.updateBreaker(crm, (breaker) => breaker);
    expect(await known()).toEqual(closedBreaker);
    const oneMore = (breaker: Breaker): Breaker => ({ ...breaker, failures: breaker.failures + 1, code: 'crm.silent' });
    await Promise.all(
      [lab.store, lab.another, lab.store, lab.another].map((store) => store.updateBreaker(crm, oneMore)),
    );
    expect(await known()).toEqual({ ...closedBreaker, failures: 4, code: 'crm.silent' });
    const all = { until: inMs(500), openedAt: lab.now(), failedAt: lab.now(), chunkLimit: 7, limitedAt: inMs(-5) };
    await lab.another.updateBreaker(crm, (breaker) => ({ ...breaker, ...all }));
    expect(await known()).toEqual({ failures: 4, code: 'crm.silent', ...all });
  });

  it('lets one process at a time see whether a CRM is back', async () => {
    const probe = () => Promise.all([lab.store, lab.another, lab.store].map((store) => store.takeProbe(crm, LEASE_MS)));
    expect(await probe()).toEqual([false, false, false]);
    await lab.store.updateBreaker(crm, (breaker) => ({ ...breaker, openedAt: lab.now(), until: inMs(100) }));
    expect(await probe()).toEqual([false, false, false]);
    lab.advance(100);
    expect((await probe()).filter(Boolean)).toHaveLength(1);
    lab.advance(LEASE_MS);
    expect((await probe()).filter(Boolean)).toHaveLength(1);
  });

  it('says whether anything is due', async () => {
    const isDue = async () => (await lab.store.look(crm)).isDue;
    expect(await isDue()).toBe(false);
    await put(1, 'one', inMs(100));
    expect(await isDue()).toBe(false);
    lab.advance(100);
    expect(await isDue()).toBe(true);
    await onlyChunk();
    expect(await isDue()).toBe(false);
    lab.advance(LEASE_MS);
    expect(await isDue()).toBe(true);
  });
}

const byGuest = (a: DueRecord, b: DueRecord): number => (a.guestId < b.guestId ? -1 : 1);
