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

/** What Genesys grants a token of the client credentials grant unless the organisation says otherwise. */
export const CALLS_PER_MINUTE = 300;
/** A job that would wait longer than this comes back when it is its turn, and leaves its place to others which need no call. */
const JOB_PATIENCE_MS = 4_000;

/** Who waits in this process for calls to one organisation. The gate decides how many go; here it is decided who. */
export class CallQueue {
  /** What the organisation grants. */
  perMinute = CALLS_PER_MINUTE;
  private readonly lines: Readonly<Record<Urgency, Waiting[]>> = { person: [], job: [] };
  private readonly moving = new Set<Urgency>();
  private nextTicketAt = 0;

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
    if (turn === 'job' && line.length * this.spacingMs > JOB_PATIENCE_MS) return Promise.reject(tooFast(this.ticket()));
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
    const wait = (waiting: Waiting): number => (waiting.turn === 'person' ? entry.waitMs : this.ticket(entry.waitMs));
    if (entry.why === 'broken') {
      for (const waiting of line.splice(0)) waiting.giveUp(resting(wait(waiting)));
      return;
    }
    const until = performance.now() + entry.waitMs;
    const late = line.filter(({ deadline }) => deadline <= until);
    for (const waiting of late) {
      line.splice(line.indexOf(waiting), 1);
      waiting.giveUp(entry.why === 'told' ? askedToWait(wait(waiting)) : tooFast(wait(waiting)));
    }
    if (line.length > 0) await sleep(entry.waitMs);
  }

  /** When somebody who is turned away has a place, at the earliest: thousands who come back do so one after the other. */
  private ticket(leastMs = 0): number {
    const now = performance.now();
    this.nextTicketAt = Math.max(now + leastMs, this.nextTicketAt) + this.spacingMs;
    return Math.ceil(this.nextTicketAt - now);
  }

  private get spacingMs(): number {
    return 60_000 / this.perMinute;
  }
}
