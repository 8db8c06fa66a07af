import { Logger } from '@nestjs/common';
import pg from 'pg';
import { CuttingProxy } from '../../../test/storage/cutting-proxy.js';
import { createGuest } from '../../../test/storage/create.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { uuidv7 } from '../../kernel/uuid.js';
import type { Happening } from '../../modules/audit/audit.js';
import { Connection } from './database.js';
import { openStorage } from './storage.js';
import type { Storage } from './storage.js';

Logger.overrideLogger(false);

const at = new Date('2026-11-22T09:00:00.000Z');
const hasServer = process.env['TEST_DATABASE_URL'] !== undefined;

(hasServer ? describe : describe.skip)('GroupCommitter, with a server that can be lost', () => {
  /** An undisturbed eye. */
  let storage: TestStorage;
  let proxy: CuttingProxy;
  let far: Storage;

  beforeAll(async () => {
    storage = await openTestStorage('postgres');
    proxy = await CuttingProxy.before(storage.options.databaseUrl!);
    far = await openStorage({ ...storage.options, databaseUrl: proxy.url });
  }, 60_000);
  afterAll(async () => {
    await far.close();
    await proxy.close();
    await storage.close();
  });

  const note = (id: string): Promise<void> =>
    far.work.run(() => far.metrics.append({ guestId: id, type: 'created', at }));
  const notes = async (id: string): Promise<number> => (await storage.metrics.events(id)).length;

  it.each(['loses its answer', 'is lost'] as const)(
    'acknowledges once, and writes once, when a commit %s',
    async (fate) => {
      const ids = [uuidv7(), uuidv7(), uuidv7()];
      const committed: string[] = [];
      proxy.nextCommit = fate;
      await Promise.all(
        ids.map((id) =>
          far.work.run(async () => {
            far.work.afterCommit(() => committed.push(id));
            await note(id);
          }),
        ),
      );
      expect(proxy.nextCommit).toBe('passes');
      expect(await Promise.all(ids.map(notes))).toEqual([1, 1, 1]);
      expect(committed).toEqual(ids);
    },
  );

  it('writes every unit once while connections break again and again', async () => {
    const ids = Array.from({ length: 400 }, () => uuidv7());
    const breaking = setInterval(() => proxy.cut(), 150);
    const results: PromiseSettledResult<void>[] = [];
    for (let from = 0; from < ids.length; from += 20)
      results.push(...(await Promise.allSettled(ids.slice(from, from + 20).map(note))));
    clearInterval(breaking);
    for (const [index, result] of results.entries()) {
      if (result.status === 'fulfilled') expect(await notes(ids[index]!)).toBe(1);
      else {
        expect(result.reason).toMatchObject({ code: 'storage.unavailable' });
        expect(await notes(ids[index]!)).toBeLessThanOrEqual(1);
      }
    }
    expect(results.filter((result) => result.status === 'fulfilled').length).toBeGreaterThan(300);
  }, 60_000);

  it('says within seconds that the server is away, and goes on when it is back', async () => {
    const id = uuidv7();
    proxy.goAway();
    const startedAt = Date.now();
    await expect(note(id)).rejects.toMatchObject({ kind: 'unavailable', code: 'storage.unavailable' });
    await expect(far.guests.find(id)).rejects.toMatchObject({ kind: 'unavailable', code: 'storage.unavailable' });
    await expect(far.database.ping()).rejects.toMatchObject({ code: 'storage.unavailable' });
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    proxy.comeBack();
    await far.database.ping();
    await note(id);
    expect(await notes(id)).toBe(1);
  });

  it('lets both through when two processes wait for each other', async () => {
    const [first, second] = [await createGuest(storage), await createGuest(storage)];
    const meet = { waiting: 0 };
    const both = (by: Storage, order: readonly string[]): Promise<void> =>
      by.work.run(async () => {
        for (const id of order) {
          await by.guests.update(id, (guest) => ({ ...guest, version: guest.version + 1 }));
          meet.waiting++;
          for (let turn = 0; turn < 50 && meet.waiting < 2; turn++)
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
      });
    await Promise.all([both(far, [first.id, second.id]), both(storage, [second.id, first.id])]);
    for (const { id } of [first, second]) expect(await storage.guests.find(id)).toMatchObject({ version: 3 });
  });

  it('leaves nothing begun when the undoing of a unit is cancelled', async () => {
    let runs = 0;
    const failing = storage.work.run(async () => {
      await storage.guests.find(uuidv7());
      if (++runs > 1) throw new Error('undone');
      const commands = jest.spyOn(Connection.prototype, 'command').mockImplementationOnce(function (this: Connection) {
        commands.mockRestore();
        return this.command('select pg_cancel_backend(pg_backend_pid()); select pg_sleep(1); rollback');
      });
      throw new Error('undone');
    });
    await expect(failing).rejects.toThrow('undone');
    await expect(createGuest(storage)).resolves.toMatchObject({ version: 1 });
  });

  it('never deadlocks over what two processes do about the same, in whatever order', async () => {
    const before = await deadlocks();
    for (let round = 0; round < 40; round++) {
      const [topic, subject] = [`round ${round}`, uuidv7()];
      const happening: Happening = {
        ...{ subject: `guest:${uuidv7()}`, event: 'GUEST_UPDATED', actor: 'job:test', at },
        ...{ runId: null, changes: {}, sealed: null },
      };
      await storage.outbox.put({ topic, subject });
      const [claimed] = await far.outbox.claim(topic, 1, 60_000);
      // Put again meanwhile: it is let go of, not deleted.
      await storage.outbox.put({ topic, subject });
      await Promise.all([
        storage.work.run(async () => {
          await storage.audit.append(happening);
          await storage.outbox.put({ topic, subject });
        }),
        far.work.run(async () => {
          await far.outbox.done(claimed!);
          await far.audit.append(happening);
        }),
      ]);
    }
    expect(await deadlocks()).toBe(before);
  }, 60_000);

  /** As the server counts them. A session tells of what it met once it is idle, a second later at most. */
  const deadlocks = async (): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { rows } = await storage.database.query<{ deadlocks: number }>({
      name: 'test.deadlocks',
      text: 'select deadlocks::integer from pg_stat_database where datname = current_database()',
    });
    return rows[0]!.deadlocks;
  };

  it('waits no longer than 5 s for what somebody else has locked', async () => {
    const guest = await createGuest(storage);
    const other = new pg.Client({ connectionString: storage.options.databaseUrl });
    await other.connect();
    await other.query('begin');
    await other.query('select 1 from guest where id = $1 for update', [guest.id]);
    const change = far.guests.update(guest.id, (known) => ({ ...known, version: known.version + 1 }));
    setTimeout(() => void other.query('rollback'), 6_000);
    expect((await change).version).toBe(2);
    await other.end();
  }, 30_000);
});
