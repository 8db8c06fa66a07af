import { randomUUID } from 'node:crypto';
import { Outbox } from './outbox.js';
import type { ClaimedIntent } from './outbox.js';
import type { UnitOfWork } from './unit-of-work.js';

export type OutboxLab = {
  readonly outbox: Outbox;
  /** The same outbox, in another process. */
  readonly another: Outbox;
  readonly work: UnitOfWork;
  /** The process of `outbox` holds this guest's socket for so long. */
  hold(guestId: string, ms: number): Promise<void>;
  now(): Date;
  advance(ms: number): void;
  close(): Promise<void>;
};

const LEASE_MS = 1_000;

/** What every `Outbox` promises. */
export function outboxContract(openLab: () => Promise<OutboxLab>): void {
  let lab: OutboxLab;
  let topic: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => void (topic = randomUUID()));
  afterAll(() => lab.close());

  const put = (subject: string, payload: Record<string, string> = {}, more: { dueAt?: Date; distinct?: string } = {}) =>
    lab.outbox.put({ topic, subject, payload, ...more });
  const claim = (limit = 10, outbox = lab.outbox) => outbox.claim(topic, limit, LEASE_MS);
  const only = async (): Promise<ClaimedIntent> => {
    const claimed = await claim();
    expect(claimed).toHaveLength(1);
    return claimed[0]!;
  };
  const subjects = (claimed: readonly ClaimedIntent[]) => claimed.map(({ subject }) => subject);

  it('has nothing for a topic nobody put anything under', async () => {
    expect(await claim()).toEqual([]);
  });

  it('gives an intent to one who claims, and forgets it when it is done', async () => {
    await put('a', { guestId: '1' });
    const intent = await only();
    expect(intent).toMatchObject({ topic, subject: 'a', payload: { guestId: '1' }, attempt: 1 });
    expect(await claim()).toEqual([]);
    await lab.outbox.done(intent);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
  });

  it('keeps nothing of a unit that failed', async () => {
    const failing = lab.work.run(async () => {
      await put('a');
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect(await claim()).toEqual([]);
  });

  it('leaves what is for a guest to the process that holds the guest, for as long as it does', async () => {
    const [held, free] = [randomUUID(), randomUUID()];
    await lab.hold(held, 10 * LEASE_MS);
    for (const guestId of [held, free]) await put(guestId);
    const byHolder = async (outbox: Outbox) => subjects(await outbox.claim(topic, 10, LEASE_MS, 'holder'));
    expect(await byHolder(lab.another)).toEqual([free]);
    expect(await byHolder(lab.outbox)).toEqual([held]);
    lab.advance(LEASE_MS);
    expect(await byHolder(lab.another)).toEqual([free]);
    lab.advance(9 * LEASE_MS);
    expect((await byHolder(lab.another)).sort()).toEqual([held, free].sort());
  });

  it('leaves it to anybody where that does not matter', async () => {
    const guestId = randomUUID();
    await lab.hold(guestId, LEASE_MS);
    await put(guestId);
    await put('no guest at all');
    expect(subjects(await claim(10, lab.another)).sort()).toEqual([guestId, 'no guest at all'].sort());
  });

  it('waits until an intent is due', async () => {
    await put('a', {}, { dueAt: new Date(lab.now().getTime() + 500) });
    expect(await claim()).toEqual([]);
    lab.advance(500);
    expect(subjects(await claim())).toEqual(['a']);
  });

  it('gives it again when a lease was not settled in time', async () => {
    await put('a');
    await only();
    lab.advance(LEASE_MS - 1);
    expect(await claim()).toEqual([]);
    lab.advance(1);
    expect(await only()).toMatchObject({ attempt: 2 });
  });

  it('replaces what still waits: the newest payload, the earlier time', async () => {
    const soon = new Date(lab.now().getTime() + 500);
    const late = new Date(lab.now().getTime() + 5_000);
    await put('a', { n: '1' }, { dueAt: late });
    await put('a', { n: '2' }, { dueAt: soon });
    await put('a', { n: '3' }, { dueAt: late });
    lab.advance(500);
    const intent = await only();
    expect(intent.payload).toEqual({ n: '3' });
    await lab.outbox.done(intent);
    lab.advance(10_000);
    expect(await claim()).toEqual([]);
  });

  it('replaces within one unit as well, and across units that commit together', async () => {
    await Promise.all(
      ['1', '2', '3', '4'].map((n) =>
        lab.work.run(async () => {
          await put('a', { n });
          await put('a', { n: `${n}b` });
        }),
      ),
    );
    const intent = await only();
    expect(intent.payload).toEqual({ n: '4b' });
    await lab.outbox.done(intent);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
  });

  it('delivers distinct intents of one subject one at a time, oldest first', async () => {
    for (const distinct of ['x', 'y', 'z']) await put('a', { distinct }, { distinct });
    await put('b', { distinct: 'w' }, { distinct: 'w' });
    const seen: string[] = [];
    for (let round = 0; round < 3; round++) {
      const claimed = await claim();
      expect(subjects(claimed)).toEqual(round === 0 ? ['a', 'b'] : ['a']);
      expect(await claim()).toEqual([]);
      seen.push(claimed[0]!.payload['distinct']!);
      for (const intent of claimed) await lab.outbox.done(intent);
    }
    expect(seen).toEqual(['x', 'y', 'z']);
  });

  it('lets nothing overtake an intent that was postponed', async () => {
    await put('a', { n: '1' }, { distinct: '1' });
    await put('a', { n: '2' }, { distinct: '2' });
    const first = await only();
    await lab.outbox.postpone(first, new Date(lab.now().getTime() + 400), 'genesys.unavailable');
    expect(await claim()).toEqual([]);
    lab.advance(400);
    expect(await only()).toMatchObject({ payload: { n: '1' }, attempt: 2 });
  });

  it('gives again from the time its deliverer names, or at once if it was put again meanwhile', async () => {
    await put('a', { n: '1' });
    const first = await only();
    await lab.outbox.later(first, new Date(lab.now().getTime() + 400));
    expect(await claim()).toEqual([]);
    lab.advance(400);
    const second = await only();
    expect(second).toMatchObject({ payload: { n: '1' }, attempt: 2 });
    await put('a', { n: '2' });
    await lab.outbox.later(second, new Date(lab.now().getTime() + 60_000));
    expect(await only()).toMatchObject({ payload: { n: '2' }, attempt: 1 });
  });

  it('lets others pass one that waits for its first time, or is parked', async () => {
    await put('a', { n: 'later' }, { distinct: 'later', dueAt: new Date(lab.now().getTime() + 60_000) });
    await put('a', { n: 'hopeless' }, { distinct: 'hopeless' });
    await put('a', { n: 'now' }, { distinct: 'now' });
    const hopeless = await only();
    expect(hopeless.payload).toEqual({ n: 'hopeless' });
    await lab.outbox.park(hopeless, 'genesys.refused');
    expect((await only()).payload).toEqual({ n: 'now' });
  });

  it('stays and is due at once when it was put again while it was delivered', async () => {
    await put('a', { n: '1' });
    const first = await only();
    await put('a', { n: '2' });
    expect(await claim()).toEqual([]);
    await lab.outbox.done(first);
    const second = await only();
    expect(second).toMatchObject({ payload: { n: '2' }, attempt: 1 });
    expect(second.revision).toBeGreaterThan(first.revision);
    await lab.outbox.done(second);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
  });

  it('counts attempts over postponements', async () => {
    await put('a');
    for (let attempt = 1; attempt <= 3; attempt++) {
      const intent = await only();
      expect(intent.attempt).toBe(attempt);
      await lab.outbox.postpone(intent, new Date(lab.now().getTime() + 10), 'later');
      expect(await claim()).toEqual([]);
      lab.advance(10);
    }
  });

  it('does not give a parked intent again until it is put again, and then as if it were new', async () => {
    await put('a', { n: '1' });
    await lab.outbox.park(await only(), 'genesys.refused');
    lab.advance(3_600_000);
    expect(await claim()).toEqual([]);
    await put('a', { n: '2' });
    expect(await only()).toMatchObject({ payload: { n: '2' }, attempt: 1 });
  });

  it('says whether something of a subject is being delivered', async () => {
    const isUnderWay = (subject: string) => lab.outbox.isUnderWay([randomUUID(), topic], subject);
    await put('a');
    await put('b');
    expect(await isUnderWay('a')).toBe(false);
    const [a] = (await claim()).sort((one, two) => (one.subject < two.subject ? -1 : 1));
    expect([await isUnderWay('a'), await isUnderWay('b'), await isUnderWay('c')]).toEqual([true, true, false]);
    expect(await lab.outbox.isUnderWay([randomUUID()], 'a')).toBe(false);
    await lab.outbox.done(a!);
    expect([await isUnderWay('a'), await isUnderWay('b')]).toEqual([false, true]);
    lab.advance(LEASE_MS);
    expect(await isUnderWay('b')).toBe(false);
  });

  it('takes back all of a subject under one topic, and what is under way ends by itself', async () => {
    await put('a', {}, { distinct: '1' });
    await put('a', {}, { distinct: '2' });
    await put('b');
    const [underWay, other] = (await claim()).sort((one, two) => (one.subject < two.subject ? -1 : 1));
    await lab.outbox.takeBack(topic, 'a');
    await lab.outbox.takeBack(randomUUID(), 'b');
    await lab.outbox.done(underWay!);
    await lab.outbox.postpone(other!, lab.now(), 'later');
    lab.advance(LEASE_MS);
    expect(subjects(await claim())).toEqual(['b']);
  });

  it('does not park what was put again meanwhile', async () => {
    await put('a', { n: '1' });
    const first = await only();
    await put('a', { n: '2' });
    await lab.outbox.park(first, 'genesys.refused');
    expect(await only()).toMatchObject({ payload: { n: '2' } });
  });

  it('takes no settlement from one whose lease ran out and was given to another', async () => {
    await put('a');
    const late = await only();
    lab.advance(LEASE_MS);
    const current = (await claim(10, lab.another))[0]!;
    await lab.outbox.postpone(late, lab.now(), 'too late');
    await lab.outbox.park(late, 'too late');
    expect(await claim()).toEqual([]);
    await lab.another.postpone(current, lab.now(), 'now');
    expect(await only()).toMatchObject({ attempt: 3 });
  });

  it('claims no more than asked for, and those who claim at once share', async () => {
    const all = Array.from({ length: 20 }, (_, index) => `s${index}`);
    await Promise.all(all.map((subject) => put(subject)));
    const claimed = await Promise.all([claim(7), claim(7, lab.another), claim(7), claim(7, lab.another)]);
    for (const one of claimed) expect(one.length).toBeLessThanOrEqual(7);
    const rest = [...claimed.flat(), ...(await claim(20))];
    expect(subjects(rest).sort()).toEqual([...all].sort());
  });

  it('wakes whoever listens to a topic after the commit, not before and not in vain', async () => {
    const woken: string[] = [];
    lab.outbox.onPut(topic, () => woken.push(topic));
    lab.outbox.onPut(`${topic}/other`, () => woken.push('other'));
    await lab.work.run(async () => {
      await put('a');
      await put('b');
      expect(woken).toEqual([]);
    });
    expect(woken).toEqual([topic]);
    await lab.work.run(() => put('c').then(() => Promise.reject(new Error('boom')))).catch(() => undefined);
    expect(woken).toEqual([topic]);
  });
}
