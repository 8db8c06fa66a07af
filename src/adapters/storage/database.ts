import pg from 'pg';
import { storageUnavailable, statementError, ConnectionLost, isRace } from './storage.errors.js';
import type { Queries, Rows, Statement } from './statement.js';

/** What an engine provides: pools, and what has to be done beside and after them. */
export type Engine = {
  readonly name: 'embedded' | 'postgres';
  /** For plain reads. */
  readonly reads: pg.Pool;
  /**
   * For the group committer; the same pool where there is only one connection. Its connections send statements without waiting for the answers to
   * those before ("Pipelining" in the PostgreSQL manual's chapter on its protocol), so that what is asked for at once costs one round trip.
   */
  readonly writes: pg.Pool;
  close(): Promise<void>;
};

/** One PostgreSQL database, whichever engine runs it. */
export class Database implements Queries {
  /** Each throws where a plain read is a mistake. */
  readonly guards: (() => void)[] = [];

  constructor(readonly engine: Engine) {}

  /** A plain read, on a connection of its own. For what has to be seen or written together there is the group committer. */
  async query<R>(statement: Statement, values: readonly unknown[] = []): Promise<Rows<R>> {
    for (const guard of this.guards) guard();
    try {
      return await put<R>(this.engine.reads, statement, values);
    } catch (error) {
      throw error instanceof ConnectionLost || isRace(error) ? storageUnavailable(error) : error;
    }
  }

  /** Resolves when the database answers. */
  async ping(): Promise<void> {
    await this.query({ name: 'ping', text: 'select 1' });
  }

  /** The connection on which units of work are written, until it is released. */
  async connect(): Promise<Connection> {
    try {
      return new Connection(await this.engine.writes.connect());
    } catch (error) {
      throw new ConnectionLost('no connection', { cause: error });
    }
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

/** A connection for the time of one transaction. */
export class Connection implements Queries {
  private lost = false;

  constructor(private readonly client: pg.PoolClient) {
    // Without a listener a connection that breaks between two statements would end the process.
    client.on('error', this.noticeLoss);
  }

  async query<R>(statement: Statement, values: readonly unknown[] = []): Promise<Rows<R>> {
    try {
      return await put<R>(this.client, statement, values);
    } catch (error) {
      if (error instanceof ConnectionLost) this.lost = true;
      throw error;
    }
  }

  /** One or more commands without parameters, in one round trip. Answers the last one's tag and all their rows. */
  async command(text: string): Promise<{ readonly tag: string; readonly rows: Record<string, string>[] }> {
    try {
      const answers = [await this.client.query<Record<string, string>>(text)].flat();
      return { tag: answers.at(-1)?.command ?? '', rows: answers.flatMap((answer) => answer.rows) };
    } catch (error) {
      const known = statementError(text, error);
      if (known instanceof ConnectionLost) this.lost = true;
      throw known;
    }
  }

  release(): void {
    this.client.off('error', this.noticeLoss);
    this.client.release(this.lost);
  }

  /** Given up in an unknown state: it will not be used again. */
  discard(): void {
    this.lost = true;
    this.release();
  }

  private readonly noticeLoss = (): void => {
    this.lost = true;
  };
}

async function put<R>(
  target: pg.Pool | pg.PoolClient,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<Rows<R>> {
  try {
    const { rows, rowCount } = await target.query<R & pg.QueryResultRow>({ name, text, values: values as unknown[] });
    return { rows, count: rowCount ?? 0 };
  } catch (error) {
    throw statementError(name, error);
  }
}

/**
 * Everything we ask goes by key. Left to itself the planner reads a table from end to end, or joins with all of it, as long as the table has
 * never been analysed, however much it has grown since; named statements keep such plans. Of a queue it would collect a bitmap of everything that
 * ever stood at the front, where an index read in order steps over what is gone once and for all. And a plan that looks dear is compiled to machine
 * code, which takes longer than anything of ours.
 */
export const PLANNER: readonly string[] = [
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'jit=off',
];

/** Counts and positions come as JavaScript numbers: none of ours grows past 2^53. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    const builtin: unknown = pg.types.getTypeParser(oid, format ?? 'text');
    return oid === 20 ? Number : builtin;
  },
};
