/** At most `count` in any `perMs`. */
export type Rate = { readonly count: number; readonly perMs: number };

/** How many went, by the span of time in which they did, oldest first. Instants are milliseconds since 1970. */
export type RatesState = { readonly went: readonly (readonly [from: number, count: number])[] };

export type Pass = {
  /** How many may go now. */
  readonly granted: number;
  /** When asking again is worth it, in milliseconds; 0 when something was granted. */
  readonly waitMs: number;
  /** The span of time they are counted in. */
  readonly at: number;
};

/** Counting by spans keeps what is remembered small: 240 of them are a minute. */
export const SPAN_MS = 250;
/** A span counts until its last moment is old enough, and for one more, in which what went then may arrive without anybody's saying so. */
const COUNTS_MS = 2 * SPAN_MS;

export const nobodyWent: RatesState = { went: [] };

/**
 * Takes up to `wanted` of what all rates leave. `arrived` names by their `Pass.at` some who went earlier and took longer than a span to arrive: the other
 * side counts them only now.
 */
export function passed(
  { went }: RatesState,
  rates: readonly Rate[],
  wanted: number,
  now: number,
  arrived: readonly number[] = [],
): readonly [RatesState, Pass] {
  const longest = Math.max(...rates.map(({ perMs }) => perMs));
  // Clocks differ between machines: the slower one is taken to the time of the faster, unless that one is plainly wrong.
  const known = went.filter(([from]) => from <= now + longest);
  const at = Math.max(now, known.at(-1)?.[0] ?? now);
  const spans = new Map(known.filter(([from]) => from + COUNTS_MS + longest > at));
  const from = Math.floor(at / SPAN_MS) * SPAN_MS;
  const count = (span: number, many: number): void => void spans.set(span, (spans.get(span) ?? 0) + many);
  for (const span of arrived) {
    if ((spans.get(span) ?? 0) > 0) count(span, -1);
    count(from, 1);
  }
  let granted = wanted;
  let waitMs = 0;
  for (const rate of rates) {
    const counted = [...spans].filter(([span, many]) => many > 0 && span + COUNTS_MS + rate.perMs > at);
    const left = rate.count - counted.reduce((sum, [, many]) => sum + many, 0);
    granted = Math.min(granted, Math.max(0, left));
    if (left <= 0) waitMs = Math.max(waitMs, Math.ceil(counted[0]![0] + COUNTS_MS + rate.perMs - at));
  }
  if (granted > 0) count(from, granted);
  const left = [...spans].filter(([, many]) => many > 0);
  return [{ went: left }, { granted, waitMs: granted > 0 || wanted === 0 ? 0 : Math.max(1, waitMs), at: from }];
}
