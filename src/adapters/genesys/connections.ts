import { setTimeout as sleep } from 'node:timers/promises';
import type { Gate } from '../../kernel/gate.js';
import { SPAN_MS } from '../../kernel/rates.js';
import type { Rate } from '../../kernel/rates.js';
import { tooFast } from './genesys-errors.js';
import { Pace } from './pace.js';

type Waiting = {
  /** On `performance.now()`. */
  readonly until: number;
  /** With the span of time it is counted in. */
  readonly go: (at: number) => void;
  readonly giveUp: (error: unknown) => void;
};

/** How far apart those come back who were turned away together. */
const APART_MS = 5_000;

/** New guest sockets: in the order of asking, counted with those of all processes, because a deployment's limit is one for all of them. */
export class Connections {
  private readonly pace: Pace;
  private readonly waiting: Waiting[] = [];
  /** Handshakes that were answered late: Genesys counted them then, not when they went. */
  private readonly arrived: number[] = [];
  private isMoving = false;

  constructor(
    private readonly gate: Gate,
    private readonly name: string,
    private readonly rates: readonly Rate[],
  ) {
    this.pace = new Pace(rates);
  }

  /**
   * Resolves when a socket may be opened, with what is to be called when its handshake is answered.
   * @throws AppError `throttled` when that takes longer than `patienceMs`
   */
  async turn(patienceMs: number): Promise<() => void> {
    const until = performance.now() + patienceMs;
    const counted = await this.pace.turn(patienceMs);
    const at = await new Promise<number>((go, giveUp) => {
      this.waiting.push({ until, go, giveUp });
      if (!this.isMoving) void this.move();
    });
    const wentAt = performance.now();
    return () => {
      counted();
      if (performance.now() - wentAt > SPAN_MS) this.late(at);
    };
  }

  private late(at: number): void {
    this.arrived.push(at);
    if (!this.isMoving) void this.move();
  }

  private async move(): Promise<void> {
    this.isMoving = true;
    try {
      while (this.waiting.length + this.arrived.length > 0) await this.step();
    } catch (error) {
      this.arrived.length = 0;
      for (const { giveUp } of this.waiting.splice(0)) giveUp(error);
    } finally {
      this.isMoving = false;
    }
  }

  private async step(): Promise<void> {
    const arrived = this.arrived.splice(0);
    const { granted, waitMs, at } = await this.gate.pass(this.name, this.rates, this.waiting.length, arrived);
    for (const { go } of this.waiting.splice(0, granted)) go(at);
    if (granted > 0 || waitMs === 0) return;
    const next = performance.now() + waitMs;
    for (const late of this.waiting.filter(({ until }) => until < next)) {
      this.waiting.splice(this.waiting.indexOf(late), 1);
      late.giveUp(tooFast(Math.ceil(waitMs + Math.random() * APART_MS)));
    }
    if (this.waiting.length > 0) await sleep(Math.min(waitMs, SPAN_MS));
  }
}
