import { askMany } from './ask-many.js';
import type { LookUp, Queries, Rows, Statement } from './statement.js';

/**
 * What every unit about a subject looks up: read for a whole batch at once, because each look-up of its own costs a round trip. Only for tables
 * that sinks alone write, under `keyOf`: that is how a unit learns that what was read is not how it is any more.
 */
export type Foreseen = {
  readonly lookUp: LookUp;
  /** Whom the look-up is about, or null when subjects of this kind have none. */
  readonly idOf: (subject: string) => string | null;
  /** The key under which rows about an id are collected. */
  readonly keyOf: (id: string) => string;
};

/** What was read ahead in one transaction, for as long as nothing has been written about it. */
export class ReadAhead {
  private readonly known = new Map<string, Map<Statement, Rows<unknown>>>();

  /** Reads what units about these subjects will look up. */
  async read(queries: Queries, foreseen: readonly Foreseen[], subjects: readonly string[]): Promise<void> {
    for (const { lookUp, idOf, keyOf } of foreseen) {
      const ids = new Set(subjects.map(idOf).filter((id) => id !== null));
      if (ids.size === 0) continue;
      const answers = await askMany(queries, lookUp, [...ids]);
      for (const id of ids) this.keep(keyOf(id), lookUp, answers(id));
    }
  }

  find(key: string, statement: Statement): Rows<unknown> | undefined {
    return this.known.get(key)?.get(statement);
  }

  /** Rows about this key are on their way, or written: what was read is not how it is any more. */
  forget(key: string): void {
    this.known.delete(key);
  }

  private keep(key: string, statement: Statement, rows: Rows<unknown>): void {
    const about = this.known.get(key) ?? new Map<Statement, Rows<unknown>>();
    this.known.set(key, about.set(statement, rows));
  }
}
