import type { Clock } from '../kernel/clock.js';
import { addressKey, RateLimit } from './rate-limit.js';
import type { Standing } from './rate-limit.js';

/** What each caller may ask for in a minute. Strangers are counted apart, so that no flood of them makes us forget a caller we know. */
export class Quotas {
  private readonly callers: RateLimit | null;
  private readonly strangers: RateLimit | null;

  /** @param quota requests a minute; null for as many as anybody likes */
  constructor(
    readonly quota: number | null,
    private readonly clock: Clock,
  ) {
    this.callers = quota === null ? null : new RateLimit(quota);
    this.strangers = quota === null ? null : new RateLimit(quota);
  }

  /** One more request of a caller we know. Null when nobody is counted. */
  ofCaller(actor: string): Standing | null {
    return this.callers?.take(actor, this.clock.now().getTime()) ?? null;
  }

  /** One more request from an address that showed no token we know. Null when nobody is counted. */
  ofStranger(ip: string): Standing | null {
    return this.strangers?.take(addressKey(ip), this.clock.now().getTime()) ?? null;
  }
}
