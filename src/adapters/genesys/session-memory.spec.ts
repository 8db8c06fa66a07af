import type { GuestMessage } from './frames.js';
import { SessionMemory } from './session-memory.js';

const now = new Date('2026-03-01T12:00:00Z');
const later = (seconds: number): Date => new Date(now.getTime() + 1_000 * seconds);

const said = (key: string, facts: Partial<GuestMessage> = {}): GuestMessage => ({
  id: `id-${key}`,
  key,
  from: 'guest',
  isText: true,
  text: 'Yes',
  at: later(1),
  presence: [],
  typingMs: null,
  unknownEvents: [],
  readOnly: false,
  attachments: [],
  ...facts,
});

const unsure = { id: 'm2', text: 'Yes', since: now };

describe('What a process remembers of a session', () => {
  const memory = (): SessionMemory => new SessionMemory('a-guest');

  it('finds a text accepted unseen: the guest’s own, saying the same, not older', () => {
    const history = [
      said('agent', { from: 'agent' }),
      said('other', { text: 'No' }),
      said('event', { isText: false }),
      said('mine'),
      said('before', { at: later(-60) }),
    ];
    expect(memory().acceptedUnseen(unsure, history)).toBe('mine');
    expect(memory().acceptedUnseen(unsure, history.toSpliced(3, 1))).toBeNull();
  });

  it('never takes a message for another that is known to be accepted', () => {
    const remembering = memory();
    remembering.accepted('m1', 'first');
    expect(remembering.acceptedUnseen(unsure, [said('first')])).toBeNull();
    expect(remembering.acceptedUnseen(unsure, [said('second'), said('first')])).toBe('second');
    expect(remembering.acceptedUnseen({ ...unsure, id: 'm1' }, [said('second'), said('first')])).toBe('first');
  });

  it('takes the oldest of several', () => {
    expect(memory().acceptedUnseen(unsure, [said('third'), said('second')])).toBe('second');
  });

  it('allows for clocks that differ a little', () => {
    expect(memory().acceptedUnseen(unsure, [said('mine', { at: later(-1) })])).toBe('mine');
    expect(memory().acceptedUnseen(unsure, [said('mine', { at: later(-3) })])).toBeNull();
  });

  it('asks history only when an attempt may have been accepted', () => {
    const remembering = memory();
    expect(remembering.mayBeAccepted({ id: 'from another process', retry: true })).toBe(true);
    expect(remembering.mayBeAccepted({ id: 'm1', retry: false })).toBe(false);
    expect(remembering.mayBeAccepted({ id: 'm1', retry: true })).toBe(false);
    remembering.sending('m1');
    expect(remembering.mayBeAccepted({ id: 'm1', retry: true })).toBe(true);
    remembering.refused('m1');
    expect(remembering.mayBeAccepted({ id: 'm1', retry: true })).toBe(false);
  });

  it('knows an echo that comes late', () => {
    const remembering = memory();
    remembering.sending('m1');
    expect(remembering.hear(said('late'), 'm1')).toMatchObject([{ event: { type: 'message', sentAs: 'm1' } }]);
    expect(remembering.keyOfSent('m1')).toBe('late');
  });

  it('tells of an end in history only when the guest did not go on after it', () => {
    const end = (key: string, at: Date) => said(key, { from: 'bot', isText: false, presence: ['Disconnect'], at });
    const went = [said('a'), end('b', later(2)), said('c', { at: later(3) })];
    const types = (history: GuestMessage[]) =>
      memory()
        .hearHistory(history)
        .map(({ event }) => event.type);
    expect(types(went)).toEqual(['message', 'message']);
    expect(types([...went, end('d', later(4))])).toEqual(['message', 'message', 'conversation-ended']);
  });

  it('forgets the oldest, so that a long session costs no more than a short one', () => {
    const remembering = memory();
    for (let number = 0; number < 2_000; number++) {
      remembering.sending(`m${number}`);
      remembering.accepted(`m${number}`, `k${number}`);
      remembering.hear(said(`k${number}`), null);
    }
    expect(remembering.keyOfSent('m0')).toBeNull();
    expect(remembering.keyOfSent('m1999')).toBe('k1999');
    expect(remembering.knows(said('k1999'))).toBe(true);
    expect(remembering.knows(said('k0'))).toBe(false);
  });
});
