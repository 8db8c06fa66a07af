import { answered, chunkSizeOf, closedBreaker, failed, limited, locked, stateOf, waiting } from './breaker.js';
import type { Breaker } from './breaker.js';

const now = new Date('2026-11-22T09:00:00.000Z');
const in_ = (ms: number): Date => new Date(now.getTime() + ms);
const afterFailures = (count: number): Breaker =>
  Array.from({ length: count }).reduce<Breaker>((breaker) => failed(breaker, 'crm.silent', now), closedBreaker);

describe('the breaker of a CRM', () => {
  it('opens after five failures in a row, not before, and lets one call see when its time has come', () => {
    expect(stateOf(afterFailures(4), now)).toBe('closed');
    const open = afterFailures(5);
    expect(stateOf(open, now)).toBe('open');
    expect(open).toMatchObject({ failures: 5, code: 'crm.silent', openedAt: now, failedAt: now });
    expect(stateOf(open, in_(4_001))).toBe('half-open');
  });

  it('stays open, since it opened, while the one call fails, and closes when it is answered', () => {
    const later = in_(4_001);
    const still = failed(afterFailures(5), 'crm.unavailable', later);
    expect(still).toMatchObject({ failures: 6, openedAt: now, code: 'crm.unavailable' });
    expect(still.until!.getTime()).toBeGreaterThan(later.getTime());
    const closed = answered(still);
    expect(stateOf(closed, later)).toBe('closed');
    // What was last wrong can still be read.
    expect(closed).toMatchObject({ failures: 0, code: 'crm.unavailable', failedAt: later });
  });

  it('begins to count anew with every answer, and there is nothing to write down when all was well', () => {
    expect(failed(answered(afterFailures(4)), 'crm.silent', now)).toMatchObject({ failures: 1, openedAt: null });
    expect(answered(closedBreaker)).toBe(closedBreaker);
    const told = waiting(closedBreaker, 'crm.throttled', 500, now);
    expect(answered(told)).toBe(told);
  });

  it('opens at once when the CRM does not know us, and asks it ever more seldom, at last once a minute', () => {
    let breaker = closedBreaker;
    const waits = Array.from({ length: 10 }, () => {
      breaker = locked(breaker, 'crm.credentials_refused', now);
      return breaker.until!.getTime() - now.getTime();
    });
    expect(waits).toEqual([1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 6e4, 6e4, 6e4, 6e4]);
    expect(stateOf(breaker, in_(59_999))).toBe('open');
    expect(stateOf(breaker, in_(60_000))).toBe('half-open');
  });

  it('waits as long as it was told, the longer of two times, and is then simply closed', () => {
    const told = waiting(waiting(closedBreaker, 'crm.throttled', 500, now), 'crm.throttled', 300, now);
    expect(stateOf(told, in_(499))).toBe('waiting');
    expect(stateOf(told, in_(500))).toBe('closed');
  });

  it('waits as long as it was told, whatever other calls under way come to', () => {
    const told = waiting(failed(closedBreaker, 'crm.silent', now), 'crm.quota_exhausted', 3_600_000, now);
    expect(answered(told)).toMatchObject({ failures: 0, until: in_(3_600_000) });
    const opened = Array.from({ length: 4 }).reduce<Breaker>((each) => failed(each, 'crm.silent', now), told);
    expect(stateOf(opened, in_(3_599_999))).toBe('open');
  });

  it('remembers that chunks were too large, and tries twice the size every five seconds', () => {
    const breaker = limited(closedBreaker, 50, now);
    expect(chunkSizeOf(closedBreaker, 50, now)).toBe(50);
    expect(chunkSizeOf(breaker, 50, in_(4_999))).toBe(25);
    expect(chunkSizeOf(breaker, 10, now)).toBe(10);
    expect(chunkSizeOf(limited(breaker, 12, now), 50, in_(5_000))).toBe(12);
    expect(chunkSizeOf(breaker, 50, in_(30 * 86_400_000))).toBe(50);
    expect(limited(breaker, 1, now).chunkLimit).toBe(1);
    // An older, larger chunk does not make it more.
    expect(limited(limited(breaker, 10, now), 50, now).chunkLimit).toBe(5);
  });
});
