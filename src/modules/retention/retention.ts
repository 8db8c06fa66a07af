import type { DataClass } from '../../kernel/data-class.js';

export const DAY_MS = 24 * 3_600_000;
/** How far a preview looks ahead. */
export const AHEAD_DAYS = 7;

/** For how long something is kept, in whole days from the date its data class counts from. */
export type Rule = { readonly dataClass: DataClass; readonly days: number };

/** What a rule will do. Counts and dates only. */
export type Preview = {
  readonly name: string;
  readonly days: number;
  /** How many the next sweep finds old enough. */
  readonly dueNow: number;
  /** How many more become old enough within `AHEAD_DAYS`. */
  readonly dueSoon: number;
  /** Date of the oldest there is, due or not; null when there is none. */
  readonly oldest: Date | null;
};

/** What is older than this goes. */
export const horizon = (days: number, now: Date): Date => new Date(now.getTime() - days * DAY_MS);

/**
 * Every data class with its days. Data without a rule would be kept for ever, and a rule without data is a slip of the pen.
 * @throws Error that names either
 */
export function rulesOf(classes: readonly DataClass[], days: Readonly<Record<string, number>>): Rule[] {
  const unknown = Object.keys(days).filter((name) => !classes.some((dataClass) => dataClass.name === name));
  const unruled = classes.filter(({ name }) => days[name] === undefined).map(({ name }) => name);
  if (unknown.length > 0 || unruled.length > 0)
    throw new Error(`retention: no data for [${unknown.join(', ')}], no days for [${unruled.join(', ')}]`);
  return classes.map((dataClass) => ({ dataClass, days: days[dataClass.name]! }));
}
