/** At most `limit()` calls in each span, counted from the first call of the span. A limit of null is no limit. */
export class RateWindow {
  private startedAt = Number.NEGATIVE_INFINITY;
  private used = 0;

  constructor(
    private readonly limit: () => number | null,
    private readonly spanMs: number,
  ) {}

  /** Counts a call and answers 0, or leaves it uncounted and answers how many milliseconds to wait. */
  take(now = Date.now()): number {
    const limit = this.limit();
    if (limit === null) return 0;
    if (now - this.startedAt >= this.spanMs) {
      this.startedAt = now;
      this.used = 0;
    }
    if (this.used >= limit) return this.startedAt + this.spanMs - now;
    this.used += 1;
    return 0;
  }

  /** How many calls the present span has seen. */
  get count(): number {
    return this.used;
  }
}
