import type { Tally } from '../../../kernel/data-class.js';
import { endpointNotFound } from '../webhooks.errors.js';
import type { Answer, ClaimedDelivery, Delivery, DeliveryStatus, Endpoint, WebhookEvent } from '../webhooks.js';

export type NewDelivery = { readonly id: string; readonly endpointId: string; readonly event: WebhookEvent };

export type DeliveryQuery = {
  readonly endpointId: string;
  readonly status?: DeliveryStatus;
  readonly cursor?: string;
  readonly limit: number;
};
export type DeliveryPage = { readonly items: readonly Delivery[]; readonly nextCursor: string | null };

export type Settlement = {
  readonly delivery: ClaimedDelivery;
  readonly answer: Answer;
  readonly at: Date;
  readonly status: 'delivered' | 'pending' | 'failed';
  /** When to try again; null unless `pending`. */
  readonly retryAt: Date | null;
};

/** Endpoints, and one row for each event and endpoint that listened to it. What writes joins the current unit of work. */
export abstract class WebhookStore {
  abstract add(endpoint: Endpoint): Promise<void>;
  /** Null when there is no such endpoint, or not any more. */
  abstract find(id: string): Promise<Endpoint | null>;
  /** @throws AppError `webhook.endpoint_not_found` */
  async get(id: string): Promise<Endpoint> {
    const endpoint = await this.find(id);
    if (endpoint === null) throw endpointNotFound(id);
    return endpoint;
  }
  /** All of them, oldest first. */
  abstract list(): Promise<Endpoint[]>;
  /**
   * Reads, changes and writes one endpoint; two callers cannot overwrite each other.
   * @throws AppError `webhook.endpoint_not_found`
   */
  abstract update(id: string, change: (endpoint: Endpoint) => Endpoint): Promise<Endpoint>;
  /** Its deliveries can be neither read nor sent any more, and go when they are old. @throws AppError `webhook.endpoint_not_found` */
  abstract remove(id: string): Promise<void>;
  /** Its attempts fail since `since`; null: they do not. Changes nothing when that is known, and says no more than that of an endpoint that is gone. */
  abstract setFailing(id: string, since: Date | null): Promise<void>;

  /** To be sent at once. Not kept when the endpoint is disabled or gone, whatever the caller believes. */
  abstract put(delivery: NewDelivery, at: Date): Promise<void>;
  /** Nothing about this subject is sent any more, replays included. Of what is under way the attempt is the last. */
  abstract withdraw(subject: string): Promise<void>;
  /** The ids of enabled endpoints for which something is due. */
  abstract due(): Promise<string[]>;
  /** Leases up to `limit` due deliveries of an endpoint, those due longest first. A lease nobody settles runs out by itself. */
  abstract claim(endpointId: string, limit: number, leaseMs: number): Promise<ClaimedDelivery[]>;
  /** What an attempt came to. Changes nothing when its lease ran out and somebody else has the delivery. */
  abstract settle(settlement: Settlement): Promise<void>;

  /** Newest first. @throws AppError `request.invalid` for a cursor of another list */
  abstract deliveries(query: DeliveryQuery): Promise<DeliveryPage>;
  /**
   * Due at once, and at the beginning of its schedule again.
   * @throws AppError `webhook.delivery_not_found`, `webhook.delivery_withdrawn`
   */
  abstract replay(endpointId: string, deliveryId: string, at: Date): Promise<Delivery>;
  /** Forgets up to `limit` deliveries made before then, whatever became of them. Answers how many. */
  abstract purge(before: Date, limit: number): Promise<number>;
  /** How many deliveries `purge` would forget, and from when the oldest of all is. */
  abstract count(before: Date): Promise<Tally>;
}
