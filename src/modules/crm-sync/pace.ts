/** Calls under way at once to begin with, and at most. */
const FIRST_WIDTH = 4;
const MOST_WIDTH = 16;
/** Over this time it is counted what the CRM takes; from fewer calls in it nothing can be told. */
const COUNTED_MS = 1_000;
const TELLING = 8;
/** Once the CRM has complained we stay a little below what it was seen to take. */
const BACK_OFF = 0.95;
/** After a wait little is under way for a while: what is counted then says less than what was known. */
const MOST_LOSS = 0.7;
/** Complaints that have nothing to do with the pace, of which there may be any number, do not bring it down further. Calls a second. */
const LEAST_RATE = 2;
/** From there the rate grows by this share a second, which doubles every so often: a pause for a complaint costs more than a little caution. */
const GROWTH = 0.001;
const GROWTH_DOUBLES_MS = 10_000;
const MOST_GROWTH = 0.2;
/** So much of a turn that was not taken in time may be made up for: work comes in fits and starts. */
const CATCH_UP_MS = 40;
/** Calls under way when the CRM complains complain as well: they are one complaint. */
const ONE_COMPLAINT_MS = 1_000;

/**
 * How fast one CRM may be called by this process: so many calls at once, and once the CRM has complained so many a second. Both grow while all
 * goes well, step by step, and give way at once when it does not. Times are in milliseconds of any steady clock.
 */
export class Pace {
  private width = FIRST_WIDTH;
  private underWay = 0;
  /** Calls a second; null until the CRM has complained for the first time. */
  private rate: number | null = null;
  private rateAt = 0;
  /** For how long calls have gone at it, or a little above, without a complaint. */
  private provenMs = 0;
  private nextAt = 0;
  private complainedAt = -Infinity;
  private complaints = 0;
  /** When the calls of the last second began, or will. */
  private starts: number[] = [];

  /** How many more calls may be begun, disregarding when. */
  get room(): number {
    // Nobody waits much longer than a second for a turn, or leases would run out before it comes.
    const width = Math.min(this.width, 1 + (this.rate ?? Infinity));
    return Math.max(0, Math.floor(width) - this.underWay);
  }

  /** Takes the next turn and says how long to wait for it. Whoever takes one ends it by saying what came of it. */
  begin(now: number): number {
    this.underWay++;
    const at = this.turn(now);
    this.starts = [...this.starts.filter((start) => now - start < COUNTED_MS), at];
    return at - now;
  }

  private turn(now: number): number {
    if (this.rate === null) return now;
    // What was idle meanwhile has found out nothing.
    const active = Math.min(COUNTED_MS, Math.max(0, now - this.rateAt));
    this.provenMs += active;
    const growth = Math.min(MOST_GROWTH, GROWTH * 2 ** (this.provenMs / GROWTH_DOUBLES_MS));
    this.rate *= 1 + (growth * active) / 1_000;
    this.rateAt = now;
    const at = Math.max(now, this.nextAt);
    this.nextAt = Math.max(this.nextAt, now - CATCH_UP_MS) + 1_000 / this.rate;
    return at;
  }

  answered(): void {
    this.underWay--;
    this.complaints = 0;
    this.width = Math.min(MOST_WIDTH, this.width + 1 / this.width);
  }

  failed(): void {
    this.underWay--;
    this.width = Math.max(1, this.width / 2);
  }

  /** The CRM asks us to slow down. Answers how often in a row it has. */
  throttled(now: number): number {
    this.underWay--;
    if (now - this.complainedAt < ONE_COMPLAINT_MS) return this.complaints;
    this.complainedAt = now;
    this.width = Math.max(1, this.width / 2);
    this.slowDown(now);
    this.rateAt = now;
    this.provenMs = 0;
    return ++this.complaints;
  }

  private slowDown(now: number): void {
    const began = this.starts.filter((start) => start <= now && now - start < COUNTED_MS).length;
    // All of them were taken but this one.
    const taken = ((began - 1) * 1_000) / COUNTED_MS;
    if (this.rate !== null) {
      const seen = began < TELLING ? this.rate : Math.min(this.rate, Math.max(taken, this.rate * MOST_LOSS));
      this.rate = Math.max(LEAST_RATE, seen * BACK_OFF);
    } else if (began >= TELLING) this.rate = taken * BACK_OFF;
  }

  /** A call that was neither: it says nothing about the pace. */
  ended(): void {
    this.underWay--;
  }
}
