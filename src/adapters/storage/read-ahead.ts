import type { Queries, Rows, Statement } from './statement.js';

/** What every unit about a subject looks up: read for a whole batch at once, because each look-up of its own costs a round trip. */
export type Foreseen = {
  /** What `lookUp` would be asked. */
  readonly statement: Statement;
  /** The same for many: takes an array of ids, answers rows with their `id`. Where it locks, in the order of ids, as everybody does. */
  readonly many: Statement;
  /** Whom the look-up is about, or null when subjects of this kind have none. */
  readonly idOf: (subject: string) => string | null;
  /** The key under which rows about an id are collected. */
  readonly keyOf: (id: string) => string;
};

type Row = { readonly id: string };

/** What was read ahead in one transaction, for as long as nothing has been written about it. */
export class ReadAhead {
  private readonly known = new Map<string, Map<Statement, Rows<unknown>>>();

  /** Reads what units about these subjects will look up. */
  async read(queries: Queries, foreseen: readonly Foreseen[], subjects: readonly string[]): Promise<void> {
    for (const { statement, many, idOf, keyOf } of foreseen) {
      const ids = [...new Set(subjects.map(idOf).filter((id) => id !== null))];
      if (ids.length === 0) continue;
      const { rows } = await queries.query<Row>(many, [ids]);
      const found = new Map(rows.map((row) => [row.id, row]));
      for (const id of ids) this.keep(keyOf(id), statement, found.get(id));
    }
  }

  find(key: string, statement: Statement): Rows<unknown> | undefined {
    return this.known.get(key)?.get(statement);
  }

  /** Rows about this key are on their way, or written: what was read is not how it is any more. */
  forget(key: string): void {
    this.known.delete(key);
  }

  forgetAll(): void {
    this.known.clear();
  }

  private keep(key: string, statement: Statement, row: Row | undefined): void {
    const about = this.known.get(key) ?? new Map<Statement, Rows<unknown>>();
    this.known.set(key, about.set(statement, row === undefined ? { rows: [], count: 0 } : { rows: [row], count: 1 }));
  }
}
