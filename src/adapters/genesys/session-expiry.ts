/** Between two questions that brought no new date: a health check, of which a connection may make two a minute. */
const AGAIN_MS = 60_000;
/** How much later than announced to ask: the date is in whole seconds, and clocks differ. */
const AFTER_MS = 2_000;
/** The longest a timer can wait is 24 days; a session may live for 18 months. */
const LONGEST_MS = 24 * 3_600_000;

/**
 * When a session expires, by what Genesys last said. Every message moves that on without our being told, so when the time has come Genesys is
 * asked, and its word alone ends the session: our clock may be wrong.
 */
export class SessionExpiry {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  /** `ask` answers the new date, or null when Genesys names none or cannot be reached. */
  constructor(private readonly ask: () => Promise<Date | null>) {}

  expectedAt(at: Date | null): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (at !== null && !this.isStopped) this.wait(at.getTime() + AFTER_MS);
  }

  /** For good: a configuration that was under way may still bring a date. */
  stop(): void {
    this.isStopped = true;
    this.expectedAt(null);
  }

  private wait(until: number): void {
    const leftMs = until - Date.now();
    const next = leftMs > LONGEST_MS ? () => this.wait(until) : () => void this.look();
    this.timer = setTimeout(next, Math.min(Math.max(0, leftMs), LONGEST_MS)).unref();
  }

  private async look(): Promise<void> {
    const asked = this.timer;
    const at = await this.ask();
    // Stopped, or told by somebody else meanwhile.
    if (asked !== this.timer) return;
    const isNew = at !== null && at.getTime() > Date.now();
    this.wait(isNew ? at.getTime() + AFTER_MS : Date.now() + AGAIN_MS);
  }
}
