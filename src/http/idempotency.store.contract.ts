import { randomBytes } from 'node:crypto';
import type { UnitOfWork } from '../kernel/unit-of-work.js';
import { IdempotencyStore } from './idempotency.store.js';
import type { IdempotencyRecord } from './idempotency.store.js';

export type IdempotencyLab = {
  readonly store: IdempotencyStore;
  readonly work: UnitOfWork;
  /** The same storage, as another process sees it; null where only one process can open it. */
  readonly other: { readonly store: IdempotencyStore; readonly work: UnitOfWork } | null;
  close(): Promise<void>;
};

const START = new Date('2026-11-22T12:00:00.000Z');
const LONG_AGO = new Date('2026-11-01T00:00:00.000Z');

const aRecord = (change: Partial<IdempotencyRecord> = {}): IdempotencyRecord => ({
  scope: randomBytes(32).toString('hex'),
  subject: 'guest:0193a3f0-0000-7000-8000-000000000000',
  answer: 'v1.sealed',
  createdAt: START,
  ...change,
});

/** What every `IdempotencyStore` promises. */
export function idempotencyStoreContract(openLab: () => Promise<IdempotencyLab>): void {
  let lab: IdempotencyLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const find = (scope: string, notBefore = LONG_AGO) => lab.work.run(() => lab.store.find(scope, notBefore));
  const add = (record: IdempotencyRecord) =>
    lab.work.run(async () => {
      await lab.store.find(record.scope, LONG_AGO);
      await lab.store.add(record);
    });

  it('knows nothing of what was never asked', async () => {
    expect(await find(aRecord().scope)).toBeNull();
  });

  it('finds what was answered, exactly', async () => {
    const record = aRecord();
    await add(record);
    expect(await find(record.scope)).toEqual(record);
    expect(await find(aRecord().scope)).toBeNull();
  });

  it('finds within a unit what the unit itself has added', async () => {
    const record = aRecord();
    await lab.work.run(async () => {
      await lab.store.add(record);
      expect(await lab.store.find(record.scope, LONG_AGO)).toEqual(record);
    });
  });

  it('keeps nothing of a unit that failed, and the scope is free again', async () => {
    const record = aRecord();
    const failing = lab.work.run(async () => {
      await lab.store.find(record.scope, LONG_AGO);
      await lab.store.add(record);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await find(record.scope)).toBeNull();
    await add(record);
    expect(await find(record.scope)).toEqual(record);
  });

  it('lets one of many units that ask at once do the work', async () => {
    const record = aRecord();
    let done = 0;
    const once = async () => {
      for (;;) {
        try {
          return await lab.work.run(async () => {
            const known = await lab.store.find(record.scope, LONG_AGO);
            if (known) return 'replayed';
            await lab.store.add(record);
            return 'done';
          });
        } catch (error) {
          expect(error).toMatchObject({ kind: 'conflict', code: 'http.idempotency_in_progress', retryAfterMs: 1_000 });
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    for (const outcome of await Promise.all(Array.from({ length: 20 }, once))) if (outcome === 'done') done++;
    expect(done).toBe(1);
  });

  it('tells another process at once that the first has not ended', async () => {
    if (lab.other === null) return;
    const { store, work } = lab.other;
    const record = aRecord();
    await lab.work.run(async () => {
      await lab.store.find(record.scope, LONG_AGO);
      const startedAt = performance.now();
      await expect(work.run(() => store.find(record.scope, LONG_AGO))).rejects.toMatchObject({
        code: 'http.idempotency_in_progress',
      });
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      await lab.store.add(record);
    });
    expect(await work.run(() => store.find(record.scope, LONG_AGO))).toEqual(record);
  });

  it('counts an answer that is too old as none, and takes a new one in its place', async () => {
    const old = aRecord();
    await add(old);
    const renewed = { ...old, answer: 'v1.new', createdAt: new Date(START.getTime() + 1) };
    await lab.work.run(async () => {
      expect(await lab.store.find(old.scope, renewed.createdAt)).toBeNull();
      await lab.store.add(renewed);
    });
    expect(await find(old.scope)).toEqual(renewed);
  });

  it('purges what is old, and only that', async () => {
    const [old, recent] = [aRecord({ createdAt: new Date(START.getTime() - 1) }), aRecord()];
    await add(old);
    await add(recent);
    expect(await lab.store.count(START)).toEqual({ count: 1, oldest: old.createdAt });
    expect(await lab.store.purge(START, 10)).toBe(1);
    expect(await lab.store.purge(START, 10)).toBe(0);
    expect((await lab.store.count(START)).count).toBe(0);
    expect(await find(old.scope)).toBeNull();
    expect(await find(recent.scope)).toEqual(recent);
  });

  it('purges no more than it was asked to, the oldest first', async () => {
    const old = [3, 1, 2].map((days) => aRecord({ createdAt: new Date(LONG_AGO.getTime() + days) }));
    for (const record of old) await add(record);
    expect(await lab.store.purge(START, 2)).toBe(2);
    const left = await Promise.all(old.map(({ scope }) => find(scope)));
    expect(left.map((record) => record !== null)).toEqual([true, false, false]);
    expect(await lab.store.count(START)).toEqual({ count: 1, oldest: old[0]!.createdAt });
  });
}
