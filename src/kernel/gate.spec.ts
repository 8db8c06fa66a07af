import fc from 'fast-check';
import { HandClock } from '../../test/storage/test-storage.js';
import { entered, failedOnce, newGate } from './gate.js';
import type { GateState, Urgency } from './gate.js';
import { gateContract } from './gate.contract.js';
import { LoneGate } from './lone-gate.js';

const MINUTE = 60_000;

/** When calls go if these ask, each as often as they are told to. */
function simulate(perMinute: number, ms: number, asks: readonly { urgency: Urgency; everyMs: number }[]) {
  let state: GateState = newGate(0);
  const went: { at: number; urgency: Urgency }[] = [];
  const next = asks.map(() => 0);
  for (let now = 0; now < ms; now = Math.max(now + 1, Math.min(...next))) {
    for (const [index, { urgency, everyMs }] of asks.entries()) {
      if (next[index]! > now) continue;
      const [after, entry] = entered(state, { perMinute, urgency, wanted: 1 }, now);
      state = after;
      if (entry.granted > 0) went.push({ at: now, urgency });
      next[index] = now + (entry.granted > 0 ? everyMs : entry.waitMs);
    }
  }
  return went;
}

const most = (went: readonly { at: number }[]): number =>
  Math.max(
    ...went.map(({ at }, first) => went.filter((other, index) => index >= first && other.at < at + MINUTE).length),
  );

describe('Gate of a process alone', () => {
  const clock = new HandClock();
  const gate = new LoneGate(clock);
  gateContract(async () => ({ gate, others: gate, advance: (ms) => clock.advance(ms), close: async () => undefined }));
});

describe('The allowance', () => {
  it('is kept in every minute, wherever it begins, and used to 95 % by jobs nobody interrupts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 600 }), fc.integer({ min: 0, max: 40 }), (perMinute, everyMs) => {
        const went = simulate(perMinute, 3 * MINUTE, [
          { urgency: 'job', everyMs },
          { urgency: 'job', everyMs: 0 },
        ]);
        expect(most(went)).toBeLessThanOrEqual(perMinute);
        expect(went.length).toBeGreaterThanOrEqual(0.95 * 3 * perMinute);
      }),
      { numRuns: 20 },
    );
  });

  it('serves people at once, however much jobs want, and jobs get all they leave', () => {
    let state = newGate(0);
    const waits: number[] = [];
    let jobs = 0;
    for (let now = 0; now < 3 * MINUTE; now += 20) {
      const [afterJob, job] = entered(state, { perMinute: 300, urgency: 'job', wanted: 50 }, now);
      jobs += job.granted;
      state = afterJob;
      if (now % 1_000 !== 0) continue;
      const [afterPerson, person] = entered(state, { perMinute: 300, urgency: 'person', wanted: 1 }, now);
      state = afterPerson;
      waits.push(person.waitMs);
    }
    // The first one meets jobs that had borrowed everything.
    expect(Math.max(...waits)).toBeLessThanOrEqual(250);
    expect(waits.slice(10).every((ms) => ms === 0)).toBe(true);
    expect(jobs).toBeGreaterThanOrEqual(0.95 * (900 - 180));
  });

  it('lets a process whose clock is late take no more than is there', () => {
    const [state] = entered(newGate(10_000), { perMinute: 40, urgency: 'job', wanted: 1 }, 10_000);
    const [, late] = entered(state, { perMinute: 40, urgency: 'job', wanted: 1 }, 4_000);
    expect(late).toMatchObject({ granted: 0, why: 'spent' });
  });
});

describe('The breaker', () => {
  it('doubles its pause with each probe that fails, to four seconds and no longer', () => {
    let state = newGate(0);
    const pauses: number[] = [];
    let now = 0;
    for (let round = 0; round < 10; round++) {
      state = failedOnce(state, now);
      // What was under way at the same time.
      state = failedOnce(state, now);
      const pause = state.openUntil - now;
      if (pause > 0) pauses.push(pause);
      now = Math.max(now, state.openUntil);
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000, 4_000]);
  });
});
