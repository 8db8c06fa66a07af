import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { Courier } from '../../kernel/courier.js';
import type { Delivery } from '../../kernel/courier.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { Outbox } from '../../kernel/outbox.js';
import { ErasurePlaces } from './erasure-places.service.js';
import { ErasureService } from './erasure.service.js';
import { ERASE, ERASE_PLACE } from './guest.intents.js';

/** Milliseconds between looks for what nobody was woken for. */
const LOOK_MS = 1_000;
const UNFINISHED_LOOK_MS = 3_600_000;
const UNFINISHED_LEASE_MS = 10 * 60_000;

/** Erases what is to be erased, in the order in which that becomes possible. */
@Injectable()
export class ErasureJobs implements OnApplicationBootstrap {
  private readonly logger = new Logger('guest');
  private readonly deliveries: Readonly<Record<string, Delivery>>;

  constructor(
    private readonly outbox: Outbox,
    private readonly courier: Courier,
    private readonly runner: JobRunner,
    private readonly erasures: ErasureService,
    places: ErasurePlaces,
  ) {
    this.deliveries = {
      [ERASE]: {
        concurrency: 8,
        deliver: ({ subject }) => erasures.eraseWhenEnded(subject),
        // Taken up again within the hour.
        parked: async ({ subject }, code) => this.logger.error('guest not erased', { guestId: subject, code }),
      },
      [ERASE_PLACE]: {
        concurrency: 8,
        deliver: ({ payload, attempt }) => places.erase(payload['erasureId']!, payload['place']!, attempt),
        parked: ({ payload }, code) => places.leftOpen(payload['erasureId']!, payload['place']!, code),
      },
    };
  }

  onApplicationBootstrap(): void {
    for (const topic of Object.keys(this.deliveries)) this.outbox.onPut(topic, () => void this.deliver(topic));
  }

  @Interval(ERASE, LOOK_MS)
  erase(): Promise<void> {
    return this.deliver(ERASE);
  }

  @Interval(ERASE_PLACE, LOOK_MS)
  erasePlaces(): Promise<void> {
    return this.deliver(ERASE_PLACE);
  }

  /** None is forgotten: what is to be erased here must not stay because something went wrong with it once. */
  @Interval('guest.erase.unfinished', UNFINISHED_LOOK_MS)
  eraseUnfinished(): Promise<void> {
    return this.runner.runAlone('guest.erase.unfinished', UNFINISHED_LEASE_MS, () => this.erasures.goOn());
  }

  private deliver(topic: string): Promise<void> {
    return this.runner.run(topic, (leaving) => this.courier.drain(topic, this.deliveries[topic]!, leaving));
  }
}
