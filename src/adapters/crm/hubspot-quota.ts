import { Logger } from '@nestjs/common';
import { quotaExhausted, refusal, retryAfterMs, throttled } from './crm-failures.js';
import type { CrmHttp, CrmReply } from './crm-http.js';
import type { AppError } from '../../kernel/app-error.js';

const DAY_MS = 24 * 3_600_000;
/** A portal answers 423 to many writes of one kind at once; HubSpot asks for two seconds between repeats. Milliseconds. */
const LOCKED_WAIT_MS = 2_000;

/** What HubSpot's refusals mean, and when a day is over for it: at midnight of the account's time zone. */
export class HubSpotQuota {
  private readonly logger = new Logger('crm');
  private timeZone: string | null = null;

  constructor(
    private readonly http: CrmHttp,
    private readonly url: string,
    private readonly headers: () => Record<string, string>,
  ) {}

  /** Learnt while calls are still let through: on a day that is used up this one is refused as well. Nothing else depends on it. */
  async learn(): Promise<void> {
    const url = `${this.url}/account-info/v3/details`;
    const answer = await this.http.send({ method: 'GET', url, headers: this.headers() }).catch(() => null);
    const { timeZone } = (answer?.body ?? {}) as { timeZone?: unknown };
    if (typeof timeZone === 'string' && isTimeZone(timeZone)) this.timeZone = timeZone;
    else
      this.logger.warn('the time zone of the account is not known; its day is taken to end at 0:00 UTC', {
        crm: 'hubspot',
      });
  }

  /** The error a reply other than 2xx stands for. */
  refusal(reply: CrmReply): AppError {
    if (reply.status === 423) return throttled(retryAfterMs(reply.headers['retry-after']) ?? LOCKED_WAIT_MS);
    if (reply.status !== 429) return refusal(reply);
    const { policyName } = (reply.body ?? {}) as { policyName?: unknown };
    // HubSpot promises no word on when; should one come, it knows better than we do.
    const toldMs = retryAfterMs(reply.headers['retry-after']);
    if (policyName === 'DAILY') return quotaExhausted(toldMs ?? msToMidnight(new Date(), this.timeZone ?? 'UTC'));
    return throttled(toldMs ?? wholeMs(reply.headers['x-hubspot-ratelimit-interval-milliseconds']));
  }
}

/** How long the day still lasts in a time zone, in milliseconds; on a day on which clocks change it is an hour off at most, and never over a day. */
export function msToMidnight(now: Date, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    hourCycle: 'h23',
  }).formatToParts(now);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value ?? 0);
  const passed = ((part('hour') * 60 + part('minute')) * 60 + part('second')) * 1_000 + now.getUTCMilliseconds();
  return DAY_MS - passed;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const wholeMs = (header: string | undefined): number | undefined =>
  header !== undefined && /^\d{1,7}$/.test(header) ? Number(header) : undefined;
