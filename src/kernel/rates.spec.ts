import fc from 'fast-check';
import { nobodyWent, passed } from './rates.js';

const RATES = [
  { count: 20, perMs: 1_000 },
  { count: 95, perMs: 60_000 },
];
/** Not the beginning of any span. */
const START = 1_700_000_000_123;

describe('Rates', () => {
  it('are kept in every stretch of time, wherever it begins, by whoever asks, however far clocks are apart', () => {
    const asks = fc.array(
      fc.record({ afterMs: fc.nat(9_000), wanted: fc.integer({ min: 1, max: 60 }), skewMs: fc.nat(400) }),
      { minLength: 1, maxLength: 80 },
    );
    fc.assert(
      fc.property(asks, (all) => {
        let [state, now] = [nobodyWent, START];
        const went: number[] = [];
        for (const { afterMs, wanted, skewMs } of all) {
          now += afterMs;
          const [after, pass] = passed(state, RATES, wanted, now - skewMs);
          state = after;
          expect(pass.granted > 0).toBe(pass.waitMs === 0);
          for (let each = 0; each < pass.granted; each++) went.push(now - skewMs);
        }
        for (const { count, perMs } of RATES)
          for (const from of went)
            expect(went.filter((at) => at >= from && at < from + perMs - 400).length).toBeLessThanOrEqual(count);
        expect(state.went.length).toBeLessThanOrEqual(245);
      }),
    );
  });

  it('are used nearly in full by whoever comes back when told', () => {
    let [state, now, went] = [nobodyWent, START, 0];
    while (now < START + 10 * 60_000) {
      const [after, { granted, waitMs }] = passed(state, RATES, 1, now);
      [state, now, went] = [after, now + waitMs, went + granted];
    }
    expect(went).toBeGreaterThan(0.95 * 10 * 95);
    expect(went).toBeLessThanOrEqual(11 * 95);
  });

  it('count what was long on its way from when it arrived', () => {
    const [first, { at }] = passed(nobodyWent, RATES, 20, START);
    const [later] = passed(first, RATES, 0, START + 900, Array<number>(5).fill(at));
    const [, { granted, waitMs }] = passed(later, RATES, 20, START + 1_500);
    expect(granted).toBe(15);
    expect(waitMs).toBe(0);
  });

  it('are not held up for long by a clock that is plainly wrong', () => {
    const [wrong] = passed(nobodyWent, RATES, 95, START + 3_600_000);
    expect(passed(wrong, RATES, 1, START)[1].granted).toBe(1);
  });
});
