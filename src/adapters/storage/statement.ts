/** SQL under a name, so that every connection parses it once. One name is one text, for ever. */
export type Statement = { readonly name: string; readonly text: string };

/** A look-up by the id that is its only value. */
export type LookUp = Statement & {
  /** The same for many: takes an array of ids, answers rows with their `id`. Where it locks, in the order of ids, as everybody does. */
  readonly many: Statement;
};

export type Rows<R> = { readonly rows: R[]; readonly count: number };

/** Something statements can be put to. */
export interface Queries {
  query<R = unknown>(statement: Statement, values?: readonly unknown[]): Promise<Rows<R>>;
}

/** Many rows as one parameter: `json_to_recordset($1)` takes them apart again. Instants are written as ISO 8601. */
export const asJson = (rows: readonly unknown[]): string => JSON.stringify(rows);
