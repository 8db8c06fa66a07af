import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import { DeliveryService } from './delivery.service.js';
import { WebhooksService } from './webhooks.service.js';

/** What happens within this time is looked for once. */
const GATHER_MS = 50;
/** How long what another instance changed may be unknown here, in milliseconds. */
const REFRESH_MS = 5_000;

/** What leaves on its own: at once when something happened here, and by schedule for all that did not. */
@Injectable()
export class WebhooksJobs implements OnModuleInit {
  private gathering = false;

  constructor(
    private readonly webhooks: WebhooksService,
    private readonly deliveries: DeliveryService,
    private readonly runner: JobRunner,
  ) {}

  onModuleInit(): void {
    this.webhooks.onDue(() => {
      if (this.gathering) return;
      this.gathering = true;
      setTimeout(() => {
        this.gathering = false;
        void this.deliver();
      }, GATHER_MS).unref();
    });
  }

  @Interval('webhooks.deliver', 1_000)
  deliver(): Promise<void> {
    return this.runner.run('webhooks.deliver', (leaving) => this.deliveries.drain(leaving));
  }

  @Interval('webhooks.refresh', REFRESH_MS)
  refresh(): Promise<void> {
    return this.runner.run('webhooks.refresh', () => this.webhooks.refresh());
  }
}
