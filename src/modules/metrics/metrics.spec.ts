import { engagement } from './metrics.js';
import type { MetricEvent } from './metrics.js';

const at = (minute: number, second = 0): Date => new Date(Date.UTC(2026, 0, 1, 9, minute, second));
const event = (type: MetricEvent['type'], minute: number, second = 0): MetricEvent => ({
  guestId: 'g',
  type,
  at: at(minute, second),
});

describe('engagement', () => {
  it('is unknown for a stranger', () => {
    expect(engagement('g', [], at(0))).toBeNull();
  });

  it('is measured from creation to closing', () => {
    const events = [
      event('created', 0),
      event('message', 1),
      event('message', 2),
      event('closed', 9, 40),
      event('modified', 20),
    ];
    expect(engagement('g', events, at(30))).toEqual({
      guestId: 'g',
      definition: 'engagement/1',
      durationMinutes: 10,
      messageCount: 2,
      avgResponseTimeMs: 290_000,
      conversionFlag: false,
      calculatedAt: at(30).toISOString(),
    });
  });

  it('runs to the last change while the session is open', () => {
    expect(engagement('g', [event('created', 0), event('modified', 4)], at(30))?.durationMinutes).toBe(4);
  });

  it('divides by no message at all without harm', () => {
    expect(engagement('g', [event('created', 0)], at(5))).toMatchObject({
      messageCount: 0,
      avgResponseTimeMs: 0,
      durationMinutes: 0,
    });
  });

  it('knows the last word about the goal', () => {
    const events = [event('created', 0), event('converted', 1)];
    expect(engagement('g', events, at(5))?.conversionFlag).toBe(true);
    expect(engagement('g', [...events, event('unconverted', 2)], at(5))?.conversionFlag).toBe(false);
  });

  it('does not depend on the order in which events were heard', () => {
    const events = [event('created', 0), event('message', 3), event('closed', 6), event('message', 1)];
    expect(engagement('g', [...events].reverse(), at(9))).toEqual(engagement('g', events, at(9)));
  });

  it('is never negative, whatever a clock says', () => {
    expect(engagement('g', [event('created', 5), event('closed', 1)], at(9))?.durationMinutes).toBe(0);
  });
});
