import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Leases } from '../../kernel/leases.js';
import { withRunContext } from '../../kernel/run-context.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { FollowService } from './follow.service.js';
import { ConversationNotifications } from './ports/conversation-notifications.js';
import { GuestStore } from './ports/guest.store.js';

const LEASE = 'genesys.notifications';
/** Renewed at every look, three times before it runs out. */
const LEASE_MS = 30_000;

/** Listens to the conversations of pages' guests, in one process at a time. What is told is taken as `POST /v1/genesys/events` takes it. */
@Injectable()
export class NotificationService implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger('guest');
  private isLeaving = false;

  constructor(
    private readonly notifications: ConversationNotifications,
    private readonly guests: GuestStore,
    private readonly followed: FollowService,
    private readonly leases: Leases,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const heard = <T>(work: () => Promise<T>): Promise<T> =>
      withRunContext({ id: randomUUID(), actor: 'genesys' }, work);
    this.notifications.listen({
      told: (notification) => heard(() => this.take(notification)),
      missed: () => heard(() => this.lookAgain()),
    });
  }

  /** Listens to those that are to be listened to now, or leaves it to the process that does. */
  async follow(): Promise<void> {
    const { most } = this.notifications;
    if (most === 0 || this.isLeaving) return;
    if (!(await this.leases.take(LEASE, LEASE_MS))) return this.notifications.leave();
    const listenedTo = await this.guests.listenedTo(most);
    // A channel that is opened now would be nobody's to leave.
    if (this.isLeaving) return;
    await this.notifications.follow(listenedTo.map(({ conversationId }) => conversationId));
  }

  /** One that cannot be read will never be, and nothing else is missed for it. */
  private async take(notification: unknown): Promise<void> {
    try {
      await this.followed.takeNews(notification);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'invalid') throw error;
      this.logger.warn('genesys notification not understood', { code: error.code });
    }
  }

  /** Another process need not wait for the lease to run out. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isLeaving = true;
    this.notifications.leave();
    if (this.notifications.most > 0) await this.leases.release(LEASE);
  }

  /** Whoever is silent is due for reconciliation now, however long ago that was put off. */
  private async lookAgain(): Promise<void> {
    const listenedTo = await this.guests.listenedTo(this.notifications.most);
    await this.work.run(async () => {
      for (const { guestId } of listenedTo) await this.guests.lookAgain(guestId, this.clock.now());
    });
  }
}
