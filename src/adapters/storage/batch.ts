import type { Connection } from './database.js';
import { Pending } from './pending.js';
import { ConnectionLost } from './storage.errors.js';
import { Unit } from './unit.js';

export type Outcome = { readonly unit: Unit } & (
  { readonly done: true; readonly value: unknown } | { readonly done: false; readonly error: unknown }
);

/** The connection broke during COMMIT, so nobody knows yet whether it happened. */
export class Uncertain extends Error {
  override readonly name = 'Uncertain';

  constructor(
    readonly transaction: string | undefined,
    cause: unknown,
  ) {
    super('the connection broke during commit', { cause });
  }
}

/** One transaction, shared by the units that arrived together. It begins when something has to be asked or written. */
export class Batch {
  /** What units that have succeeded want written. */
  readonly pending = new Pending();
  private begun = false;
  private transaction: string | undefined;
  private doomedBy: Error | undefined;

  constructor(
    readonly connection: Connection,
    /** There is one unit only: it needs no savepoint, it can be undone with the transaction. */
    readonly isLone: boolean,
    /** Whether the connection can be lost while this process lives, so that a commit may have to be asked about afterwards. */
    private readonly isRemote: boolean,
  ) {}

  /** Runs one unit to its end. Throws only when the whole batch has to be undone. */
  async run(start: (unit: Unit) => Promise<unknown>): Promise<Outcome> {
    const unit = new Unit(this);
    const result = await start(unit).then(
      (value) => ({ done: true as const, value }),
      (error: unknown) => ({ done: false as const, error }),
    );
    const fault = await unit.end();
    if (this.doomedBy !== undefined) throw this.doomedBy;
    const outcome: Outcome =
      fault !== undefined && result.done ? { unit, done: false, error: fault } : { unit, ...result };
    if (outcome.done) await unit.keep();
    else if (this.isLone) await this.rollBack();
    else await unit.undo();
    return outcome;
  }

  begin(): Promise<void> {
    return this.outright(() => Promise.resolve());
  }

  /** Writes what earlier units of this batch have collected. */
  async flush(): Promise<void> {
    await this.outright(() => this.pending.write(this.connection));
  }

  /** For what no savepoint protects: if it fails, the transaction is lost. */
  async outright<T>(work: () => Promise<T>): Promise<T> {
    if (this.doomedBy !== undefined) throw this.doomedBy;
    try {
      if (!this.begun) await this.start();
      return await work();
    } catch (error) {
      this.doom(error);
      throw error;
    }
  }

  doom(reason: unknown): void {
    this.doomedBy ??= reason instanceof Error ? reason : new Error(String(reason));
  }

  async commit(): Promise<void> {
    if (!this.pending.isEmpty) await this.flush();
    if (!this.begun) return;
    try {
      const { tag } = await this.connection.command('commit');
      if (tag !== 'COMMIT') throw new Error(`commit was answered with ${tag}`);
    } catch (error) {
      throw error instanceof ConnectionLost ? new Uncertain(this.transaction, error) : error;
    }
  }

  private async start(): Promise<void> {
    const begin = 'begin isolation level read committed';
    const { rows } = await this.connection.command(
      this.isRemote ? `${begin}; select pg_current_xact_id()::text as id` : begin,
    );
    this.transaction = rows[0]?.id;
    this.begun = true;
  }

  /** Leaves the connection as it was found, or unusable. */
  async rollBack(): Promise<void> {
    if (!this.begun) return;
    this.begun = false;
    try {
      await this.connection.command('rollback');
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }
}
