/** How much there is of something: `count` rows older than asked, and the date of the oldest there is at all, null when there is none. */
export type Tally = { readonly count: number; readonly oldest: Date | null };

/** What one sweep did: `gone` rows were removed, `kept` rows were old enough but are still in use and are asked about again later. */
export type Swept = { readonly gone: number; readonly kept: number };

/** A kind of data that is kept for a time only. Whoever owns the rows says how old they are, and removes them. */
export interface DataClass {
  /** Stands in the configuration, the trail and the API. */
  readonly name: string;
  /** How many rows are older than `before`. Those still in use count too: they go as soon as nobody needs them. */
  preview(before: Date): Promise<Tally>;
  /** Removes up to `limit` rows older than `before`, the oldest first, and none that is in use. Joins the current unit of work. */
  sweep(before: Date, limit: number): Promise<Swept>;
}

/** Every kind of data there is a time for: each owner registers its own when it starts. */
export class DataClasses {
  private readonly known = new Map<string, DataClass>();

  /** @throws Error when there is one of that name */
  register(dataClass: DataClass): void {
    if (this.known.has(dataClass.name)) throw new Error(`the data class ${dataClass.name} is registered already`);
    this.known.set(dataClass.name, dataClass);
  }

  all(): readonly DataClass[] {
    return [...this.known.values()];
  }
}
