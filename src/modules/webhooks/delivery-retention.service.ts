import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DataClasses } from '../../kernel/data-class.js';
import type { DataClass, Swept, Tally } from '../../kernel/data-class.js';
import { WebhookStore } from './ports/webhook.store.js';

/** The log of what was sent to whom, by the date of the event. Whatever became of a delivery: its schedule is over long before. */
@Injectable()
export class DeliveryRetention implements DataClass, OnModuleInit {
  readonly name = 'webhook-deliveries';

  constructor(
    private readonly store: WebhookStore,
    private readonly classes: DataClasses,
  ) {}

  onModuleInit(): void {
    this.classes.register(this);
  }

  preview(before: Date): Promise<Tally> {
    return this.store.count(before);
  }

  async sweep(before: Date, limit: number): Promise<Swept> {
    return { gone: await this.store.purge(before, limit), kept: 0 };
  }
}
