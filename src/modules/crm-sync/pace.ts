/** Calls under way at once to begin with, and at most. */
const FIRST_WIDTH = 4;
const MOST_WIDTH = 16;
/** Limits are so many calls in any second; from fewer calls in it nothing can be told. */
const WINDOW_MS = 1_000;
const TELLING = 8;
/** A call counts from when it comes to the CRM. Nobody tells when that is: well within the first half of its time, and hardly later than this. */
const LONGEST_WAY_MS = 50;
/** Turns are taken no further ahead: those that a busy process is late for come all at once. */
const AHEAD_MS = 200;
/** Within a second calls come no faster than so many times the rate. */
const MOST_HASTE = 2;
/** Complaints may come this late and are still understood. */
const KEPT_MS = 3_000;
/**
 * Where a rate was known and the CRM complains, it is brought down to this share at most, and at least: after a wait little has been taken for a
 * while, and what is counted then says less than what was known.
 */
const LEAST_LOSS = 0.97;
const MOST_LOSS = 0.7;
/** Complaints that have nothing to do with the pace, of which there may be any number, do not bring it down further. Calls a second. */
const LEAST_RATE = 2;
/** From there the rate grows by this share a second, which doubles every so often: a pause for a complaint costs more than a little caution. */
const GROWTH = 0.0005;
const GROWTH_DOUBLES_MS = 15_000;
const MOST_GROWTH = 0.2;

/** A call that has its turn: when it begins or began and when it was answered, in milliseconds of the clock it was asked for with. */
export type Turn = { at: number; answeredAt?: number };

/**
 * How fast one CRM may be called by this process: so many calls at once, and once the CRM has complained so many in any second. Both grow while
 * all goes well and give way at once when it does not. Times are in milliseconds of any steady clock.
 *
 * The calls at once grow as TCP's window does (RFC 5681 §3.1). The calls a second are a sliding log, the strictest way a CRM may count, kept so
 * that it holds although calls are on their way for longer or shorter: what the CRM was seen to take it is given again, soon after a wait too. From
 * there the rate grows slowly at first and ever faster, as TCP CUBIC leaves its last ceiling (RFC 9438 §4.1), and only while it is what holds calls up
 * (RFC 7661 §4.3).
 */
export class Pace {
  private width = FIRST_WIDTH;
  private underWay = 0;
  private holds = 0;
  /** Calls a second; null until the CRM has complained for the first time. */
  private rate: number | null = null;
  private grewAt = 0;
  /** For how long calls have gone at it, or a little above, without a complaint. */
  private provenMs = 0;
  /** The complaint the rate was last learnt from: when its call began, when it was heard, and the rate until then. */
  private complaint = { at: -Infinity, heardAt: -Infinity, rate: this.rate };
  /** In a row. */
  private complaints = 0;
  /** Nothing was taken between two complaints: it is not the pace. One call at a time asks whether that is over. */
  private isRefusingAll = false;
  /** Calls of late, in order, but for those the CRM complained about. */
  private turns: Turn[] = [];

  /** How many more calls may take a turn now. */
  roomAt(now: number): number {
    if (this.holds > 0) return 0;
    const width = this.isRefusingAll ? 1 : this.width;
    const room = Math.max(0, Math.floor(width) - this.underWay);
    return Math.max(0, Math.min(room, this.calls - this.counting(now + AHEAD_MS).length));
  }

  /** For how long the rate leaves no room. */
  waitMs(now: number): number {
    return Math.max(0, this.freeAt(now) - AHEAD_MS - now);
  }

  /** Leaves no room until it resumes as often as it was held. */
  hold(): void {
    this.holds++;
  }

  resume(): void {
    this.holds--;
  }

  /** Takes the next turn, which may lie ahead. Whoever takes one ends it by saying what came of it. */
  begin(now: number): Turn {
    this.underWay++;
    const at = Math.max(now, this.spacedAt(), this.freeAt(now));
    if (at > now) this.grow(now);
    while (this.turns.length > 0 && now - this.turns[0]!.at > KEPT_MS) this.turns.shift();
    const turn = { at };
    this.turns.push(turn);
    return turn;
  }

  /** Calls do not come all at once either: some CRMs limit that as well. */
  private spacedAt(): number {
    const last = this.turns.at(-1)?.at ?? -Infinity;
    return this.rate === null ? last : last + WINDOW_MS / (this.rate * MOST_HASTE);
  }

  /** When the rate allows a call. */
  private freeAt(now: number): number {
    const counting = this.counting(now);
    return counting.length < this.calls ? now : counting.sort((one, other) => other - one)[this.calls - 1]!;
  }

  /** Calls in a window. */
  private get calls(): number {
    return Math.floor(this.rate ?? Infinity);
  }

  /** Until when each call counts that does so after `then`. */
  private counting(then: number): number[] {
    if (this.rate === null) return [];
    const windowMs = (WINDOW_MS * this.calls) / this.rate;
    return this.turns
      .map(({ at, answeredAt = Infinity }) => at + Math.min(LONGEST_WAY_MS, (answeredAt - at) / 2) + windowMs)
      .filter((until) => until > then);
  }

  private grow(now: number): void {
    // What was idle meanwhile has found out nothing.
    const active = Math.min(WINDOW_MS, Math.max(0, now - this.grewAt));
    this.grewAt = now;
    this.provenMs += active;
    const growth = Math.min(MOST_GROWTH, GROWTH * 2 ** (this.provenMs / GROWTH_DOUBLES_MS));
    this.rate = this.rate! * (1 + (growth * active) / 1_000);
  }

  /** The call is made now, later than it might have been. */
  begun(turn: Turn, now: number): void {
    turn.at = Math.max(turn.at, now);
  }

  answered(turn: Turn, now: number): void {
    this.underWay--;
    turn.answeredAt = now;
    this.isRefusingAll = false;
    this.complaints = 0;
    if (turn.at <= this.complaint.at) this.learn();
    // Twice as many each time until it is known what is too many, then one more.
    this.width = Math.min(MOST_WIDTH, this.width + (this.rate === null ? 1 : 1 / this.width));
  }

  failed(): void {
    this.underWay--;
    this.width = Math.max(1, this.width / 2);
  }

  /** The CRM asks us to slow down. Answers how often in a row it has. */
  throttled(turn: Turn, now: number): number {
    this.unused(turn);
    // Calls that were under way when it complained complain as well: they are one complaint.
    if (turn.at <= this.complaint.heardAt) {
      this.complaint.at = Math.max(this.complaint.at, turn.at);
      this.learn();
      return this.complaints;
    }
    this.complaint = { at: turn.at, heardAt: now, rate: this.rate };
    this.grewAt = now;
    this.provenMs = 0;
    this.isRefusingAll = this.takenBefore(turn.at) === 0;
    if (!this.isRefusingAll) this.width = Math.max(1, this.width / 2);
    this.learn();
    return ++this.complaints;
  }

  /** What the CRM took in the second before it complained is what it takes. Answers that come late are learnt from as well. */
  private learn(): void {
    const { at, rate } = this.complaint;
    const taken = this.takenBefore(at);
    if (taken === 0 || (rate === null && taken < TELLING)) return;
    const seen = rate === null ? taken : Math.min(rate * LEAST_LOSS, Math.max(taken, rate * MOST_LOSS));
    this.rate = Math.max(LEAST_RATE, seen);
  }

  private takenBefore(then: number): number {
    return this.turns.filter(({ at, answeredAt }) => answeredAt !== undefined && at <= then && then - at < WINDOW_MS)
      .length;
  }

  /** A call that was not made after all. */
  unused(turn: Turn): void {
    this.ended();
    this.turns.splice(this.turns.lastIndexOf(turn), 1);
  }

  /** A call that was neither: it says nothing about the pace. */
  ended(): void {
    this.underWay--;
  }
}
