import { Pace } from './pace.js';

/** A CRM that takes so many calls in any second, each in 50 ms; it tells those in excess to come back in a second. */
function taken(limit: number, seconds: number): { taken: number; complaints: number } {
  const pace = new Pace();
  const starts: number[] = [];
  const answers: number[] = [];
  const counts = { taken: 0, complaints: 0 };
  let heldUntil = 0;
  for (let now = 0; now < seconds * 1_000; now++) {
    while ((answers[0] ?? Infinity) <= now) {
      answers.shift();
      pace.answered();
      counts.taken++;
    }
    while (starts.length > 0 && starts[0]! <= now - 1_000) starts.shift();
    while (now >= heldUntil && pace.room > 0) {
      const at = now + pace.begin(now);
      if (starts.filter((start) => start > at - 1_000).length < limit) {
        starts.push(at);
        answers.push(at + 50);
      } else {
        pace.throttled(at);
        counts.complaints++;
        heldUntil = Math.max(heldUntil, at + 1_000);
      }
    }
  }
  return counts;
}

describe('the pace of calls to a CRM', () => {
  it('finds out what the CRM takes and keeps close to it, with few complaints', () => {
    const { taken: calls, complaints } = taken(40, 120);
    expect(calls).toBeGreaterThan(0.9 * 40 * 120);
    expect(complaints).toBeLessThan(60);
  });

  it('is not limited by anything but calls at once while the CRM never complains', () => {
    const { taken: calls, complaints } = taken(1_000, 10);
    expect(complaints).toBe(0);
    // Sixteen at once, 50 ms each.
    expect(calls).toBeGreaterThan(0.9 * 320 * 10);
  });

  it('gives way at once: half as many calls at a time, and one at least', () => {
    const pace = new Pace();
    for (let n = 0; n < 4; n++) pace.begin(0);
    expect(pace.room).toBe(0);
    pace.throttled(10);
    // Those that were under way with it make the same complaint.
    pace.throttled(20);
    pace.throttled(30);
    pace.ended();
    expect(pace.room).toBe(2);
    for (let n = 1; n < 10; n++) {
      pace.begin(n * 10_000);
      pace.throttled(n * 10_000);
    }
    expect(pace.room).toBe(1);
  });

  it('does not sink below what gets work done, however often a CRM complains for no reason of pace', () => {
    const pace = new Pace();
    let now = 0;
    for (let n = 0; n < 20; n++, now += 50) {
      pace.begin(now);
      pace.answered();
    }
    for (let n = 0; n < 200; n++, now += 2_000) {
      pace.begin(now);
      pace.throttled(now);
    }
    pace.begin(now);
    expect(pace.begin(now)).toBeLessThanOrEqual(500);
  });

  it('says how often in a row the CRM has complained', () => {
    const pace = new Pace();
    const complain = (now: number): number => {
      pace.begin(now);
      return pace.throttled(now);
    };
    expect([complain(0), complain(500), complain(1_500), complain(3_000)]).toEqual([1, 1, 2, 3]);
    pace.begin(3_500);
    pace.answered();
    expect(complain(5_000)).toBe(1);
  });
});
