import { Pace } from './pace.js';
import type { Turn } from './pace.js';

/**
 * A CRM that takes so many calls in any second, each in 50 ms and up to 20 ms on its way; it tells those in excess to come back in a second. At
 * first it refuses all.
 */
function taken(limit: number, seconds: number, closedSeconds = 0): { taken: number; complaints: number } {
  const wayMs = (): number => (way = (way + 7) % 21);
  let way = 0;
  const pace = new Pace();
  const starts: number[] = [];
  let underWay: { readonly turn: Turn; readonly cameAt: number; isTaken?: boolean }[] = [];
  let complaints = 0;
  let heldUntil = 0;
  for (let now = 0; now < (closedSeconds + seconds) * 1_000; now++) {
    for (const call of underWay.filter(({ cameAt, isTaken }) => isTaken === undefined && cameAt <= now)) {
      const isOpen = now >= closedSeconds * 1_000;
      call.isTaken = isOpen && (starts.at(-limit) ?? -Infinity) <= now - 1_000;
      if (call.isTaken) starts.push(now);
      else if (isOpen) complaints++;
    }
    const over = underWay.filter(({ cameAt }) => cameAt + 50 <= now);
    underWay = underWay.filter(({ cameAt }) => cameAt + 50 > now);
    for (const { turn, isTaken } of over) {
      if (isTaken === true) pace.answered(turn, now);
      else {
        pace.throttled(turn, now);
        heldUntil = now + 1_000;
      }
    }
    while (now >= heldUntil && pace.roomAt(now) > 0) {
      const turn = pace.begin(now);
      underWay.push({ turn, cameAt: turn.at + wayMs() });
    }
  }
  return { taken: starts.length, complaints };
}

describe('the pace of calls to a CRM', () => {
  it('finds out what the CRM takes and keeps close to it, with few complaints', () => {
    const { taken: calls, complaints } = taken(40, 120);
    expect(calls).toBeGreaterThan(0.93 * 40 * 120);
    expect(complaints).toBeLessThan(20);
  });

  it('is not limited by anything but calls at once while the CRM never complains', () => {
    const { taken: calls, complaints } = taken(1_000, 10);
    expect(complaints).toBe(0);
    // Sixteen at once, 60 ms each.
    expect(calls).toBeGreaterThan(0.95 * 266 * 10);
  });

  it('gives way at once: half as many calls at a time', () => {
    const pace = new Pace();
    pace.answered(pace.begin(0), 5);
    const turns = [10, 10, 10, 10, 10].map((now) => pace.begin(now));
    expect(pace.roomAt(20)).toBe(0);
    // Those that were under way with the first make the same complaint.
    for (const turn of turns.slice(0, 4)) pace.throttled(turn, 60);
    pace.ended();
    expect(pace.roomAt(70)).toBe(2);
  });

  it('asks with one call at a time while the CRM takes nothing, and goes on as before when it does', () => {
    const pace = new Pace();
    const before = pace.roomAt(0);
    for (let n = 0; n < 9; n++) pace.throttled(pace.begin(n * 10_000), n * 10_000 + 50);
    expect(pace.roomAt(90_000)).toBe(1);
    pace.answered(pace.begin(90_000), 90_050);
    expect(pace.roomAt(90_050)).toBeGreaterThanOrEqual(before);
  });

  it('learns nothing of its pace from a CRM that takes nothing at all', () => {
    // It may be a second before it notices that the CRM has opened.
    expect(taken(40, 20, 20).taken).toBeGreaterThan(0.93 * 40 * 19);
  });

  it('does not sink below what gets work done, however often a CRM complains for no reason of pace', () => {
    const pace = new Pace();
    let now = 0;
    for (let n = 0; n < 20; n++, now += 50) {
      pace.answered(pace.begin(now), now + 50);
    }
    for (let n = 0; n < 200; n++, now += 2_000) {
      pace.answered(pace.begin(now), now + 50);
      pace.throttled(pace.begin(now + 500), now + 550);
    }
    pace.begin(now);
    expect(pace.begin(now).at - now).toBeLessThanOrEqual(500);
  });

  it('says how often in a row the CRM has complained', () => {
    const pace = new Pace();
    const complain = (now: number): number => pace.throttled(pace.begin(now), now + 50);
    expect([complain(0), complain(20), complain(1_500), complain(3_000)]).toEqual([1, 1, 2, 3]);
    pace.answered(pace.begin(3_500), 3_550);
    expect(complain(5_000)).toBe(1);
  });

  /** One that took forty calls in a second and complained about the next ones at its end. */
  const complainedAt = (now: number): Pace => {
    const pace = new Pace();
    for (let n = 40; n > 0; n--) pace.answered(pace.begin(now - n * 20), now - n * 20 + 10);
    const [one, another] = [pace.begin(now), pace.begin(now)];
    pace.throttled(one, now + 50);
    pace.throttled(another, now + 55);
    return pace;
  };
  const turnsOf = (pace: Pace, now: number, count: number): Turn[] =>
    Array.from({ length: count }, () => {
      const turn = pace.begin(now);
      pace.answered(turn, turn.at + 40);
      return turn;
    });

  it('gives what was taken in a second again after a wait, quickly but not at once, and no more until that has counted', () => {
    const pace = complainedAt(1_000);
    const turns = turnsOf(pace, 2_100, 41).map(({ at }) => at - 2_100);
    expect(turns[0]).toBe(0);
    expect(turns[39]).toBeCloseTo(39 * 12.5, -1);
    // A second later than the first, and as much again as that is taken to have been on its way.
    expect(turns[40]).toBeCloseTo(1_000 + 40 / 2, -1);
  });

  it('counts a call from when it was made, which may be later than it could have been', () => {
    const pace = complainedAt(1_000);
    const first = pace.begin(2_100);
    pace.begun(first, 2_160);
    pace.answered(first, 2_200);
    turnsOf(pace, 2_100, 39);
    expect(pace.begin(2_100).at).toBeGreaterThan(3_165);
  });

  it('has no room beyond the rate, says for how long, and gives a turn that was not used to another call', () => {
    const pace = complainedAt(1_000);
    expect(pace.waitMs(2_100)).toBe(0);
    const turns = turnsOf(pace, 2_100, 40);
    expect(pace.roomAt(2_700)).toBe(0);
    // Turns are taken 200 ms ahead.
    expect(pace.waitMs(2_700)).toBeCloseTo(3_100 + 40 / 2 - 200 - 2_700, -1);
    expect(pace.roomAt(2_700 + pace.waitMs(2_700))).toBe(1);
    const before = pace.begin(2_700).at;
    pace.unused(turns[1]!);
    expect(pace.begin(2_700).at).toBeGreaterThan(before);
  });

  it('leaves no room while it is held', () => {
    const pace = new Pace();
    pace.hold();
    pace.hold();
    pace.resume();
    expect(pace.roomAt(0)).toBe(0);
    pace.resume();
    expect(pace.roomAt(0)).toBe(4);
  });

  it('learns from answers that come after the complaint', () => {
    const pace = new Pace();
    const slow = Array.from({ length: 10 }, (_, n) => pace.begin(n));
    for (let n = 10; n < 40; n++) pace.answered(pace.begin(n), n + 10);
    pace.throttled(pace.begin(60), 110);
    for (const turn of slow) pace.answered(turn, 130);
    expect(turnsOf(pace, 1_200, 41).filter(({ at }) => at < 2_000)).toHaveLength(40);
  });

  it('grows only while it is what holds calls up', () => {
    const idle = complainedAt(1_000);
    for (let now = 2_100; now < 92_100; now += 200) turnsOf(idle, now, 1);
    const busy = complainedAt(1_000);
    for (let now = 2_100; now < 92_100; now = turnsOf(busy, now, 1)[0]!.at);
    const inASecond = (pace: Pace): number => turnsOf(pace, 94_000, 200).filter(({ at }) => at < 95_000).length;
    expect(inASecond(idle)).toBe(40);
    expect(inASecond(busy)).toBeGreaterThan(45);
  });
});
