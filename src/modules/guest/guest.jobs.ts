import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { errorCode } from '../../kernel/app-error.js';
import { Courier } from '../../kernel/courier.js';
import type { Delivery } from '../../kernel/courier.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { Outbox } from '../../kernel/outbox.js';
import type { ClaimedIntent } from '../../kernel/outbox.js';
import { AttachmentService } from './attachment.service.js';
import { ConversationService } from './conversation.service.js';
import { HAND_OVER, LINK, LOCATE, SEND, UPLOAD } from './guest.intents.js';
import { HandOverService } from './hand-over.service.js';
import { IdleService } from './idle.service.js';
import { MessageService } from './message.service.js';

/** Milliseconds between looks for what nobody was woken for. */
const LOOK_MS = 2_000;
/** As above, for what people wait for: another process may have accepted it for a guest whose socket is held here. */
const SEND_LOOK_MS = 500;
const KEEP_MS = 5_000;
const IDLE_LOOK_MS = 60_000;
const IDLE_LEASE_MS = 10 * 60_000;

/** What goes to Genesys on its own: at once when something was written here, and by schedule for all that was not. */
@Injectable()
export class GuestJobs implements OnApplicationBootstrap {
  private readonly deliveries: Readonly<Record<string, Delivery>>;

  constructor(
    private readonly outbox: Outbox,
    private readonly courier: Courier,
    private readonly runner: JobRunner,
    private readonly handOvers: HandOverService,
    private readonly idlers: IdleService,
    conversations: ConversationService,
    messages: MessageService,
    attachments: AttachmentService,
  ) {
    this.deliveries = {
      [HAND_OVER]: {
        by: 'holder',
        concurrency: 32,
        deliver: whileWanted(({ subject, attempt }) => handOvers.handOver(subject, attempt)),
        parked: ({ subject }, code) => conversations.refused(subject, code),
      },
      [SEND]: {
        by: 'holder',
        concurrency: 32,
        deliver: whileWanted(({ subject, payload, attempt }) =>
          handOvers.send(subject, payload['messageId']!, attempt),
        ),
        parked: ({ subject, payload }) => messages.failed(subject, payload['messageId']!),
      },
      [UPLOAD]: {
        by: 'holder',
        // Each has its file in memory.
        concurrency: 4,
        deliver: whileWanted(({ subject, payload, attempt }) =>
          handOvers.upload(subject, payload['attachmentId']!, attempt),
        ),
        parked: ({ subject, payload }, code) => attachments.refused(subject, payload['attachmentId']!, code),
      },
      [LOCATE]: {
        by: 'holder',
        concurrency: 16,
        deliver: whileWanted(({ subject, payload }) => handOvers.locate(subject, payload['attachmentId']!)),
        parked: ({ subject, payload }, code) => attachments.unlocated(subject, payload['attachmentId']!, code),
      },
      [LINK]: {
        concurrency: 16,
        deliver: whileWanted(({ subject, payload, attempt }) =>
          conversations.link(subject, payload['messageId']!, attempt),
        ),
      },
    };
  }

  onApplicationBootstrap(): void {
    for (const topic of Object.keys(this.deliveries)) this.outbox.onPut(topic, () => void this.deliver(topic));
  }

  @Interval(HAND_OVER, LOOK_MS)
  handOver(): Promise<void> {
    return this.deliver(HAND_OVER);
  }

  @Interval(SEND, SEND_LOOK_MS)
  send(): Promise<void> {
    return this.deliver(SEND);
  }

  @Interval(UPLOAD, SEND_LOOK_MS)
  upload(): Promise<void> {
    return this.deliver(UPLOAD);
  }

  @Interval(LOCATE, SEND_LOOK_MS)
  locate(): Promise<void> {
    return this.deliver(LOCATE);
  }

  @Interval(LINK, LOOK_MS)
  link(): Promise<void> {
    return this.deliver(LINK);
  }

  @Interval('genesys.sockets', KEEP_MS)
  keepSockets(): Promise<void> {
    return this.runner.run('genesys.sockets', () => this.handOvers.keepSockets());
  }

  /** Apart from keeping, which must not wait for what takes long to open. */
  @Interval('genesys.take_over', KEEP_MS)
  takeOver(): Promise<void> {
    return this.runner.run('genesys.take_over', () => this.handOvers.takeOver());
  }

  @Interval('guest.idle', IDLE_LOOK_MS)
  endIdle(): Promise<void> {
    return this.runner.runAlone('guest.idle', IDLE_LEASE_MS, (leaving) => this.idlers.sweep(leaving));
  }

  private deliver(topic: string): Promise<void> {
    return this.runner.run(topic, (leaving) => this.courier.drain(topic, this.deliveries[topic]!, leaving));
  }
}

/** A guest may be erased, or withdraw its consent, while something waits to be done for it: then it is not to be done any more. */
export const whileWanted =
  (deliver: (intent: ClaimedIntent) => Promise<void>): Delivery['deliver'] =>
  async (intent) => {
    try {
      await deliver(intent);
    } catch (error) {
      if (!['guest.not_found', 'consent.required'].includes(errorCode(error))) throw error;
    }
  };
