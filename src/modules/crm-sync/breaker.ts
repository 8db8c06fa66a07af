import { backoffMs } from '../../kernel/backoff.js';

/**
 * Whether a CRM may be called, as all processes know it. `until` alone is a wait the CRM asked for; with `openedAt` the breaker is open, and
 * when `until` has come one process asks whether the CRM is back.
 */
export type Breaker = {
  readonly until: Date | null;
  /** Calls in a row that failed. */
  readonly failures: number;
  readonly openedAt: Date | null;
  /** What the CRM last failed with, and when; stays when it is back. */
  readonly code: string | null;
  readonly failedAt: Date | null;
  /** Records a chunk may hold at most, learnt from a CRM that found one too large. */
  readonly chunkLimit: number | null;
  readonly limitedAt: Date | null;
};

/** `half-open`: one call may find out whether the CRM is back. */
export const BREAKER_STATES = ['closed', 'waiting', 'open', 'half-open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

export const closedBreaker: Breaker = {
  until: null,
  failures: 0,
  openedAt: null,
  code: null,
  failedAt: null,
  chunkLimit: null,
  limitedAt: null,
};

/** Failures in a row that open it. */
const OPENS_AFTER = 5;
/** A credential that was just exchanged may work in a moment; otherwise somebody has to see to it, and refused log-ins lock accounts. */
const LOCKED_MS = { first: 500, most: 60_000 };
/** One odd record may have made a chunk too large: the size that is tried doubles every so often, at the price of one call in vain where it was the size. */
const LIMIT_DOUBLES_MS = 5_000;

/** Whether the CRM may be called now. */
export function stateOf({ until, openedAt }: Breaker, now: Date): BreakerState {
  if (openedAt !== null) return until !== null && until > now ? 'open' : 'half-open';
  return until !== null && until > now ? 'waiting' : 'closed';
}

/** A call failed, or got no answer. */
export function failed(breaker: Breaker, code: string, now: Date): Breaker {
  const failures = breaker.failures + 1;
  const isOpen = breaker.openedAt !== null || failures >= OPENS_AFTER;
  return {
    ...breaker,
    failures,
    code,
    failedAt: now,
    ...(isOpen ? { openedAt: breaker.openedAt ?? now, until: atLeast(breaker, after(now, backoffMs(failures))) } : {}),
  };
}

/** The CRM does not know us any more: no call can succeed. The wait doubles with every call that shows it again. */
export function locked(breaker: Breaker, code: string, now: Date): Breaker {
  const failures = breaker.failures + 1;
  const ms = Math.min(LOCKED_MS.most, LOCKED_MS.first * 2 ** Math.min(failures, 10));
  return { ...breaker, failures, code, failedAt: now, openedAt: breaker.openedAt ?? now, until: after(now, ms) };
}

/** The CRM asks for time. Of two waits the longer holds. */
export function waiting(breaker: Breaker, code: string, ms: number, now: Date): Breaker {
  return { ...breaker, until: atLeast(breaker, after(now, ms)), code, failedAt: now };
}

/** What the CRM asked for is kept to; when an open breaker lets the next call through is ours to say. */
const atLeast = (breaker: Breaker, until: Date): Date =>
  breaker.until !== null && breaker.openedAt === null && breaker.until > until ? breaker.until : until;

/** A call was answered. What it failed with before is still known. */
export const answered = (breaker: Breaker): Breaker =>
  breaker.failures === 0 && breaker.openedAt === null
    ? breaker
    : { ...breaker, failures: 0, openedAt: null, until: breaker.openedAt === null ? breaker.until : null };

/** A chunk of so many records was too large. */
export const limited = (breaker: Breaker, records: number, now: Date): Breaker => ({
  ...breaker,
  chunkLimit: Math.max(1, Math.min(Math.floor(records / 2), chunkSizeOf(breaker, records, now))),
  limitedAt: now,
});

/** How many records the next chunk may hold. */
export function chunkSizeOf({ chunkLimit, limitedAt }: Breaker, chunkSize: number, now: Date): number {
  if (chunkLimit === null || limitedAt === null) return chunkSize;
  const doublings = Math.max(0, Math.floor((now.getTime() - limitedAt.getTime()) / LIMIT_DOUBLES_MS));
  return Math.min(chunkLimit * 2 ** doublings, chunkSize);
}

const after = (now: Date, ms: number): Date => new Date(now.getTime() + ms);
