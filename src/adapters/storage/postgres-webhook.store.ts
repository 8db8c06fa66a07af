import type { Clock } from '../../kernel/clock.js';
import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import { deliveryNotFound, deliveryWithdrawn, endpointNotFound, WebhookStore } from '../../modules/webhooks/index.js';
import type {
  ClaimedDelivery,
  Delivery,
  DeliveryPage,
  DeliveryQuery,
  Endpoint,
  NewDelivery,
  Settlement,
} from '../../modules/webhooks/index.js';
import type { GroupCommitter } from './group-committer.js';
import { pageOf, toCursor } from './page.js';
import * as deliveries from './webhook-deliveries.js';
import { toClaimed, toDelivery, toPut, toSettled } from './webhook-deliveries.js';
import type { ClaimedRow, DeliveryRow } from './webhook-deliveries.js';
import * as endpoints from './webhook-endpoints.js';
import { toEndpoint, toRow } from './webhook-endpoints.js';
import type { EndpointRow } from './webhook-endpoints.js';

export class PostgresWebhookStore extends WebhookStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
  ) {
    super();
  }

  add(endpoint: Endpoint): Promise<void> {
    return this.work.collect(endpoints.added, keyOf(endpoint.id), toRow(endpoint));
  }

  async find(id: string): Promise<Endpoint | null> {
    if (!UUID.test(id)) return null;
    const { rows } = await this.work.lookUp<EndpointRow>(keyOf(id), endpoints.FIND, [id]);
    return rows[0] === undefined ? null : toEndpoint(rows[0]);
  }

  async list(): Promise<Endpoint[]> {
    return (await this.work.query<EndpointRow>(endpoints.LIST)).rows.map(toEndpoint);
  }

  async update(id: string, change: (endpoint: Endpoint) => Endpoint): Promise<Endpoint> {
    if (!UUID.test(id)) throw endpointNotFound(id);
    return this.work.run(async () => {
      const { rows } = await this.work.lookUp<EndpointRow>(keyOf(id), endpoints.LOCK, [id]);
      if (rows[0] === undefined) throw endpointNotFound(id);
      const endpoint = toEndpoint(rows[0]);
      const next = change(endpoint);
      if (next !== endpoint) await this.work.collect(endpoints.changed, keyOf(id), toRow(next));
      return next;
    });
  }

  async remove(id: string): Promise<void> {
    if (!UUID.test(id)) throw endpointNotFound(id);
    const { count } = await this.work.run(() => this.work.query(endpoints.REMOVE, [id]));
    if (count === 0) throw endpointNotFound(id);
  }

  setFailing(id: string, since: Date | null): Promise<void> {
    return this.work.collect(endpoints.failing, keyOf(id), { id, since: since?.toISOString() ?? null });
  }

  put(delivery: NewDelivery, at: Date): Promise<void> {
    return this.work.collect(deliveries.put, subjectKey(delivery.event.subject), toPut(delivery, at));
  }

  withdraw(subject: string): Promise<void> {
    return this.work.collect(deliveries.withdrawn, subjectKey(subject), subject);
  }

  async due(): Promise<string[]> {
    const { rows } = await this.work.query<{ id: string }>(deliveries.DUE, [this.clock.now().toISOString()]);
    return rows.map(({ id }) => id);
  }

  async claim(endpointId: string, limit: number, leaseMs: number): Promise<ClaimedDelivery[]> {
    const now = this.clock.now();
    const until = new Date(now.getTime() + leaseMs);
    const { rows } = await this.work.run(() =>
      this.work.query<ClaimedRow>(deliveries.CLAIM, [endpointId, now.toISOString(), limit, until.toISOString()]),
    );
    return rows.sort((a, b) => a.due_at.getTime() - b.due_at.getTime()).map(toClaimed);
  }

  settle(settlement: Settlement): Promise<void> {
    return this.work.collect(deliveries.settled, `webhook_delivery:${settlement.delivery.id}`, toSettled(settlement));
  }

  async deliveries(query: DeliveryQuery): Promise<DeliveryPage> {
    const { statement, values } = deliveries.pageOfLog(query);
    const { rows } = await this.work.query<DeliveryRow>(statement, values);
    return pageOf(rows, query.limit, toDelivery, ({ id }) => toCursor(id));
  }

  replay(endpointId: string, deliveryId: string, at: Date): Promise<Delivery> {
    return this.work.run(async () => {
      const found = await this.work.query<DeliveryRow>(deliveries.FIND_DELIVERY, [deliveryId, endpointId]);
      if (found.rows[0] === undefined) throw deliveryNotFound(deliveryId);
      if (found.rows[0].withdrawn) throw deliveryWithdrawn(deliveryId);
      const { rows } = await this.work.query<DeliveryRow>(deliveries.REPLAY, [deliveryId, at.toISOString()]);
      return toDelivery(rows[0]!);
    });
  }

  async purge(before: Date, limit: number): Promise<number> {
    const { count } = await this.work.run(() => this.work.query(deliveries.PURGE, [before.toISOString(), limit]));
    return count;
  }

  async count(before: Date): Promise<Tally> {
    const { rows } = await this.work.query<Tally>(deliveries.COUNT, [before.toISOString()]);
    return rows[0]!;
  }
}

const keyOf = (id: string): string => `webhook_endpoint:${id}`;
const subjectKey = (subject: string): string => `webhook_subject:${subject}`;
