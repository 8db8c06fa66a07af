import type { Batch } from './batch.js';
import { Pending } from './pending.js';
import type { Collected } from './pending.js';
import { ConnectionLost, worthRepeating } from './storage.errors.js';
import type { Queries, Rows, Statement } from './statement.js';

/** One unit of work while it runs. What it collects becomes its batch's when it succeeds, and vanishes when it throws. */
export class Unit implements Queries {
  /** Things kept for the time of this unit, by name. */
  readonly memo = new Map<string, unknown>();
  readonly afterCommit: (() => void)[] = [];
  private collected: Collected[] = [];
  private over = false;
  private hasSavepoint = false;
  private fault: unknown;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly batch: Batch) {}

  /** @throws Error when the unit has ended: something in it was not awaited */
  assertRunning(): void {
    if (this.over) throw new Error('This unit of work has ended: something that was started in it was not awaited.');
  }

  collect(collected: Collected): void {
    this.assertRunning();
    this.collected.push(collected);
  }

  /** Any statement. It sees everything written before it, and what it writes is undone if the unit throws. */
  query<R>(statement: Statement, values: readonly unknown[] = []): Promise<Rows<R>> {
    return this.inTurn(async () => {
      await this.separate();
      await this.batch.begin();
      try {
        await this.writeOwn();
        return await this.batch.connection.query<R>(statement, values);
      } catch (error) {
        this.fault = error;
        if (error instanceof ConnectionLost || worthRepeating(error)) this.batch.doom(error);
        throw error;
      }
    });
  }

  /**
   * A read, perhaps a locking one, of what rows collected under `key` are about. Far cheaper than `query`: there is nothing to undo, so
   * it needs no savepoint, and only if `key` waits to be written does anything have to be written first.
   */
  lookUp<R>(key: string, statement: Statement, values: readonly unknown[]): Promise<Rows<R>> {
    return this.inTurn(async () => {
      if (this.collected.some((row) => row.key === key)) {
        await this.separate();
        await this.batch.outright(() => this.writeOwn());
      } else if (this.batch.pending.touches(key)) await this.batch.flush();
      return this.batch.outright(() => this.batch.connection.query<R>(statement, values));
    });
  }

  /** Nothing of the unit runs any more once this resolves. Answers the fault of a statement, even if the unit's code swallowed it. */
  async end(): Promise<unknown> {
    this.over = true;
    await this.queue;
    return this.fault;
  }

  /** Its rows will be written with the batch. */
  async keep(): Promise<void> {
    if (this.hasSavepoint) await this.batch.outright(() => this.batch.connection.command('release savepoint unit'));
    for (const row of this.collected) this.batch.pending.add(row);
  }

  async undo(): Promise<void> {
    this.collected = [];
    if (this.hasSavepoint)
      await this.batch.outright(() =>
        this.batch.connection.command('rollback to savepoint unit; release savepoint unit'),
      );
  }

  /** What the units before wrote stays, whatever becomes of this one. A unit that is alone is undone with its transaction. */
  private async separate(): Promise<void> {
    if (this.batch.isLone || this.hasSavepoint) return;
    await this.batch.flush();
    await this.batch.outright(() => this.batch.connection.command('savepoint unit'));
    this.hasSavepoint = true;
  }

  private async writeOwn(): Promise<void> {
    if (this.collected.length === 0) return;
    const pending = new Pending();
    for (const row of this.collected) pending.add(row);
    this.collected = [];
    await pending.write(this.batch.connection);
  }

  /** Statements of one unit run one after another, even if its code asks for several at once. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.assertRunning();
    const turn = this.queue.then(work);
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
