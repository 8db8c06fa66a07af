import { randomUUID } from 'node:crypto';
import { aGuest } from '../../../test/builders/guest.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import type { Leases } from '../../kernel/leases.js';
import { FollowService } from './follow.service.js';
import type { Guest } from './guest.js';
import { NotificationService } from './notification.service.js';
import { ConversationNotifications } from './ports/conversation-notifications.js';
import type { NotificationListener } from './ports/conversation-notifications.js';

/** Listens to nobody, and knows whom it should. */
class Ears extends ConversationNotifications {
  followed: readonly string[] | null = null;
  listener!: NotificationListener;

  constructor(readonly most: number) {
    super();
  }

  listen(listener: NotificationListener): void {
    this.listener = listener;
  }

  async follow(conversationIds: readonly string[]): Promise<void> {
    this.followed = conversationIds;
  }

  leave(): void {
    this.followed = null;
  }
}

describe('listening to conversations', () => {
  let storage: TestStorage;
  beforeAll(async () => void (storage = await openTestStorage()), 60_000);
  afterAll(() => storage.close());

  const process = (ears: Ears, leases: Leases, read: () => null = () => null): NotificationService => {
    const { guests, outbox, work, clock } = storage;
    // What is taken is all that matters here; what becomes of it does so elsewhere.
    const followed = new FollowService(guests, null as never, null as never, { read }, outbox);
    const service = new NotificationService(ears, guests, followed, leases, work, clock);
    service.onModuleInit();
    return service;
  };
  const inConversation = async (): Promise<Guest> => {
    const conversations = [{ id: randomUUID(), participantId: randomUUID(), endedAt: null }];
    const guest = aGuest({ mode: 'widget', state: 'active', conversations });
    await storage.guests.add(guest);
    return guest;
  };

  it('is one process’s business at a time, another’s when that leaves or dies, and nobody’s where it is switched off', async () => {
    const { leases: others } = await storage.openAnother();
    const [ours, theirs, off] = [new Ears(1), new Ears(1), new Ears(0)];
    let here = process(ours, storage.leases);
    const there = process(theirs, others);
    const { conversations } = await inConversation();
    const ids = [conversations[0]!.id];
    const look = async () => {
      await here.follow();
      await there.follow();
      return [ours.followed, theirs.followed];
    };
    await process(off, storage.leases).follow();
    expect(off.followed).toBeNull();
    expect(await look()).toEqual([ids, null]);
    await here.beforeApplicationShutdown();
    await there.follow();
    expect([ours.followed, theirs.followed]).toEqual([null, ids]);
    here = process(ours, storage.leases);
    expect(await look()).toEqual([null, ids]);
    storage.clock.advance(30_000);
    expect(await look()).toEqual([ids, null]);
  });

  it('is not begun by a process that is about to leave', async () => {
    const ears = new Ears(1);
    const here = process(ears, storage.leases);
    await inConversation();
    const listenedTo = storage.guests.listenedTo.bind(storage.guests);
    const spy = jest.spyOn(storage.guests, 'listenedTo').mockImplementation(async (most) => {
      await here.beforeApplicationShutdown();
      return listenedTo(most);
    });
    await here.follow();
    spy.mockRestore();
    expect(ears.followed).toBeNull();
    await here.follow();
    expect(ears.followed).toBeNull();
    const other = new Ears(1);
    await process(other, (await storage.openAnother()).leases).follow();
    expect(other.followed).not.toBeNull();
  });

  it('goes on after a notification nobody can read, and has one told again that could not be taken', async () => {
    let error = new AppError('invalid', 'request.invalid', 'No id in it.');
    const ears = new Ears(1);
    process(ears, storage.leases, () => {
      throw error;
    });
    await expect(ears.listener.told({ topicName: 'v2.something' })).resolves.toBeUndefined();
    error = new AppError('unavailable', 'storage.unavailable', 'Storage is away.');
    await expect(ears.listener.told({ topicName: 'v2.something' })).rejects.toBe(error);
  });
});
