import { Logger } from '@nestjs/common';
import { AppError, errorCode, isPassing } from './app-error.js';
import { Clock } from './clock.js';
import { backoffMs } from './backoff.js';
import { ClaimedIntent, Outbox } from './outbox.js';

export type Delivery = {
  readonly topic: string;
  readonly deliver: (intent: ClaimedIntent) => Promise<void>;
  /** How many subjects at once. */
  readonly concurrency: number;
  /** After this many attempts the intent is parked, however passing its failures looked. */
  readonly maxAttempts?: number;
  /** Told when an intent is parked, so that its owner can record what that means. */
  readonly parked?: (intent: ClaimedIntent, code: string) => Promise<void>;
};

/** Longer than any delivery takes, so that two processes are never at the same one. */
const LEASE_MS = 45_000;

/** Takes intents from the outbox to whoever delivers them, and decides what a failure means: later, or never. */
export class Courier {
  private readonly logger = new Logger('outbox');

  constructor(
    private readonly outbox: Outbox,
    private readonly clock: Clock,
  ) {}

  /** Delivers what is due until nothing is. */
  async drain(delivery: Delivery): Promise<void> {
    for (;;) {
      const claimed = await this.outbox.claim(delivery.topic, delivery.concurrency, LEASE_MS);
      if (claimed.length === 0) return;
      await Promise.all(claimed.map((intent) => this.deliverOne(delivery, intent)));
    }
  }

  private async deliverOne(delivery: Delivery, intent: ClaimedIntent): Promise<void> {
    try {
      await delivery.deliver(intent);
      await this.outbox.done(intent);
    } catch (error) {
      const code = errorCode(error);
      const facts = { topic: intent.topic, subject: intent.subject, attempt: intent.attempt, code };
      if (isPassing(error) && intent.attempt < (delivery.maxAttempts ?? Infinity)) {
        const waitMs = (error as AppError).retryAfterMs ?? backoffMs(intent.attempt);
        await this.outbox.postpone(intent, new Date(this.clock.now().getTime() + waitMs), code);
        this.logger.warn('intent postponed', { ...facts, waitMs });
        return;
      }
      await this.outbox.park(intent, code);
      this.logger.error('intent parked', error instanceof AppError ? facts : { ...facts, error });
      await delivery.parked?.(intent, code);
    }
  }
}
