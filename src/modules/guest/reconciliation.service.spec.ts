import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import type { GuestServices } from '../../../test/builders/guest-services.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { EventBodies } from '../../adapters/genesys/event-bodies.js';
import { settingsOf } from '../../adapters/genesys/genesys-lab.contract.js';
import { NotificationChannels } from '../../adapters/genesys/notification-channels.js';
import { OptionalCalls } from '../../adapters/genesys/optional-calls.js';
import { openPlatform } from '../../adapters/genesys/platform.js';
import { PlatformConversations } from '../../adapters/genesys/platform-conversations.js';
import { PlatformNotifications } from '../../adapters/genesys/platform-notifications.js';
import { PlatformRecords } from '../../adapters/genesys/platform-records.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { SystemClock } from '../../kernel/clock.js';
import { Lab, wait } from '../../sandbox/lab.contract.js';
import type { Shown, TestGuest } from '../../sandbox/lab.contract.js';
import type { ConversationService } from './conversation.service.js';
import { FollowService } from './follow.service.js';
import { widgetAttributes } from './guest.attributes.js';
import { FOLLOW } from './guest.intents.js';
import type { Guest, Mode } from './guest.js';
import type { GuestService } from './guest.service.js';
import { NotificationService } from './notification.service.js';
import type { ConversationRecords } from './ports/conversation-records.js';
import { CALLS_A_RUN, ReconciliationService, SEARCHES_A_RUN } from './reconciliation.service.js';

Logger.overrideLogger(false);

const MINUTE = 60_000;
const SILENCE = 15 * MINUTE;

describe('reconciliation', () => {
  let storage: TestStorage;
  let other: Lab;
  let guests: GuestService;
  let told: ConversationService;
  let reconciliation: ReconciliationService;
  let following: FollowService;
  let conversations: PlatformConversations;
  let notifications: NotificationService;
  /** As a process has it that has just started. */
  let listening: () => NotificationService;
  let settings: GuestServices['settings'];

  beforeAll(async () => void (other = await Lab.open({ lookupDelayMs: 0 })), 60_000);
  afterAll(() => other.close());
  // Each with guests of its own: a run looks at all there are.
  beforeEach(async () => {
    storage = await openTestStorage();
    const { work, clock, outbox } = storage;
    // What Genesys has on record bears the time it really is.
    clock.advance(Date.now() - clock.now().getTime());
    const { client, queue } = openPlatform(settingsOf(other), new LoneGate(new SystemClock()));
    queue.perMinute = 60_000;
    conversations = new PlatformConversations(client);
    ({ guests, told, settings } = guestServices(storage, { conversations }));
    const optional = new OptionalCalls(clock);
    const records = new PlatformRecords(client, optional);
    following = new FollowService(storage.guests, conversations, told, new EventBodies(), outbox);
    reconciliation = new ReconciliationService(storage.guests, records, told, following, clock, {
      silenceMs: SILENCE,
    });
    const channel = new PlatformNotifications(new NotificationChannels(client, optional), clock, true);
    listening = () => {
      const service = new NotificationService(channel, storage.guests, following, storage.leases, work, clock);
      service.onModuleInit();
      return service;
    };
    notifications = listening();
  }, 60_000);
  afterEach(async () => {
    await notifications.beforeApplicationShutdown();
    await other.http('DELETE', '/sandbox/faults');
    other.sandbox.reset();
    await storage.close();
  });

  const create = (mode: Mode): Promise<Guest> => guests.create(wantedGuest({ mode }));
  const now = (guest: Guest): Promise<Guest> => storage.guests.get(guest.id);
  const silence = (ms = SILENCE): void => storage.clock.advance(ms);
  const conversationOf = async ({ id }: Guest): Promise<Shown> =>
    (await other.conversations()).findLast(({ participants }) =>
      participants.some(({ attributes }) => attributes['guestSessionId'] === id),
    )!;
  /** The page's Messenger writes, and nobody tells us. */
  const written = async (guest: Guest, on?: TestGuest): Promise<TestGuest> => {
    const page = on ?? (await other.configured());
    await page.say('hello', widgetAttributes(guest, settings.widgetKeys));
    return page;
  };
  /** A guest with a conversation that is known here. */
  const linkedGuest = async (mode: Mode): Promise<{ guest: Guest; page: TestGuest; conversationId: string }> => {
    const guest = await create(mode);
    const page = await written(guest);
    const { id } = await conversationOf(guest);
    await told.linkTo(guest.id, (await conversations.read(id))!, true);
    return { guest: await now(guest), page, conversationId: id };
  };
  const ends = (id: string) => other.http('POST', `/sandbox/genesys/conversations/${id}/disconnect`);
  const calls = async (path: string): Promise<number> =>
    (await other.requests()).filter((each) => each.path.includes(path)).length;

  it('leaves alone of whom something was heard not long ago', async () => {
    const { guest, conversationId } = await linkedGuest('server');
    await ends(conversationId);
    silence(SILENCE - MINUTE);
    expect(await reconciliation.sweep()).toBe(0);
    expect((await now(guest)).state).toBe('active');
    silence(MINUTE);
    expect(await reconciliation.sweep()).toBe(1);
    expect((await now(guest)).state).toBe('disconnected');
  });

  it.each(['server', 'widget'] as const)('learns that the conversation of a %s-led guest has ended', async (mode) => {
    const { guest, conversationId } = await linkedGuest(mode);
    await ends(conversationId);
    silence();
    await reconciliation.sweep();
    const { state, conversations: all } = await now(guest);
    expect([state, all.map(({ id, endedAt }) => [id, endedAt !== null])]).toEqual([
      'disconnected',
      [[conversationId, true]],
    ]);
  });

  it('counts what a page’s guest has said and heard since, once', async () => {
    const { guest, page, conversationId } = await linkedGuest('widget');
    await page.say('still there?');
    await other.http('POST', `/sandbox/genesys/conversations/${conversationId}/messages`, {
      text: 'Yes',
      from: 'agent',
    });
    // Two texts, the bot's answers to them, and the agent's.
    const said = 5;
    const texts = async () => (await conversationOf(guest)).participants.flatMap(({ messages }) => messages).length;
    while ((await texts()) < said) await wait(20);
    for (let times = 0; times < 2; times++) {
      silence(24 * 60 * MINUTE);
      await reconciliation.sweep();
      expect((await now(guest)).interactionCount).toBe(said);
    }
  });

  it('counts a conversation that Genesys does not know any more as ended', async () => {
    const { guest } = await linkedGuest('server');
    other.sandbox.reset();
    silence();
    await reconciliation.sweep();
    expect((await now(guest)).state).toBe('disconnected');
  });

  it('finds the conversation of a page’s guest by its data, and a later one of the same guest', async () => {
    const guest = await create('widget');
    const page = await written(guest);
    silence();
    await reconciliation.sweep();
    const first = (await conversationOf(guest)).id;
    expect((await now(guest)).conversations.map(({ id }) => id)).toEqual([first]);
    await ends(first);
    silence();
    await reconciliation.sweep();
    await written(guest, page);
    silence(60 * MINUTE);
    await reconciliation.sweep();
    const second = (await conversationOf(guest)).id;
    expect(second).not.toBe(first);
    const { state, conversations: all } = await now(guest);
    expect([state, all.map(({ id }) => id)]).toEqual(['active', [first, second]]);
  });

  it('finds an end that a notification channel has lost', async () => {
    const [lost, heard] = [await linkedGuest('widget'), await linkedGuest('widget')];
    await notifications.follow();
    await other.fault('genesys', 'notifications', { dropAfterAccepting: true });
    await ends(lost.conversationId);
    await ends(heard.conversationId);
    const told = [];
    while (told.length === 0) told.push(...(await storage.outbox.claim(FOLLOW, 10, MINUTE)));
    expect(told).toMatchObject([{ subject: heard.conversationId, payload: { ended: 'true' } }]);
    expect((await now(lost.guest)).state).toBe('active');
    silence();
    await reconciliation.sweep();
    expect((await now(lost.guest)).state).toBe('disconnected');
  });

  it('looks soon for what happened while nobody listened, however long ago it had put that off', async () => {
    const { guest, conversationId } = await linkedGuest('widget');
    await notifications.follow();
    // The first look counts what was said; after the second the guest is left alone for hours.
    for (let times = 0; times < 2; times++) {
      silence(24 * 60 * MINUTE);
      expect(await reconciliation.sweep()).toBe(1);
    }
    await notifications.beforeApplicationShutdown();
    await ends(conversationId);
    silence(MINUTE);
    expect(await reconciliation.sweep()).toBe(0);
    notifications = listening();
    await notifications.follow();
    expect(await reconciliation.sweep()).toBe(1);
    expect((await now(guest)).state).toBe('disconnected');
  });

  it('does not believe data that are not signed', async () => {
    const guest = await create('widget');
    await (await other.configured()).say('it is me', { guestSessionId: guest.id });
    silence();
    await reconciliation.sweep();
    expect((await now(guest)).conversations).toEqual([]);
  });

  it('finds a conversation by its external tag, and by the journey of a guest whose socket was ours', async () => {
    const [tagged, journeyed] = [await create('widget'), await create('server')];
    // Participant data cannot be searched here, as an organisation may have it.
    await other.fault('genesys', '/attributes/search', { permission: false }, 100);
    await written(tagged);
    const { id } = await conversationOf(tagged);
    await other.api('PUT', `/conversations/${id}/tags`, { externalTag: tagged.id });
    const socket = await other.guest();
    await socket.configure({ journeyContext: { customer: { id: journeyed.id, idType: 'cookie' } } });
    const { body } = await socket.say('hello', { guestSessionId: journeyed.id });
    const heard = {
      ...{ type: 'message' as const, guestId: journeyed.id, messageId: body.id, key: body.id },
      ...{ from: 'guest' as const, text: 'hello', at: storage.clock.now() },
    };
    await told.heard(heard);
    silence();
    await reconciliation.sweep();
    for (const guest of [tagged, journeyed])
      expect((await now(guest)).conversations.map((each) => each.id)).toEqual([(await conversationOf(guest)).id]);
  });

  it('follows contacts that are merged, without a new version', async () => {
    const { guest, conversationId } = await linkedGuest('server');
    const version = (await now(guest)).version;
    const view = (
      await other.api<{ participants: { purpose: string; messages: { id: string }[] }[] }>(
        'GET',
        `/conversations/${conversationId}`,
      )
    ).body;
    const communicationId = view.participants.find(({ purpose }) => purpose === 'customer')!.messages[0]!.id;
    const contactId = randomUUID();
    await other.api('PUT', `/externalcontacts/conversations/${conversationId}`, {
      ...{ conversationId, communicationId, mediaType: 'MESSAGE', externalContactId: contactId },
    });
    silence();
    await reconciliation.sweep();
    const { conversations: all, version: after } = await now(guest);
    expect([all[0]!.contactId, after]).toEqual([contactId, version]);
  });

  it('asks for many at once, and stays within its share of the calls', async () => {
    // Conversations nobody knows: each costs a call of its own.
    const forgotten = (id: string) => ({ id, ended: false, participantId: randomUUID(), attributes: {}, messages: [] });
    const all = CALLS_A_RUN + 20;
    for (let count = 0; count < all; count++)
      await told.linkTo((await create('server')).id, forgotten(randomUUID()), true);
    const before = (await other.requests()).length;
    silence();
    const looked = await reconciliation.sweep();
    const spent = (await other.requests()).slice(before).filter(({ path }) => path.startsWith('/api/'));
    expect(spent.length).toBeLessThanOrEqual(CALLS_A_RUN);
    expect(looked).toBeGreaterThan(CALLS_A_RUN / 2);
    expect(await calls('/analytics/conversations/details')).toBeLessThanOrEqual(4);
    // Who was not reached is first in the next run.
    expect(looked + (await reconciliation.sweep())).toBe(all);
    expect(await reconciliation.sweep()).toBe(0);
  }, 60_000);

  it('searches on with the next run where an organisation has more conversations than a run may search', async () => {
    const guest = await create('widget');
    await written(guest);
    const claim = { conversationId: (await conversationOf(guest)).id, guestId: guest.id };
    const pages: number[] = [];
    const busy: ConversationRecords = {
      ...{ most: 100, of: async () => [], begunFor: async () => [], taggedFor: async () => [] },
      naming: async (_interval, cursor) => {
        const page = Number(cursor ?? 0);
        pages.push(page);
        return { claims: page === 44 ? [claim] : [], cursor: page === 49 ? null : String(page + 1) };
      },
    };
    const { guests: store, clock } = storage;
    const service = new ReconciliationService(store, busy, told, following, clock, { silenceMs: SILENCE });
    silence();
    for (const searched of [SEARCHES_A_RUN, 2 * SEARCHES_A_RUN, 50, 50]) {
      await service.sweep();
      expect(pages).toEqual(Array.from({ length: searched }, (_, page) => page));
    }
    expect((await now(guest)).conversations.map(({ id }) => id)).toEqual([claim.conversationId]);
  });

  it('reads conversations one by one where analytics are not permitted', async () => {
    const { guest, conversationId } = await linkedGuest('server');
    await ends(conversationId);
    await other.fault('genesys', '/analytics/', { permission: false }, 100);
    silence();
    await reconciliation.sweep();
    expect((await now(guest)).state).toBe('disconnected');
  });

  it('is not held up by a conversation that is not for us to see', async () => {
    const [hidden, shown] = [await linkedGuest('widget'), await linkedGuest('widget')];
    await ends(shown.conversationId);
    await other.fault('genesys', `/messages/${hidden.conversationId}`, { permission: false }, 100);
    silence();
    expect(await reconciliation.sweep()).toBe(2);
    expect((await now(hidden.guest)).state).toBe('active');
    expect((await now(shown.guest)).state).toBe('disconnected');
  });

  it('stops when Genesys is away, and goes on afterwards', async () => {
    const { guest, conversationId } = await linkedGuest('server');
    await ends(conversationId);
    await other.fault('genesys', '/analytics/', { status: 429, headers: { 'Retry-After': '60' } }, 1);
    silence();
    expect(await reconciliation.sweep()).toBe(0);
    expect((await now(guest)).state).toBe('active');
  });

  it('asks nothing about a guest who has withdrawn', async () => {
    const { guest, conversationId } = await linkedGuest('widget');
    await guests.patch(guest.id, { consent: { dataProcessing: false } }, { type: 'any' });
    await ends(conversationId);
    const before = await calls('/api/v2/');
    silence();
    await reconciliation.sweep();
    expect(await calls('/api/v2/')).toBe(before);
  });
});
