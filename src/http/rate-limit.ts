import { AppError } from '../kernel/app-error.js';

/** How long a quota lasts. */
export const RATE_WINDOW_MS = 60_000;

/** As many callers are counted at once. Whoever is forgotten for others begins anew, so flooding this gives nobody more than a fresh address would. */
const MOST_COUNTED = 50_000;

/** Where somebody stands after one more request. */
export type Standing = {
  /** Requests left in this window; 0 also for the last one that was let through. */
  readonly left: number;
  /** Whole seconds until the window ends, at least 1. */
  readonly seconds: number;
  readonly isOver: boolean;
};

type Window = { readonly endsAt: number; used: number };

/** Counts requests by caller in windows of a minute that begin with the first request. In this process's memory: each instance counts for itself. */
export class RateLimit {
  /** In the order in which they end, because all last equally long. */
  private readonly windows = new Map<string, Window>();

  constructor(
    readonly quota: number,
    private readonly most = MOST_COUNTED,
  ) {}

  /** @param now milliseconds; a clock that is set back begins a new window */
  take(key: string, now: number): Standing {
    this.forget(now);
    let window = this.windows.get(key);
    if (window === undefined || window.endsAt > now + RATE_WINDOW_MS) {
      this.windows.delete(key);
      if (this.windows.size >= this.most) this.windows.delete(this.windows.keys().next().value!);
      window = { endsAt: now + RATE_WINDOW_MS, used: 0 };
      this.windows.set(key, window);
    }
    const isOver = window.used >= this.quota;
    if (!isOver) window.used++;
    return { left: this.quota - window.used, seconds: Math.max(1, Math.ceil((window.endsAt - now) / 1_000)), isOver };
  }

  /** How many are counted at the moment. */
  get size(): number {
    return this.windows.size;
  }

  private forget(now: number): void {
    for (const [key, { endsAt }] of this.windows) {
      if (endsAt > now) return;
      this.windows.delete(key);
    }
  }
}

/** The only policy there is, by name. */
const POLICY = 'default';

/** draft-ietf-httpapi-ratelimit-headers-10, §3 and §4. */
export const rateLimitHeaders = (quota: number, { left, seconds }: Standing): Record<string, string> => ({
  'ratelimit-policy': `"${POLICY}";q=${quota};w=${RATE_WINDOW_MS / 1_000}`,
  ratelimit: `"${POLICY}";r=${left};t=${seconds}`,
});

export const quotaExceeded = (quota: number, { seconds }: Standing): AppError =>
  new AppError(
    'throttled',
    'http.quota_exceeded',
    `The quota of ${quota} requests a minute is used up. Repeat the request in ${seconds} seconds.`,
    { retryAfterMs: seconds * 1_000, extra: { 'violated-policies': [POLICY] } },
  );

/**
 * Under what an address is counted. An IPv6 customer has a whole /64 to write from, so that is what counts (RFC 6177 §2); IPv4 written as IPv6
 * (RFC 4291 §2.5.5.2) is IPv4.
 */
export function addressKey(ip: string): string {
  const v4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (v4 !== undefined || !ip.includes(':')) return v4 ?? ip;
  const [head = '', tail] = ip.toLowerCase().replace(/%.*$/, '').split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  return [...groups, ...Array<string>(zeros).fill('0'), ...after]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
