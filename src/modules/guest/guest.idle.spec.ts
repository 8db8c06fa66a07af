import fc from 'fast-check';
import { aGuest } from '../../../test/builders/guest.js';
import { afterIdling } from './guest.idle.js';
import type { Guest } from './guest.js';

const HOUR = 3_600_000;
const IDLE = 10 * HOUR;
const born = new Date('2026-01-01T09:00:00.000Z');
const hours = (count: number): Date => new Date(born.getTime() + count * HOUR);
const conversations = [{ id: 'c-1', participantId: 'p-1', endedAt: null }];

describe('a guest nothing happens to', () => {
  it.each<[string, Partial<Guest>]>([
    ['created', {}],
    ['configured', {}],
    ['active', { conversations }],
    ['disconnected', { conversations }],
    ['active', { mode: 'widget', conversations }],
  ])('is closing as abandoned when it is idle long enough: %s, %j', (state, parts) => {
    const guest = aGuest({ ...parts, state: state as Guest['state'] });
    expect(afterIdling(guest, null, IDLE, new Date(hours(10).getTime() - 1))).toEqual({ is: 'awake', again: born });
    expect(afterIdling(guest, null, IDLE, hours(10))).toMatchObject({
      is: 'ended',
      guest: { state: 'closing', closeReason: 'abandoned', version: 2, closedDate: null },
    });
  });

  it('is expired when its page never took it up, once no conversation can prove to be its own', () => {
    const guest = aGuest({ mode: 'widget' });
    expect(afterIdling(guest, null, IDLE, hours(71))).toEqual({ is: 'awake', again: hours(62) });
    expect(afterIdling(guest, null, IDLE, hours(72))).toMatchObject({
      is: 'ended',
      guest: { state: 'expired', closeReason: 'session_expired', closedDate: hours(72) },
    });
  });

  it('is awake while a text it accepted waits to be sent, until that is as old', () => {
    expect(afterIdling(aGuest(), hours(5), IDLE, hours(14))).toEqual({ is: 'awake', again: hours(5) });
    expect(afterIdling(aGuest(), hours(5), IDLE, hours(15)).is).toBe('ended');
  });

  it.each(['closing', 'closed', 'expired', 'erased', 'failed'] as const)('is left alone when it is %s', (state) => {
    expect(afterIdling(aGuest({ state }), null, IDLE, hours(1_000))).toEqual({ is: 'over' });
  });

  it('put off is never found again at once', () => {
    const within = fc.integer({ min: 0, max: 400 });
    const mode = fc.constantFrom<Guest['mode'][]>('server', 'widget');
    fc.assert(
      fc.property(mode, within, within, fc.option(within), within, (mode, changed, now, said, idle) => {
        const idleMs = (idle + 1) * HOUR;
        const guest = aGuest({ mode, modifiedDate: hours(Math.min(changed, now)) });
        const found = afterIdling(guest, said === null ? null : hours(Math.min(said, now)), idleMs, hours(now));
        if (found.is === 'awake') expect(found.again.getTime() + idleMs).toBeGreaterThan(hours(now).getTime());
      }),
    );
  });
});
