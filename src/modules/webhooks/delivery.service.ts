import { Injectable, Logger } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { UnderWay } from '../../kernel/under-way.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { EndpointService } from './endpoint.service.js';
import { Listeners } from './listeners.js';
import { WebhookSender } from './ports/webhook.sender.js';
import { WebhookStore } from './ports/webhook.store.js';
import type { DeliveryPage, DeliveryQuery } from './ports/webhook.store.js';
import { signedHeaders } from './signing.js';
import { endpointDisabled } from './webhooks.errors.js';
import { disabledBy, retryAt, SECRET_SUBJECT, succeeded } from './webhooks.js';
import type { Answer, ClaimedDelivery, Delivery, Endpoint } from './webhooks.js';

/** Longer than an attempt may take, so that two processes are never at the same one. */
const LEASE_MS = 25_000;
/** How many attempts one endpoint has under way in a process: its own slowness is all that holds it up. */
const AT_ONCE = 8;
/** While something is under way new deliveries are looked for this often. */
const LOOK_AGAIN_MS = 250;

/** Takes what is due to the endpoints, and shows what became of it. */
@Injectable()
export class DeliveryService {
  private readonly logger = new Logger('webhooks');

  constructor(
    private readonly store: WebhookStore,
    private readonly sender: WebhookSender,
    private readonly endpoints: EndpointService,
    private readonly listeners: Listeners,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Sends what is due until nothing is, or until the process leaves. An endpoint that is slow or down holds up nobody else. */
  async drain(leaving?: AbortSignal): Promise<void> {
    const underWay = new UnderWay();
    try {
      await this.sendDue(underWay, leaving);
    } finally {
      await underWay.all();
    }
  }

  private async sendDue(underWay: UnderWay, leaving?: AbortSignal): Promise<void> {
    const atEndpoint = new Map<string, number>();
    const count = (endpointId: string, by: number): void =>
      void atEndpoint.set(endpointId, (atEndpoint.get(endpointId) ?? 0) + by);
    let isBusy: boolean;
    do {
      // What ends while we look leaves room for what was passed over.
      isBusy = underWay.size > 0;
      const due = leaving?.aborted === true || this.listeners.isEmpty ? [] : await this.store.due();
      for (const endpointId of due) {
        const room = AT_ONCE - (atEndpoint.get(endpointId) ?? 0);
        for (const delivery of room > 0 ? await this.store.claim(endpointId, room, LEASE_MS) : []) {
          isBusy = true;
          count(endpointId, 1);
          underWay.add(this.attempt(delivery).finally(() => count(endpointId, -1)));
        }
      }
      if (underWay.size > 0) await underWay.anyWithin(LOOK_AGAIN_MS);
    } while (isBusy);
  }

  /** @throws AppError `webhook.endpoint_not_found` */
  async list(query: DeliveryQuery): Promise<DeliveryPage> {
    await this.store.get(query.endpointId);
    return this.store.deliveries(query);
  }

  /**
   * Sends it again, at once and by the whole schedule if need be, under the same `webhook-id`.
   * @throws AppError `webhook.endpoint_not_found`, `webhook.endpoint_disabled`, `webhook.delivery_not_found`, `webhook.delivery_withdrawn`
   */
  replay(endpointId: string, deliveryId: string): Promise<Delivery> {
    return this.work.run(async () => {
      const endpoint = await this.store.get(endpointId);
      if (endpoint.disabled !== null) throw endpointDisabled(endpointId);
      const delivery = await this.store.replay(endpointId, deliveryId, this.clock.now());
      await this.audit.record({
        subject: SECRET_SUBJECT,
        event: 'WEBHOOK_REPLAYED',
        changes: { endpointId, deliveryId, type: delivery.type },
      });
      return delivery;
    });
  }

  private async attempt(delivery: ClaimedDelivery): Promise<void> {
    const { id, endpointId, attempt } = delivery;
    try {
      const endpoint = await this.store.find(endpointId);
      // Disabled or deleted since it was claimed: the lease runs out, and nobody claims it again unless it is enabled.
      if (endpoint?.disabled === null) await this.settle(endpoint, delivery, await this.answerTo(endpoint, delivery));
    } catch (error) {
      this.logger.error('webhook not settled', { endpointId, deliveryId: id, attempt, code: errorCode(error), error });
    }
  }

  private async answerTo(endpoint: Endpoint, { id, body }: ClaimedDelivery): Promise<Answer> {
    const at = this.clock.now();
    const headers = signedHeaders(await this.endpoints.secretsOf(endpoint, at), id, at, body);
    try {
      return { status: await this.sender.post(endpoint.url, headers, body), code: null };
    } catch (error) {
      return { status: null, code: errorCode(error) };
    }
  }

  private async settle(endpoint: Endpoint, delivery: ClaimedDelivery, answer: Answer): Promise<void> {
    const at = this.clock.now();
    const isDone = succeeded(answer);
    const next = isDone || answer.status === 410 ? null : retryAt(delivery.failures + 1, at);
    const status = isDone ? 'delivered' : next === null ? 'failed' : 'pending';
    const reason = disabledBy(answer, endpoint.failingSince, at);
    await this.work.run(async () => {
      await this.store.settle({ delivery, answer, at, status, retryAt: next });
      if (isDone !== (endpoint.failingSince === null)) await this.store.setFailing(endpoint.id, isDone ? null : at);
      if (reason !== null) await this.endpoints.disable(endpoint.id, reason);
    });
    const facts = { endpointId: endpoint.id, deliveryId: delivery.id, attempt: delivery.attempt };
    if (!isDone) this.logger.warn('webhook not delivered', { ...facts, ...answer, next: next?.toISOString() ?? null });
    if (reason !== null) this.logger.error('webhook endpoint disabled', { endpointId: endpoint.id, reason });
  }
}
