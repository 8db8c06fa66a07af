import { Logger } from '@nestjs/common';
import type { Clock } from '../../kernel/clock.js';
import { errorCode } from '../../kernel/app-error.js';
import { CALLS_PER_MINUTE } from './call-queue.js';
import type { CallQueue } from './call-queue.js';
import type { PlatformClient } from './platform-client.js';

/** The limit a token of ours meets first. Genesys raises it for organisations that ask for it. */
const KEYS = ['client.credentials.token.rate.per.minute', 'token.rate.per.minute'];
const FRESH_MS = 3_600_000;

/** The organisation's own limits, instead of those that are published for everybody. */
export class PlatformLimits {
  private readonly logger = new Logger('genesys');
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly platform: PlatformClient,
    private readonly queue: CallQueue,
    private readonly clock: Clock,
  ) {}

  /** Reads them when there is something to limit, and again every hour. An OAuth client that may not read them keeps the published ones. */
  async keepFresh(): Promise<void> {
    const now = this.clock.now().getTime();
    if (!this.platform.isConnected || now - this.readAt < FRESH_MS) return;
    this.readAt = now;
    try {
      const perMinute = (await callsPerMinute(this.platform)) ?? CALLS_PER_MINUTE;
      if (perMinute !== this.queue.perMinute) this.logger.log('genesys grants calls', { perMinute });
      this.queue.perMinute = perMinute;
    } catch (error) {
      this.logger.log('genesys limits not readable', { code: errorCode(error), perMinute: this.queue.perMinute });
    }
  }
}

/**
 * How many calls a minute the organisation grants a token; null when it does not say.
 * @throws AppError
 */
export async function callsPerMinute(platform: PlatformClient): Promise<number | null> {
  const listing = await platform.call('getOrganizationsLimitsNamespace', ({ organization }) =>
    organization.getOrganizationsLimitsNamespace('platform.api'),
  );
  const values = new Map((listing.entities ?? []).map(({ key, value }) => [key, value]));
  const value = KEYS.map((key) => values.get(key)).find((each) => each !== undefined);
  return typeof value === 'number' && value > 0 ? value : null;
}
