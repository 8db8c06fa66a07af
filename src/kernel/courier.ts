import { Logger } from '@nestjs/common';
import { AppError, errorCode, isPassing } from './app-error.js';
import { Clock } from './clock.js';
import { backoffMs } from './backoff.js';
import { ClaimedIntent, Claimer, Outbox } from './outbox.js';
import { UnderWay } from './under-way.js';

/** How the intents of a topic are delivered. */
export type Delivery = {
  /** Answers with a time when it is not done yet, and nothing went wrong: then it is asked again. */
  readonly deliver: (intent: ClaimedIntent) => Promise<Date | void>;
  /** Anybody, if not said. */
  readonly by?: Claimer;
  /** How many subjects at once. */
  readonly concurrency: number;
  /** Told before an intent is parked, so that its owner can record what that means. Perhaps twice. */
  readonly parked?: (intent: ClaimedIntent, code: string) => Promise<void>;
};

/** Longer than deliveries take, so that two processes are hardly ever at the same one; and if they are it does no harm. */
const LEASE_MS = 45_000;
/** What nobody has foreseen may pass as well, a lost race for instance. What comes as often as this does not. */
const BUG_ATTEMPTS = 5;
/** While something is under way new intents are looked for this often. */
const LOOK_AGAIN_MS = 250;

/** Takes intents from the outbox to whoever delivers them, and decides what a failure means: later, or never. */
export class Courier {
  private readonly logger = new Logger('outbox');

  constructor(
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /** Delivers what is due of a topic until nothing is, or until the process leaves. One that takes long holds up nobody but its own subject. */
  async drain(topic: string, { by, concurrency, ...delivery }: Delivery, leaving?: AbortSignal): Promise<void> {
    const underWay = new UnderWay();
    try {
      for (;;) {
        const room = leaving?.aborted === true ? 0 : concurrency - underWay.size;
        const claimed = room === 0 ? [] : await this.outbox.claim(topic, room, LEASE_MS, by);
        for (const intent of claimed) underWay.add(this.deliverOne(delivery, intent));
        // Only what is looked for and not found ends it: all that were under way may have ended in one turn, with more behind them.
        if (underWay.size === 0) return;
        await underWay.anyWithin(LOOK_AGAIN_MS);
      }
    } finally {
      await underWay.all();
    }
  }

  private async deliverOne(
    { deliver, parked }: Pick<Delivery, 'deliver' | 'parked'>,
    intent: ClaimedIntent,
  ): Promise<void> {
    const { topic, subject, attempt } = intent;
    try {
      const again = await deliver(intent);
      if (again instanceof Date) await this.outbox.later(intent, again);
      else await this.outbox.done(intent);
    } catch (error) {
      const facts = { topic, subject, attempt, code: errorCode(error) };
      await this.settle(intent, error, parked).catch((failure: unknown) => {
        // Its lease runs out, and it is delivered again.
        this.logger.error('intent not settled', { ...facts, error: failure });
      });
    }
  }

  private async settle(intent: ClaimedIntent, error: unknown, parked: Delivery['parked']): Promise<void> {
    const { topic, subject, attempt } = intent;
    const code = errorCode(error);
    const facts = { topic, subject, attempt, code };
    const isBug = !(error instanceof AppError);
    if (isBug) this.logger.error('intent met a bug', { ...facts, error });
    if (isBug ? attempt < BUG_ATTEMPTS : isPassing(error)) {
      const waitMs = (isBug ? undefined : error.retryAfterMs) ?? backoffMs(attempt);
      await this.outbox.postpone(intent, new Date(this.clock.now().getTime() + waitMs), code);
      this.logger.warn('intent postponed', { ...facts, waitMs });
      return;
    }
    await parked?.(intent, code);
    await this.outbox.park(intent, code);
    this.logger.error('intent parked', facts);
  }
}
