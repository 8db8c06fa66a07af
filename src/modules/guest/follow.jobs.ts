import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Courier } from '../../kernel/courier.js';
import type { Delivery } from '../../kernel/courier.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { Outbox } from '../../kernel/outbox.js';
import { whileWanted } from './guest.jobs.js';
import { FollowService } from './follow.service.js';
import { FOLLOW, MARK } from './guest.intents.js';
import { MarkService } from './mark.service.js';
import type { Mark } from './mark.service.js';
import { NotificationService } from './notification.service.js';
import { ReconciliationService } from './reconciliation.service.js';

/** Milliseconds between looks for what nobody was woken for. */
const LOOK_MS = 2_000;
/** How often a share of the calls of a minute is spent on reconciling. */
const RECONCILE_LOOK_MS = 60_000;
/** A topic is asked for so long after it is known that somebody is in a conversation, at most; each change costs a call. */
const LISTEN_MS = 10_000;
const RECONCILE_LEASE_MS = 10 * 60_000;

/** What is learnt of conversations without a guest's socket, and what is told about them, on its own. */
@Injectable()
export class FollowJobs implements OnApplicationBootstrap {
  private readonly deliveries: Readonly<Record<string, Delivery>>;

  constructor(
    private readonly outbox: Outbox,
    private readonly courier: Courier,
    private readonly runner: JobRunner,
    private readonly reconciliation: ReconciliationService,
    private readonly notifications: NotificationService,
    followed: FollowService,
    marks: MarkService,
  ) {
    this.deliveries = {
      [FOLLOW]: {
        concurrency: 16,
        deliver: whileWanted(({ subject, payload, attempt }) =>
          followed.follow(
            { conversationId: subject, guestId: payload['guestId'] ?? null, ended: payload['ended'] === 'true' },
            attempt,
          ),
        ),
      },
      [MARK]: {
        concurrency: 4,
        deliver: whileWanted(({ subject, payload, attempt }) => marks.mark(subject, payload as Mark, attempt)),
      },
    };
  }

  onApplicationBootstrap(): void {
    for (const topic of Object.keys(this.deliveries)) this.outbox.onPut(topic, () => void this.deliver(topic));
  }

  @Interval(FOLLOW, LOOK_MS)
  follow(): Promise<void> {
    return this.deliver(FOLLOW);
  }

  @Interval(MARK, LOOK_MS)
  mark(): Promise<void> {
    return this.deliver(MARK);
  }

  @Interval('guest.reconcile', RECONCILE_LOOK_MS)
  reconcile(): Promise<void> {
    return this.runner.runAlone('guest.reconcile', RECONCILE_LEASE_MS, (leaving) => this.reconciliation.sweep(leaving));
  }

  @Interval('genesys.notifications', LISTEN_MS)
  listen(): Promise<void> {
    return this.runner.run('genesys.notifications', () => this.notifications.follow());
  }

  private deliver(topic: string): Promise<void> {
    return this.runner.run(topic, (leaving) => this.courier.drain(topic, this.deliveries[topic]!, leaving));
  }
}
