import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LookUp, Queries, Rows } from './statement.js';

type Row = { readonly id: string };

const NONE: Rows<never> = { rows: [], count: 0 };

/** Looks up many at once; what comes back tells what each would have been answered alone. */
export async function askMany(
  queries: Queries,
  { many }: LookUp,
  ids: readonly string[],
): Promise<(id: string) => Rows<unknown>> {
  const { rows } = await queries.query<Row>(many, [ids]);
  const found = new Map(rows.map((row) => [row.id, row]));
  return (id) => {
    const row = found.get(id);
    return row === undefined ? NONE : { rows: [row], count: 1 };
  };
}

type Asked = {
  readonly id: string;
  readonly resolve: (rows: Rows<unknown>) => void;
  readonly reject: (error: unknown) => void;
};

/** Look-ups of one kind that are asked for in one turn go out together after it: many readers cost few round trips. */
export class AskTogether {
  private readonly waiting = new Map<LookUp, Asked[]>();

  constructor(private readonly queries: Queries) {}

  ask<R>(lookUp: LookUp, id: string): Promise<Rows<R>> {
    return new Promise((resolve, reject) => {
      const asked: Asked = { id, resolve: resolve as Asked['resolve'], reject };
      const waiting = this.waiting.get(lookUp);
      if (waiting !== undefined) return void waiting.push(asked);
      this.waiting.set(lookUp, [asked]);
      void this.answer(lookUp);
    });
  }

  private async answer(lookUp: LookUp): Promise<void> {
    await nextTurn();
    const asked = this.waiting.get(lookUp)!;
    this.waiting.delete(lookUp);
    try {
      const ids = new Set(asked.map(({ id }) => id));
      const answers = await askMany(this.queries, lookUp, [...ids]);
      for (const { id, resolve } of asked) resolve(answers(id));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
