import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { UnitOfWork } from './unit-of-work.js';

export type UnitOfWorkLab = {
  readonly work: UnitOfWork;
  /** Writes one note in the current unit, through a store. */
  note(topic: string, text: string): Promise<void>;
  /** What is noted about a topic: what was committed, and within a unit what that unit noted. */
  notes(topic: string): Promise<string[]>;
  /** Fails when it is written, not when it is noted. */
  noteInvalid(topic: string): Promise<void>;
  close(): Promise<void>;
};

/** What every `UnitOfWork` promises. */
export function unitOfWorkContract(openLab: () => Promise<UnitOfWorkLab>): void {
  let lab: UnitOfWorkLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const boom = new Error('boom');

  it('keeps everything a unit wrote, and answers what the unit answered', async () => {
    const topic = randomUUID();
    const answer = await lab.work.run(async () => {
      await lab.note(topic, 'one');
      await lab.note(topic, 'two');
      return 42;
    });
    expect(answer).toBe(42);
    expect(await lab.notes(topic)).toEqual(['one', 'two']);
  });

  it('keeps nothing of a unit that threw, and throws what it threw', async () => {
    const topic = randomUUID();
    const failing = lab.work.run(async () => {
      await lab.note(topic, 'one');
      expect(await lab.notes(topic)).toEqual(['one']);
      await lab.note(topic, 'two');
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    expect(await lab.notes(topic)).toEqual([]);
  });

  it('lets a unit see what it has written itself, and nobody else before it ends', async () => {
    const topic = randomUUID();
    const written = deferred();
    const looked = deferred();
    const unit = lab.work.run(async () => {
      await lab.note(topic, 'one');
      expect(await lab.notes(topic)).toEqual(['one']);
      written.resolve();
      await looked.promise;
    });
    await written.promise;
    const outside = lab.notes(topic);
    looked.resolve();
    const seen = await outside;
    await unit;
    // An engine with one connection answers the read after the unit; what matters is that it never sees half of one.
    expect([[], ['one']]).toContainEqual(seen);
    expect(await lab.notes(topic)).toEqual(['one']);
  });

  it('joins a nested run: both are kept or neither', async () => {
    const topic = randomUUID();
    await lab.work.run(async () => {
      await lab.note(topic, 'outer');
      await lab.work.run(() => lab.note(topic, 'inner'));
    });
    expect(await lab.notes(topic)).toEqual(['outer', 'inner']);

    const failing = lab.work.run(async () => {
      await lab.work.run(() => lab.note(topic, 'inner, lost'));
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    expect(await lab.notes(topic)).toEqual(['outer', 'inner']);
  });

  it('lets none of many units at once harm its neighbours', async () => {
    const topics = Array.from({ length: 60 }, () => randomUUID());
    const results = await Promise.allSettled(
      topics.map((topic, index) =>
        lab.work.run(async () => {
          await lab.note(topic, 'one');
          if (index % 5 === 1) await lab.notes(topic);
          if (index % 5 === 2) throw boom;
          if (index % 5 === 3) {
            await lab.notes(topic);
            throw boom;
          }
          await lab.note(topic, 'two');
        }),
      ),
    );
    for (const [index, topic] of topics.entries()) {
      const fails = index % 5 === 2 || index % 5 === 3;
      expect(results[index]!.status).toBe(fails ? 'rejected' : 'fulfilled');
      expect(await lab.notes(topic)).toEqual(fails ? [] : ['one', 'two']);
    }
  });

  it('lets a row that cannot be written fail its own unit only', async () => {
    const topics = Array.from({ length: 20 }, () => randomUUID());
    const results = await Promise.allSettled(
      topics.map((topic, index) =>
        lab.work.run(async () => {
          await lab.note(topic, 'one');
          if (index === 7) await lab.noteInvalid(topic);
        }),
      ),
    );
    expect(results.filter((result) => result.status === 'rejected')).toHaveLength(1);
    expect(results[7]!.status).toBe('rejected');
    for (const [index, topic] of topics.entries()) expect(await lab.notes(topic)).toEqual(index === 7 ? [] : ['one']);
  });

  it('fails a unit whose write failed even if the unit looks away', async () => {
    const topic = randomUUID();
    const failing = lab.work.run(async () => {
      await lab.noteInvalid(topic);
      await lab.notes(topic).catch(() => undefined);
    });
    const next = lab.work.run(() => lab.note(topic, 'after'));
    await expect(failing).rejects.toThrow();
    await next;
    expect(await lab.notes(topic)).toEqual(['after']);
  });

  it('runs a unit in the course of whoever asked for it', async () => {
    const course = new AsyncLocalStorage<string>();
    const seen = await Promise.all(
      ['a', 'b', 'c'].map((name) => course.run(name, () => lab.work.run(async () => course.getStore()))),
    );
    expect(seen).toEqual(['a', 'b', 'c']);
  });

  it('calls afterCommit when the unit is durable, once, and never for one that failed', async () => {
    const topic = randomUUID();
    const called: string[] = [];
    await lab.work.run(async () => {
      lab.work.afterCommit(() => called.push('kept'));
      await lab.note(topic, 'one');
      expect(called).toEqual([]);
    });
    await expect(
      lab.work.run(async () => {
        lab.work.afterCommit(() => called.push('lost'));
        throw boom;
      }),
    ).rejects.toBe(boom);
    expect(called).toEqual(['kept']);
  });

  it('calls afterCommit at once when there is no unit', () => {
    const called: string[] = [];
    lab.work.afterCommit(() => called.push('now'));
    expect(called).toEqual(['now']);
  });

  it('lets a listener start new units, and is not harmed by one that throws', async () => {
    const topic = randomUUID();
    const later = deferred();
    await lab.work.run(async () => {
      await lab.note(topic, 'one');
      lab.work.afterCommit(() => {
        throw boom;
      });
      lab.work.afterCommit(() => void lab.work.run(() => lab.note(topic, 'two')).then(later.resolve));
    });
    await later.promise;
    expect(await lab.notes(topic)).toEqual(['one', 'two']);
  });

  it('refuses what was started in a unit and not awaited', async () => {
    const topic = randomUUID();
    const late = deferred();
    let leftover: Promise<unknown> = Promise.resolve();
    await lab.work.run(async () => {
      leftover = late.promise.then(() => lab.work.run(() => lab.note(topic, 'too late')));
      leftover.catch(() => undefined);
    });
    late.resolve();
    await expect(leftover).rejects.toThrow('not awaited');
    expect(await lab.notes(topic)).toEqual([]);
  });
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
