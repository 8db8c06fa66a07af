/**
 * How long to wait before attempt `attempt + 1`: exponential from 200 ms to 4 s, with full jitter, so that many who failed
 * together do not come back together and nothing waits long after the other side is back.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(4_000, 200 * 2 ** Math.min(attempt, 10));
  return Math.ceil(random() * ceiling);
}
