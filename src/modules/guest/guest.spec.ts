import fc from 'fast-check';
import { aGuest } from '../../../test/builders/guest.js';
import {
  closed,
  closing,
  configured,
  conversationEnded,
  expired,
  failed,
  isOver,
  linked,
  linkedConversation,
  messageCounted,
  moved,
} from './guest.js';
import type { Guest, GuestState } from './guest.js';
import { changedPointers, conflictingPointers, patched } from './guest.patch.js';
import type { GuestPatch } from './guest.patch.js';

const later = new Date('2026-01-01T09:05:00.000Z');
const link = { id: 'c-1', participantId: 'p-1' };

describe('a guest', () => {
  it('begins at version 1, created, with nothing behind it', () => {
    expect(aGuest()).toMatchObject({ version: 1, state: 'created', interactionCount: 0, closedDate: null });
  });

  it('goes through its life one version at a time', () => {
    const life = [
      (guest: Guest) => configured(guest, later),
      (guest: Guest) => linked(guest, link, later),
      (guest: Guest) => messageCounted(guest, later),
      (guest: Guest) => conversationEnded(guest, later),
      (guest: Guest) => messageCounted(guest, later),
      (guest: Guest) => closing(guest, later),
      (guest: Guest) => closed(guest, 'api', later),
    ];
    const states = life.reduce<Guest[]>((guests, step) => [...guests, step(guests.at(-1)!)], [aGuest()]);
    expect(states.map(({ state }) => state)).toEqual([
      'created',
      'configured',
      'active',
      'active',
      'disconnected',
      'active',
      'closing',
      'closed',
    ]);
    expect(states.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(states.at(-1)).toMatchObject({ closeReason: 'api', closedDate: later, interactionCount: 2 });
  });

  it('changes nothing when it hears the same again', () => {
    const same = (guest: Guest, again: (guest: Guest) => Guest) => expect(again(guest)).toBe(guest);
    same(configured(aGuest(), later), (guest) => configured(guest, later));
    same(linked(aGuest(), link, later), (guest) => linked(guest, link, later));
    same(closing(aGuest(), later), (guest) => closing(guest, later));
    same(closed(aGuest(), 'api', later), (guest) => closed(guest, 'guest_cleared', later));
    same(closed(aGuest(), 'api', later), (guest) => expired(guest, later));
  });

  it('can fail to start, but not once it is active', () => {
    expect(failed(aGuest(), later).state).toBe('failed');
    const active = linked(aGuest(), link, later);
    expect(failed(active, later)).toBe(active);
  });

  it('ends its conversations with itself', () => {
    const over = expired(linked(aGuest(), link, later), later);
    expect(linkedConversation(over)).toBeNull();
    expect(over.closeReason).toBe('session_expired');
  });

  it('keeps the later of two times, however late it hears of the earlier one', () => {
    const earlier = new Date('2025-01-01T00:00:00.000Z');
    expect(messageCounted(aGuest(), earlier).modifiedDate).toEqual(aGuest().modifiedDate);
  });

  it('stays over whatever is heard afterwards', () => {
    const heard = fc.constantFrom<((guest: Guest) => Guest)[]>(
      (guest) => configured(guest, later),
      (guest) => linked(guest, link, later),
      (guest) => messageCounted(guest, later),
      (guest) => conversationEnded(guest, later),
      (guest) => closing(guest, later),
      (guest) => closed(guest, 'api', later),
      (guest) => expired(guest, later),
      (guest) => failed(guest, later),
    );
    fc.assert(
      fc.property(fc.array(heard, { maxLength: 12 }), (events) => {
        let guest = aGuest();
        for (const event of events) {
          const next = event(guest);
          expect(next.version - guest.version).toBe(next === guest ? 0 : 1);
          if (isOver(guest)) expect(next.state).toBe(guest.state);
          guest = next;
        }
      }),
    );
  });
});

/** From where to where; what is not here is refused. */
const LIFE: Readonly<Record<GuestState, readonly GuestState[]>> = {
  created: ['configured', 'active', 'closing', 'closed', 'failed', 'expired', 'erased'],
  configured: ['active', 'closing', 'closed', 'failed', 'expired', 'erased'],
  active: ['disconnected', 'closing', 'closed', 'expired', 'erased'],
  disconnected: ['active', 'closing', 'closed', 'expired', 'erased'],
  closing: ['closed', 'expired', 'erased'],
  closed: ['erased'],
  expired: ['erased'],
  failed: ['erased'],
  erased: [],
};
const STATES = Object.keys(LIFE) as GuestState[];
const PAIRS = STATES.flatMap((from) => STATES.map((to) => [from, to] as const));

describe('a state', () => {
  it.each(PAIRS.filter(([from, to]) => LIFE[from].includes(to)))('%s can become %s', (from, to) => {
    const guest = aGuest({ state: from });
    expect(moved(guest, to, later)).toEqual({ ...guest, state: to, version: 2, modifiedDate: later });
  });

  it.each(PAIRS.filter(([from, to]) => !LIFE[from].includes(to)))('%s cannot become %s', (from, to) => {
    const refused = { kind: 'conflict', code: 'guest.illegal_transition', extra: { state: from, allowed: LIFE[from] } };
    let error: unknown;
    try {
      moved(aGuest({ state: from }), to, later);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject(refused);
    expect(String(error)).toContain(`is ${from} and cannot become ${to}`);
  });

  it.each(STATES)('%s becomes what the design says by everything that can happen', (state) => {
    const happen = (what: (guest: Guest) => Guest): GuestState => what(aGuest({ state })).state;
    const isEnd = ['closed', 'expired', 'erased', 'failed'].includes(state);
    const isLeaving = isEnd || state === 'closing';
    expect({
      configured: happen((guest) => configured(guest, later)),
      linked: happen((guest) => linked(guest, link, later)),
      message: happen((guest) => messageCounted(guest, later)),
      ended: happen((guest) => conversationEnded(guest, later)),
      closing: happen((guest) => closing(guest, later)),
      closed: happen((guest) => closed(guest, 'api', later)),
      expired: happen((guest) => expired(guest, later)),
      failed: happen((guest) => failed(guest, later)),
    }).toEqual({
      configured: state === 'created' ? 'configured' : state,
      linked: isLeaving ? state : 'active',
      message: isLeaving ? state : 'active',
      ended: state === 'active' ? 'disconnected' : state,
      closing: isEnd ? state : 'closing',
      closed: isEnd ? state : 'closed',
      expired: isEnd ? state : 'expired',
      failed: state === 'created' || state === 'configured' ? 'failed' : state,
    });
  });
});

describe('a patch', () => {
  it('merges, and remembers which version changed what', () => {
    const guest = patched(
      aGuest(),
      { attributes: { source: 'email', locale: 'de' }, consent: { marketing: true } },
      later,
    );
    expect(guest).toMatchObject({
      version: 2,
      attributes: { source: 'email', locale: 'de' },
      consent: { marketing: true, dataProcessing: true },
      touched: { '/attributes/locale': 2, '/attributes/source': 2, '/consent/marketing': 2 },
    });
  });

  it('deletes with null, a single member or all of them', () => {
    expect(patched(aGuest(), { attributes: { source: null } }, later).attributes).toEqual({});
    expect(patched(aGuest(), { channelContext: null }, later).channelContext).toEqual({});
  });

  it('whose changes are in place already changes nothing', () => {
    const guest = aGuest();
    expect(patched(guest, { attributes: { source: 'website', locale: null } }, later)).toBe(guest);
  });

  it('is refused once the guest is closing', () => {
    const late = (): Guest => patched(closing(aGuest(), later), { attributes: { source: 'x' } }, later);
    expect(late).toThrow('takes no further changes');
  });

  it('conflicts only where two really changed the same since the base', () => {
    const one = patched(aGuest(), { attributes: { source: 'a', locale: 'de' } }, later);
    const two = patched(one, { channelContext: { campaignId: 'SPRING' } }, later);
    const patch: GuestPatch = { attributes: { source: 'b' }, channelContext: { campaignId: 'SUMMER' } };
    expect(conflictingPointers(two, patch, 1)).toEqual(['/attributes/source', '/channelContext/campaignId']);
    expect(conflictingPointers(two, patch, 2)).toEqual(['/channelContext/campaignId']);
    expect(conflictingPointers(two, patch, 3)).toEqual([]);
    expect(conflictingPointers(two, { consent: { marketing: true } }, 1)).toEqual([]);
    expect(conflictingPointers(two, { attributes: null }, 1)).toEqual(['/attributes/locale', '/attributes/source']);
  });

  it('conflicts with a change to the same value: two who counted from 5 to 6 have counted once', () => {
    const counted = patched(aGuest(), { attributes: { plan: '6' } }, later);
    expect(conflictingPointers(counted, { attributes: { plan: '6' } }, 1)).toEqual(['/attributes/plan']);
    expect(conflictingPointers(counted, { attributes: { plan: '6' } }, 2)).toEqual([]);
  });

  it('lets disjoint changes of any two writers both through, and neither overwrite the other', () => {
    const names = fc.uniqueArray(fc.constantFrom('source', 'locale', 'converted', 'plan'), { minLength: 1 });
    const values = fc.record({ mine: fc.string(), theirs: fc.string() });
    fc.assert(
      fc.property(names, names, values, (mine, theirs, { mine: m, theirs: t }) => {
        const base = aGuest({ attributes: {} });
        const ours: GuestPatch = { attributes: Object.fromEntries(mine.map((name) => [name, `m${m}`])) };
        const other: GuestPatch = { attributes: Object.fromEntries(theirs.map((name) => [name, `t${t}`])) };
        const now = patched(base, other, later);
        const overlap = mine.filter((name) => theirs.includes(name));
        expect(conflictingPointers(now, ours, base.version)).toEqual(
          overlap.map((name) => `/attributes/${name}`).sort(),
        );
        if (overlap.length === 0)
          expect(patched(now, ours, later).attributes).toEqual({ ...other.attributes, ...ours.attributes });
      }),
    );
  });

  it('names what it changes by JSON pointer', () => {
    expect(changedPointers(aGuest(), { attributes: { source: 'x' }, consent: { marketing: false } })).toEqual([
      '/attributes/source',
    ]);
  });
});
