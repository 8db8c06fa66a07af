import { Logger } from '@nestjs/common';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { trailOf } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import type { GuestChanges } from './guest.changes.js';
import { HAND_OVER } from './guest.intents.js';
import { linked, messageCounted } from './guest.js';
import type { Guest, Mode } from './guest.js';
import type { GuestService } from './guest.service.js';
import { IdleService } from './idle.service.js';
import type { MessageService } from './message.service.js';

Logger.overrideLogger(false);

const HOUR = 3_600_000;

describe('guests nothing happens to', () => {
  let storage: TestStorage;
  let guests: GuestService;
  let messages: MessageService;
  let changes: GuestChanges;
  let idlers: IdleService;
  let never: IdleService;

  beforeEach(async () => {
    storage = await openTestStorage();
    const { work, clock } = storage;
    ({ changes, guests, messages } = guestServices(storage));
    const idle = (idleMs: number) =>
      new IdleService(storage.guests, storage.messages, changes, work, clock, { idleMs });
    idlers = idle(10 * HOUR);
    never = idle(0);
  }, 60_000);
  afterEach(() => storage.close());

  const aGuest = (mode: Mode = 'server'): Promise<Guest> => guests.create(wantedGuest({ mode }));
  const entriesOf = (guestId: string) => trailOf(storage, `guest:${guestId}`);
  const pass = (hours: number): void => storage.clock.advance(hours * HOUR);
  const stateOf = async ({ id }: Guest): Promise<string> => (await guests.get(id)).state;

  it('are closed as abandoned, at Genesys too, and once', async () => {
    const guest = await aGuest();
    pass(9.99);
    expect(await idlers.sweep()).toBe(0);
    pass(0.01);
    for (const intent of await storage.outbox.claim(HAND_OVER, 10, HOUR)) await storage.outbox.done(intent);
    expect(await idlers.sweep()).toBe(1);
    expect(await idlers.sweep()).toBe(0);
    expect(await guests.get(guest.id)).toMatchObject({ state: 'closing', closeReason: 'abandoned', version: 2 });
    expect((await storage.outbox.claim(HAND_OVER, 10, HOUR)).map(({ subject }) => subject)).toEqual([guest.id]);
    expect((await entriesOf(guest.id)).at(-1)).toMatchObject({
      event: 'GUEST_CLOSING',
      changes: { from: 'created', closeReason: 'abandoned' },
    });
  });

  it('stay as long as something happens now and then: a patch, a message, a link', async () => {
    const [patched, heard, linkedTo] = [await aGuest(), await aGuest(), await aGuest('widget')];
    pass(9);
    await guests.patch(patched.id, { attributes: { source: 'x' } }, { type: 'any' });
    await storage.guests.update(heard.id, (guest) => messageCounted(guest, storage.clock.now()));
    const conversation = { id: 'c', participantId: 'p' };
    await storage.guests.update(linkedTo.id, (guest) => linked(guest, conversation, storage.clock.now()));
    pass(9);
    expect(await idlers.sweep()).toBe(0);
    pass(1);
    expect(await idlers.sweep()).toBe(3);
    expect(await Promise.all([patched, heard, linkedTo].map(stateOf))).toEqual(['closing', 'closing', 'closing']);
  });

  it('are not closed over a message that arrives while the sweep looks', async () => {
    const guest = await aGuest();
    pass(10);
    const [, ended] = await Promise.all([
      guests.patch(guest.id, { attributes: { source: 'just in time' } }, { type: 'any' }),
      idlers.sweep(),
    ]);
    expect(ended).toBe(0);
    expect(await stateOf(guest)).toBe('created');
  });

  it('are awake while a text of theirs waits to be sent', async () => {
    const guest = await aGuest();
    pass(9);
    await messages.send(guest.id, 'hello?');
    pass(9);
    expect(await idlers.sweep()).toBe(0);
    pass(1);
    expect(await idlers.sweep()).toBe(1);
    expect(await stateOf(guest)).toBe('closing');
    expect(await storage.messages.queued(guest.id)).toHaveLength(1);
  });

  it('are expired, and nobody is told, when the page never took them up and never can any more', async () => {
    const guest = await aGuest('widget');
    pass(71);
    expect(await idlers.sweep()).toBe(0);
    pass(1);
    expect(await idlers.sweep()).toBe(1);
    expect(await guests.get(guest.id)).toMatchObject({ state: 'expired', closeReason: 'session_expired' });
    expect((await entriesOf(guest.id)).map(({ event }) => event)).toEqual(['GUEST_CREATED', 'GUEST_EXPIRED']);
    expect(await storage.outbox.claim(HAND_OVER, 10, HOUR)).toEqual([]);
  });

  it('are all found, however many there are, among many that are not idle', async () => {
    const made = await Promise.all(Array.from({ length: 250 }, () => aGuest()));
    pass(9);
    const awake = made.filter((_, index) => index % 5 === 0);
    for (const { id } of awake) await guests.patch(id, { attributes: { source: 'x' } }, { type: 'any' });
    pass(1);
    expect(await idlers.sweep()).toBe(200);
    expect(new Set(await Promise.all(awake.map(stateOf)))).toEqual(new Set(['created']));
  });

  it('are left alone when that is switched off, and by a process that is leaving', async () => {
    await aGuest();
    pass(10_000);
    expect(await never.sweep()).toBe(0);
    expect(await idlers.sweep(AbortSignal.abort())).toBe(0);
    expect(await idlers.sweep()).toBe(1);
  });
});
