import { setTimeout as sleep } from 'node:timers/promises';
import type { Gate, Urgency } from '../../kernel/gate.js';
import { askedToWait, resting, tooFast } from './genesys-errors.js';

/** Why a call is made now. `follow-up`: it goes on with what an earlier call began, which would be wasted if it did not. */
export type Turn = 'person' | 'follow-up' | 'job';

type Waiting = {
  readonly turn: Turn;
  /** On `performance.now()`. */
  readonly deadline: number;
  readonly go: (isTroubled: boolean) => void;
  readonly giveUp: (error: unknown) => void;
};

/** Who says when a call may go, and hears how it went. */
export type Turns = Pick<CallQueue, 'turn' | 'seen' | 'told'>;

/** What Genesys grants a token of the client credentials grant unless the organisation says otherwise. */
export const CALLS_PER_MINUTE = 300;
/** A job that would wait longer than this comes back when it is its turn, and leaves its place to others which need no call. */
const JOB_PATIENCE_MS = 4_000;

/** How far apart those come back who found the other side broken: soon enough to notice that it is not any more. */
const LOOK_APART_MS = 20;

/** When those who are turned away may come back: one after the other, so that thousands do not come at once. */
class Tickets {
  private at = 0;

  /** Nobody is sent further away than `horizonMs`: who asks more than once must not lengthen the wait of others. */
  constructor(private readonly horizonMs: number) {}

  next(leastMs: number, apartMs: number): number {
    const from = performance.now() + leastMs;
    this.at = this.at > from + this.horizonMs ? from : Math.max(from, this.at);
    this.at += apartMs;
    return Math.ceil(this.at - from + leastMs);
  }
}

/** For calls whose pace and whose pauses are somebody else's business already. */
export const AT_ONCE: Turns = {
  turn: () => Promise.resolve(false),
  seen: () => Promise.resolve(),
  told: () => Promise.resolve(),
};

/** Who waits in this process for calls to one organisation. The gate decides how many go; here it is decided who. */
export class CallQueue {
  /** What the organisation grants. */
  perMinute = CALLS_PER_MINUTE;
  private readonly lines: Readonly<Record<Urgency, Waiting[]>> = { person: [], job: [] };
  private readonly moving = new Set<Urgency>();
  private readonly turnedAway = new Tickets(60_000);
  private readonly left = new Tickets(10_000);

  constructor(
    private readonly gate: Gate,
    private readonly name: string,
  ) {}

  /**
   * Resolves when one call may be made, with whether its outcome is news.
   * @throws AppError `genesys.paced`, `genesys.throttled`, `genesys.resting`, each with when to come back
   */
  turn(turn: Turn, deadline: number): Promise<boolean> {
    const urgency = turn === 'person' ? 'person' : 'job';
    const line = this.lines[urgency];
    if (turn === 'job' && line.length * this.spacingMs > JOB_PATIENCE_MS)
      return Promise.reject(tooFast(this.turnedAway.next(0, this.spacingMs)));
    return new Promise((go, giveUp) => {
      const firstJob = turn === 'follow-up' ? line.findIndex((each) => each.turn === 'job') : -1;
      line.splice(firstJob < 0 ? line.length : firstJob, 0, { turn, deadline, go, giveUp });
      if (!this.moving.has(urgency)) void this.move(urgency);
    });
  }

  /** A call's outcome, as far as it says how the other side is. */
  async seen(how: 'failed' | 'answered'): Promise<void> {
    await this.gate[how](this.name);
  }

  async told(waitMs: number): Promise<void> {
    await this.gate.told(this.name, waitMs);
  }

  private async move(urgency: Urgency): Promise<void> {
    const line = this.lines[urgency];
    this.moving.add(urgency);
    try {
      while (line.length > 0) await this.step(urgency, line);
    } catch (error) {
      for (const { giveUp } of line.splice(0)) giveUp(error);
    } finally {
      this.moving.delete(urgency);
    }
  }

  private async step(urgency: Urgency, line: Waiting[]): Promise<void> {
    const { perMinute } = this;
    const entry = await this.gate.enter(this.name, { perMinute, urgency, wanted: line.length });
    for (const { go } of line.splice(0, entry.granted)) go(entry.troubled);
    if (entry.granted > 0) return;
    const wait = (tickets: Tickets, { turn }: Waiting, apartMs: number): number =>
      turn === 'person' ? entry.waitMs : tickets.next(entry.waitMs, apartMs);
    if (entry.why === 'broken') {
      for (const each of line.splice(0)) each.giveUp(resting(wait(this.left, each, LOOK_APART_MS)));
      return;
    }
    const until = performance.now() + entry.waitMs;
    const late = line.filter(({ deadline }) => deadline <= until);
    for (const waiting of late) {
      line.splice(line.indexOf(waiting), 1);
      const waitMs = wait(this.turnedAway, waiting, this.spacingMs);
      waiting.giveUp(entry.why === 'told' ? askedToWait(waitMs) : tooFast(waitMs));
    }
    if (line.length > 0) await sleep(entry.waitMs);
  }

  private get spacingMs(): number {
    return 60_000 / this.perMinute;
  }
}
