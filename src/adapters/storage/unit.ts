import { Pending } from './pending.js';
import type { Collected } from './pending.js';
import type { SharedTransaction } from './shared-transaction.js';
import { ConnectionLost, worthRepeating } from './storage.errors.js';
import type { Queries, Rows, Statement } from './statement.js';

export type Outcome = { readonly unit: Unit } & (
  { readonly done: true; readonly value: unknown } | { readonly done: false; readonly error: unknown }
);

/** One unit of work while it runs. What it collects becomes its transaction's when it succeeds, and vanishes when it throws. */
export class Unit implements Queries {
  /** Things kept for the time of this unit, by name. */
  readonly memo = new Map<string, unknown>();
  readonly afterCommit: (() => void)[] = [];
  private collected: Collected[] = [];
  private isOver = false;
  private hasSavepoint = false;
  private fault: Error | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(private readonly transaction: SharedTransaction) {}

  /** Runs one unit to its end. Throws only when the whole transaction has to be undone. */
  static async run(transaction: SharedTransaction, work: (unit: Unit) => Promise<unknown>): Promise<Outcome> {
    const unit = new Unit(transaction);
    const result = await work(unit).then(
      (value) => ({ done: true as const, value }),
      (error: unknown) => ({ done: false as const, error }),
    );
    await unit.end();
    transaction.assertSound();
    // A statement that failed has undone the unit, even if its code looked away.
    const { fault } = unit;
    const outcome: Outcome =
      fault !== undefined && result.done ? { unit, done: false, error: fault } : { unit, ...result };
    if (outcome.done) await unit.keep();
    else await unit.undo();
    return outcome;
  }

  /** @throws Error when the unit has ended: something in it was not awaited */
  assertRunning(): void {
    if (this.isOver) throw new Error('This unit of work has ended: something that was started in it was not awaited.');
  }

  collect(collected: Collected): void {
    this.assertRunning();
    this.collected.push(collected);
  }

  /** Any statement. It sees everything written before it, and what it writes is undone if the unit throws. */
  query<R>(statement: Statement, values: readonly unknown[] = []): Promise<Rows<R>> {
    return this.inTurn(async () => {
      await this.separate();
      await this.transaction.begin();
      try {
        await this.writeOwn();
        return await this.transaction.connection.query<R>(statement, values);
      } catch (error) {
        this.fault = error as Error;
        if (error instanceof ConnectionLost || worthRepeating(error)) this.transaction.doom(error);
        throw error;
      }
    });
  }

  /**
   * A read, perhaps a locking one, of what rows collected under `key` are about. Far cheaper than `query`: there is nothing to undo, so
   * it needs no savepoint, and only if `key` waits to be written does anything have to be written first. Often it was read ahead.
   */
  lookUp<R>(key: string, statement: Statement, values: readonly unknown[]): Promise<Rows<R>> {
    return this.inTurn(async () => {
      if (this.collected.some((row) => row.key === key)) {
        await this.separate();
        await this.transaction.outright(() => this.writeOwn());
      } else if (this.transaction.pending.touches(key)) await this.transaction.flush();
      const known = this.transaction.ahead.find(key, statement);
      if (known !== undefined) return known as Rows<R>;
      return this.transaction.outright(() => this.transaction.connection.query<R>(statement, values));
    });
  }

  /** Nothing of the unit runs any more once this resolves. */
  private async end(): Promise<void> {
    this.isOver = true;
    await this.queue;
  }

  /** Its rows will be written with those of the other units. */
  private async keep(): Promise<void> {
    if (this.hasSavepoint) await this.command('release savepoint unit');
    for (const row of this.collected) {
      this.transaction.pending.add(row);
      this.transaction.ahead.forget(row.key);
    }
  }

  private async undo(): Promise<void> {
    if (this.transaction.isLone) await this.transaction.rollBack();
    else if (this.hasSavepoint) await this.command('rollback to savepoint unit; release savepoint unit');
  }

  /** What the units before wrote stays, whatever becomes of this one. A unit that is alone is undone with its transaction. */
  private async separate(): Promise<void> {
    if (this.transaction.isLone || this.hasSavepoint) return;
    await this.transaction.flush();
    await this.command('savepoint unit');
    this.hasSavepoint = true;
  }

  private command(text: string): Promise<unknown> {
    return this.transaction.outright(() => this.transaction.connection.command(text));
  }

  private async writeOwn(): Promise<void> {
    if (this.collected.length === 0) return;
    const pending = new Pending();
    for (const row of this.collected) {
      pending.add(row);
      this.transaction.ahead.forget(row.key);
    }
    this.collected = [];
    await pending.write(this.transaction.connection);
  }

  /** Statements of one unit run one after another, even if its code asks for several at once, and none after one that failed. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.assertRunning();
    const turn = this.queue.then(() => {
      if (this.fault !== undefined) throw this.fault;
      return work();
    });
    this.queue = turn.catch(() => undefined);
    return turn;
  }
}
