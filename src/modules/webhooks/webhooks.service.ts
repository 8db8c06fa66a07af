import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Listeners } from './listeners.js';
import { WebhookStore } from './ports/webhook.store.js';
import type { EventType, WebhookEvent } from './webhooks.js';

/** Where other modules say what happened. */
@Injectable()
export class WebhooksService implements OnModuleInit {
  private wake: () => void = () => undefined;

  constructor(
    private readonly store: WebhookStore,
    private readonly listeners: Listeners,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): Promise<void> {
    return this.refresh();
  }

  /** Called when something has become due in this process. Only a hint: the schedule finds it too. */
  onDue(wake: () => void): void {
    this.wake = wake;
  }

  /**
   * Whether anybody wants to know, as far as this process knows: what another instance changed it learns within seconds. So an endpoint
   * added there may miss what happens here in that time; one disabled or deleted there is sent nothing.
   */
  hasListeners(type: EventType): boolean {
    return this.listeners.to(type).length > 0;
  }

  /** Tells every endpoint that listens. Joins the current unit of work; delivered afterwards. */
  async emit(event: WebhookEvent): Promise<void> {
    const at = this.clock.now();
    for (const endpointId of this.listeners.to(event.type))
      await this.store.put({ id: uuidv7(at.getTime()), endpointId, event }, at);
    this.work.afterCommit(() => this.wake());
  }

  /** Nothing about this subject leaves any more, what waits included. Joins the current unit of work. */
  withdraw(subject: string): Promise<void> {
    return this.store.withdraw(subject);
  }

  /** Learns what other processes have changed. */
  async refresh(): Promise<void> {
    for (;;) {
      const { changes } = this.listeners;
      const endpoints = await this.store.list();
      if (changes === this.listeners.changes) return this.listeners.replace(endpoints);
    }
  }
}
