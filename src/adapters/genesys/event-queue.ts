import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { ExponentialBackoff, fullJitterGenerator } from 'cockatiel';
import { errorCode } from '../../kernel/app-error.js';
import type { ChannelEvent } from '../../modules/guest/index.js';

export type QueueOptions = {
  readonly deliver: (event: ChannelEvent) => Promise<void>;
  /** How long an event waits for one that was said before it and arrives after it, as a bot's burst does. */
  readonly settleMs: number;
  /** Told when too much waits, and when there is room again. */
  readonly full: (isFull: boolean) => void;
};

type Waiting = { readonly event: ChannelEvent; readonly at: number; readonly since: number };

const FULL = 200;
const ROOM_AGAIN = 50;
const BACKOFF = new ExponentialBackoff({ initialDelay: 200, maxDelay: 5_000, generator: fullJitterGenerator });

/**
 * What Genesys said to one guest, handed on one at a time and in the order in which it was said, as far as that can be known. An
 * event that could not be recorded is offered again until it is: it would be a lost message otherwise.
 */
export class EventQueue {
  private readonly logger = new Logger('genesys');
  private readonly waiting: Waiting[] = [];
  private readonly stopped = new AbortController();
  private holds = 0;
  private isFull = false;
  private running: Promise<void> = Promise.resolve();
  private isRunning = false;

  constructor(private readonly options: QueueOptions) {}

  /** `at` is the time by Genesys's clock; -Infinity goes before everything that waits, Infinity after it. */
  push(event: ChannelEvent, at: number): void {
    if (this.stopped.signal.aborted) return;
    const before = this.waiting.findLastIndex((each) => each.at <= at);
    this.waiting.splice(before + 1, 0, { event, at, since: performance.now() });
    this.pressure();
    this.run();
  }

  /** While history is being read, what arrives meanwhile waits: it comes after. */
  hold(): void {
    this.holds += 1;
  }

  release(): void {
    this.holds -= 1;
    this.run();
  }

  /** Resolves when everything was handed on, or given up by `stop`. */
  async drained(): Promise<void> {
    while (this.isRunning || this.waiting.length > 0) await (this.isRunning ? this.running : sleep(20));
  }

  /** Drops what waits: whoever opens the session next finds it in the history. An event being handed on is finished. */
  stop(): void {
    this.stopped.abort();
    this.waiting.length = 0;
  }

  private run(): void {
    if (this.isRunning || this.holds > 0 || this.waiting.length === 0) return;
    this.isRunning = true;
    this.running = Promise.resolve()
      .then(() => this.drain())
      .finally(() => {
        this.isRunning = false;
        this.run();
      });
  }

  private async drain(): Promise<void> {
    while (this.holds === 0 && this.waiting.length > 0) {
      const settled = this.waiting[0]!.since + this.options.settleMs - performance.now();
      if (settled > 0) {
        await sleep(settled);
        continue;
      }
      const { event } = this.waiting.shift()!;
      await this.deliver(event);
      this.pressure();
    }
  }

  private async deliver(event: ChannelEvent): Promise<void> {
    let backoff = BACKOFF.next();
    for (let attempt = 1; !this.stopped.signal.aborted; attempt++) {
      try {
        return await this.options.deliver(event);
      } catch (error) {
        const facts = { guestId: event.guestId, event: event.type, attempt, code: errorCode(error) };
        this.logger.error('guest event not recorded', facts);
        await sleep(backoff.duration, undefined, { signal: this.stopped.signal }).catch(() => undefined);
        backoff = backoff.next(undefined);
      }
    }
  }

  private pressure(): void {
    const isFull = this.waiting.length >= (this.isFull ? ROOM_AGAIN : FULL);
    if (isFull === this.isFull) return;
    this.isFull = isFull;
    this.options.full(isFull);
  }
}
