import type { Queries } from './statement.js';
import { isAftermath } from './storage.errors.js';

/** Where collected rows go: one kind of write, done for many rows of many units at once. */
export type Sink<Row> = {
  readonly name: string;
  /** Several rows of one key may be written together, in the order in which they were collected. Otherwise each waits for the one before. */
  readonly folds?: boolean;
  /** Sends its statements at once: those of other sinks go out behind. */
  write(queries: Queries, rows: readonly Row[]): Promise<void>;
};

/** A row that will be written later. `key` names what it is about; rows of one key are never written out of order. */
export type Collected = { readonly sink: Sink<unknown>; readonly key: string; readonly row: unknown };

type Stage = Map<Sink<unknown>, unknown[]>;

/**
 * Rows that wait to be written. They are kept in stages: within one, no two sinks write about the same key, so each sink can write all its
 * rows with one statement; what comes later about the same key stands in a later stage.
 */
export class Pending {
  private stages: Stage[] = [];
  private readonly places = new Map<string, { stage: number; sink: Sink<unknown> }>();

  add({ sink, key, row }: Collected): void {
    const last = this.places.get(key);
    const stage = last === undefined ? 0 : last.sink === sink && sink.folds ? last.stage : last.stage + 1;
    this.places.set(key, { stage, sink });
    const sinks = (this.stages[stage] ??= new Map<Sink<unknown>, unknown[]>());
    const rows = sinks.get(sink);
    if (rows === undefined) sinks.set(sink, [row]);
    else rows.push(row);
  }

  touches(key: string): boolean {
    return this.places.has(key);
  }

  get isEmpty(): boolean {
    return this.stages.length === 0;
  }

  /**
   * Writes everything and forgets it. The sinks of a stage send their statements together, and are taken by name, so that all processes lock tables in
   * one order: a sink sends all it has at once, unless it needs an answer first, and then comes last for everybody. Nothing more is sent once this
   * settles.
   */
  async write(queries: Queries): Promise<void> {
    const stages = this.stages;
    this.stages = [];
    this.places.clear();
    for (const stage of stages) {
      const sinks = [...stage].sort(([a], [b]) => (a.name < b.name ? -1 : 1));
      const written = await Promise.allSettled(sinks.map(async ([sink, rows]) => sink.write(queries, rows)));
      const errors = written.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
      if (errors.length > 0) throw errors.find((error) => !isAftermath(error)) ?? errors[0];
    }
  }
}
