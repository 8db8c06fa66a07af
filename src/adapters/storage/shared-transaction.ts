import type { Connection } from './database.js';
import { Pending } from './pending.js';
import { ReadAhead } from './read-ahead.js';
import type { Foreseen } from './read-ahead.js';
import { ConnectionLost } from './storage.errors.js';
import { Uncertain } from './uncertain.js';

const BEGIN = 'begin isolation level read committed';

/** One transaction for the units that arrived together. It begins when something has to be asked or written. */
export class SharedTransaction {
  /** What units that have succeeded want written. */
  readonly pending = new Pending();
  readonly ahead = new ReadAhead();
  private hasBegun = false;
  private id: string | undefined;
  private doomedBy: Error | undefined;

  constructor(
    readonly connection: Connection,
    /** There is one unit only: it needs no savepoint, it can be undone with the transaction. */
    readonly isLone: boolean,
    /** Whether the connection can be lost while this process lives, so that a commit may have to be asked about afterwards. */
    private readonly isRemote: boolean,
  ) {}

  begin(): Promise<void> {
    return this.outright(() => Promise.resolve());
  }

  readAhead(foreseen: readonly Foreseen[], subjects: readonly string[]): Promise<void> {
    return this.outright(() => this.ahead.read(this.connection, foreseen, subjects));
  }

  /** Writes what is pending. */
  flush(): Promise<void> {
    return this.outright(() => this.pending.write(this.connection));
  }

  /** For what no savepoint protects: if it fails, so does the transaction. */
  async outright<T>(work: () => Promise<T>): Promise<T> {
    this.assertSound();
    try {
      return await (this.hasBegun ? work() : this.begunWith(work));
    } catch (error) {
      this.doom(error);
      throw error;
    }
  }

  doom(reason: unknown): void {
    this.doomedBy ??= reason instanceof Error ? reason : new Error(String(reason));
  }

  /** @throws whatever doomed it, once nothing of it can be kept any more */
  assertSound(): void {
    if (this.doomedBy !== undefined) throw this.doomedBy;
  }

  async commit(): Promise<void> {
    if (!this.pending.isEmpty) await this.flush();
    if (!this.hasBegun) return;
    try {
      const { tag } = await this.connection.command('commit');
      if (tag !== 'COMMIT') throw new Error(`commit was answered with ${tag}`);
    } catch (error) {
      throw error instanceof ConnectionLost ? new Uncertain(this.id, error) : error;
    }
  }

  /** Leaves the connection as it was found, or unusable. */
  async rollBack(): Promise<void> {
    if (!this.hasBegun) return;
    try {
      await this.connection.command('rollback');
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
    }
    this.hasBegun = false;
  }

  /** A server can be told to cancel a statement: had it cancelled the beginning, what was sent along would be committed by itself. */
  private async begunWith<T>(work: () => Promise<T>): Promise<T> {
    const begun = this.start();
    if (this.isRemote) await begun;
    const [, done] = await Promise.all([begun, work()]);
    return done;
  }

  private async start(): Promise<void> {
    this.hasBegun = true;
    const { rows } = await this.connection.command(
      this.isRemote ? `${BEGIN}; select pg_current_xact_id()::text as id` : BEGIN,
    );
    this.id = rows[0]?.id;
  }
}
