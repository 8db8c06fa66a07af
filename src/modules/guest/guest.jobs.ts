import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { Courier } from '../../kernel/courier.js';
import type { Delivery } from '../../kernel/courier.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { Outbox } from '../../kernel/outbox.js';
import { ConversationService, LINK } from './conversation.service.js';
import { HAND_OVER } from './guest.changes.js';
import { HandOverService, LINK_ATTEMPTS } from './hand-over.service.js';
import { MessageService, SEND } from './message.service.js';

const EVERY_2_SECONDS = '*/2 * * * * *';
const EVERY_5_SECONDS = '*/5 * * * * *';

/** What goes to Genesys on its own: at once when something was written here, and by schedule for all that was not. */
@Injectable()
export class GuestJobs implements OnApplicationBootstrap {
  private readonly deliveries: Readonly<Record<string, Delivery>>;

  constructor(
    private readonly outbox: Outbox,
    private readonly courier: Courier,
    private readonly runner: JobRunner,
    private readonly handOvers: HandOverService,
    conversations: ConversationService,
    messages: MessageService,
  ) {
    this.deliveries = {
      [HAND_OVER]: {
        topic: HAND_OVER,
        concurrency: 32,
        deliver: ({ subject, attempt }) => handOvers.handOver(subject, attempt),
        parked: ({ subject }, code) => conversations.refused(subject, code),
      },
      [SEND]: {
        topic: SEND,
        concurrency: 32,
        deliver: ({ subject, payload, attempt }) => handOvers.send(subject, payload['messageId']!, attempt),
        parked: ({ subject, payload }) => messages.failed(subject, payload['messageId']!),
      },
      [LINK]: {
        topic: LINK,
        concurrency: 16,
        maxAttempts: LINK_ATTEMPTS,
        deliver: ({ subject, payload }) => conversations.link(subject, payload['messageId']!),
      },
    };
  }

  onApplicationBootstrap(): void {
    for (const topic of Object.keys(this.deliveries)) this.outbox.onPut(topic, () => void this.deliver(topic));
  }

  @Cron(EVERY_2_SECONDS, { name: HAND_OVER, timeZone: 'UTC' })
  handOver(): Promise<void> {
    return this.deliver(HAND_OVER);
  }

  @Cron(EVERY_2_SECONDS, { name: SEND, timeZone: 'UTC' })
  send(): Promise<void> {
    return this.deliver(SEND);
  }

  @Cron(EVERY_2_SECONDS, { name: LINK, timeZone: 'UTC' })
  link(): Promise<void> {
    return this.deliver(LINK);
  }

  @Cron(EVERY_5_SECONDS, { name: 'genesys.sockets', timeZone: 'UTC' })
  keepSockets(): Promise<void> {
    return this.runner.run('genesys.sockets', () => this.handOvers.keepSockets());
  }

  private deliver(topic: string): Promise<void> {
    return this.runner.run(topic, () => this.courier.drain(this.deliveries[topic]!));
  }
}
