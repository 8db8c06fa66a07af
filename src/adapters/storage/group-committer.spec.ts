import { Logger } from '@nestjs/common';
import pg from 'pg';
import { createGuest } from '../../../test/storage/create.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { GroupCommitter } from './group-committer.js';
import { storageOn } from './storage.js';

Logger.overrideLogger(false);

const at = new Date('2026-11-22T09:00:00.000Z');

describe('GroupCommitter', () => {
  let storage: TestStorage;
  beforeAll(async () => void (storage = await openTestStorage()), 120_000);
  afterAll(() => storage.close());
  afterEach(() => jest.restoreAllMocks());

  /** What is sent to the database meanwhile; what the engine does for itself left out. */
  const statements = (): { count(): number } => {
    const sent = jest.spyOn(pg.Client.prototype, 'query').mockClear();
    const isOurs = ([query]: readonly unknown[]): boolean => {
      const name = typeof query === 'string' ? query : (query as { name: string }).name;
      return !/^(housekeeping|checkpoint|vacuum|analyze)/.test(name);
    };
    return { count: () => sent.mock.calls.filter(isOurs).length };
  };

  const event = (guestId: string) => ({ guestId, type: 'created', at }) as const;

  it('writes many units with the statements of one', async () => {
    await createGuest(storage);
    const one = statements();
    await createGuest(storage);
    const forOne = one.count();
    const many = statements();
    await Promise.all(Array.from({ length: 32 }, () => createGuest(storage)));
    expect(many.count()).toBe(forOne);
    expect(forOne).toBeLessThanOrEqual(12);
  });

  it('reads what many units change together, and writes it together', async () => {
    const guests = await Promise.all(Array.from({ length: 20 }, () => createGuest(storage)));
    const sent = statements();
    const counted = guests.map(({ id }) =>
      storage.guests.update(id, (guest) => ({ ...guest, version: guest.version + 1, interactionCount: 1 })),
    );
    await Promise.all(counted);
    // Begin, a look at the guests and one at their keys, one write, commit.
    expect(sent.count()).toBe(5);
  });

  it('shows a unit what those before it in the batch have changed, though it was read ahead', async () => {
    const [guest, other] = await Promise.all([createGuest(storage), createGuest(storage)]);
    const count = (id: string) =>
      storage.guests.update(id, (known) => ({
        ...known,
        version: known.version + 1,
        interactionCount: known.interactionCount + 1,
      }));
    await Promise.all([count(guest.id), count(other.id), count(guest.id), count(guest.id), count(other.id)]);
    expect(await storage.guests.find(guest.id)).toMatchObject({ version: 4, interactionCount: 3 });
    expect(await storage.guests.find(other.id)).toMatchObject({ version: 3, interactionCount: 2 });
  });

  it('shows a unit what it wrote itself, and nobody what was undone', async () => {
    const [guest, other] = await Promise.all([createGuest(storage), createGuest(storage)]);
    const raised = (known: typeof guest) => ({ ...known, version: known.version + 1 });
    const about = `guest:${guest.id}`;
    const [own, , last] = await Promise.allSettled([
      storage.work.run(async () => {
        await storage.guests.update(guest.id, raised);
        expect((await storage.guests.find(guest.id))?.version).toBe(2);
        throw new Error('undone');
      }, about),
      storage.guests.update(other.id, raised),
      storage.work.run(() => storage.guests.update(guest.id, raised), about),
    ]);
    expect(own).toMatchObject({ status: 'rejected', reason: { message: 'undone' } });
    expect(last).toMatchObject({ status: 'fulfilled', value: { version: 2 } });
  });

  it('answers many who read at once with one statement, each with its own', async () => {
    const guests = await Promise.all(Array.from({ length: 20 }, () => createGuest(storage)));
    const asked = [...guests.map(({ id }) => id), guests[0]!.id, uuidv7()];
    const sent = statements();
    const found = await Promise.all(asked.map((id) => storage.guests.find(id)));
    expect(sent.count()).toBe(1);
    expect(found.map((guest) => guest?.id)).toEqual([...asked.slice(0, -1), undefined]);
  });

  it('writes nothing at all for a unit that does nothing', async () => {
    const sent = statements();
    expect(await storage.work.run(async () => 7)).toBe(7);
    expect(sent.count()).toBe(0);
  });

  it('says that it is a mistake to ask the pool inside a unit', async () => {
    const asking = storage.work.run(() => storage.database.ping());
    await expect(asking).rejects.toThrow('ask the unit, not the pool');
    await storage.database.ping();
  });

  it('undoes a unit that takes too long, and lets its neighbours through', async () => {
    const impatient = storageOn(storage.database, { ...storage.options, committer: { unitMs: 100 } });
    const [slow, quick] = [uuidv7(), uuidv7()];
    let late: Promise<unknown> | undefined;
    const results = await Promise.allSettled([
      impatient.work.run(async () => {
        await impatient.metrics.append(event(slow));
        await impatient.metrics.events(slow);
        await new Promise((resolve) => setTimeout(resolve, 300));
        late = impatient.metrics.append(event(slow));
        await late;
      }),
      impatient.work.run(() => impatient.metrics.append(event(quick))),
    ]);
    expect(results[0]).toMatchObject({ status: 'rejected', reason: { code: 'storage.unit_too_long' } });
    expect(results[1].status).toBe('fulfilled');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await expect(late).rejects.toThrow('has ended');
    expect(await storage.metrics.events(slow)).toEqual([]);
    expect(await storage.metrics.events(quick)).toHaveLength(1);
  });

  it('turns units away while too many wait', async () => {
    const small = storageOn(storage.database, { ...storage.options, committer: { queueSize: 2 } });
    const units = [1, 2, 3].map(() => small.work.run(() => small.metrics.append(event(uuidv7()))));
    await expect(units[2]).rejects.toMatchObject({ kind: 'unavailable', code: 'storage.busy' });
    await Promise.all(units.slice(0, 2));
  });

  it('finishes what it has when it is closed, and takes nothing more', async () => {
    const work = new GroupCommitter(storage.database);
    const done: number[] = [];
    const units = [1, 2, 3].map((n) => work.run(async () => void done.push(n)));
    const closing = work.close();
    await expect(work.run(async () => done.push(4))).rejects.toMatchObject({ code: 'storage.closed' });
    await closing;
    await Promise.all(units);
    expect(done).toEqual([1, 2, 3]);
  });
});
