import type { Clock } from '../../kernel/clock.js';
import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import {
  bodyOf,
  deliveryNotFound,
  deliveryWithdrawn,
  endpointNotFound,
  WebhookStore,
} from '../../modules/webhooks/index.js';
import type {
  ClaimedDelivery,
  Delivery,
  DeliveryPage,
  DeliveryQuery,
  DeliveryStatus,
  DisabledReason,
  Endpoint,
  EventType,
  NewDelivery,
  Settlement,
} from '../../modules/webhooks/index.js';
import type { GroupCommitter } from './group-committer.js';
import { fromCursor, pageOf, toCursor } from './page.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type EndpointRow = {
  readonly id: string;
  readonly url: string;
  readonly events: EventType[];
  readonly description: string | null;
  readonly disabled_reason: DisabledReason | null;
  readonly disabled_at: Date | null;
  readonly failing_since: Date | null;
  readonly sealed_secret: string;
  readonly previous_sealed_secret: string | null;
  readonly previous_until: Date | null;
  readonly created_at: Date;
  readonly modified_at: Date;
};
type DeliveryRow = {
  readonly id: string;
  readonly endpoint_id: string;
  readonly subject: string;
  readonly type: EventType;
  readonly status: DeliveryStatus;
  readonly withdrawn: boolean;
  readonly attempts: number;
  readonly due_at: Date | null;
  readonly last_at: Date | null;
  readonly last_status: number | null;
  readonly code: string | null;
  readonly created_at: Date;
};
type ClaimedRow = Pick<DeliveryRow, 'id' | 'endpoint_id' | 'type' | 'attempts'> & {
  readonly body: string;
  readonly failures: number;
  readonly due_at: Date;
};

const ENDPOINT = `id, url, events, description, disabled_reason, disabled_at, failing_since, sealed_secret,
  previous_sealed_secret, previous_until, created_at, modified_at`;
const ENDPOINT_ROW = `json_to_recordset($1) as row (id uuid, url text, events jsonb, description text, disabled_reason text,
  disabled_at timestamptz, failing_since timestamptz, sealed_secret text, previous_sealed_secret text, previous_until timestamptz,
  created_at timestamptz, modified_at timestamptz)`;
const FIND: Statement = { name: 'webhook.find', text: `select ${ENDPOINT} from webhook_endpoint where id = $1` };
const LOCK: Statement = { name: 'webhook.lock', text: `${FIND.text} for update` };
const LIST: Statement = { name: 'webhook.list', text: `select ${ENDPOINT} from webhook_endpoint order by id` };
const ADD: Statement = {
  name: 'webhook.add',
  text: `insert into webhook_endpoint (${ENDPOINT}) select ${ENDPOINT} from ${ENDPOINT_ROW}`,
};
const UPDATE: Statement = {
  name: 'webhook.update',
  text: `update webhook_endpoint set url = row.url, events = row.events, description = row.description,
      disabled_reason = row.disabled_reason, disabled_at = row.disabled_at, failing_since = row.failing_since,
      sealed_secret = row.sealed_secret, previous_sealed_secret = row.previous_sealed_secret, previous_until = row.previous_until,
      modified_at = row.modified_at
    from ${ENDPOINT_ROW} where webhook_endpoint.id = row.id`,
};
const REMOVE: Statement = { name: 'webhook.remove', text: 'delete from webhook_endpoint where id = $1' };
const SET_FAILING: Statement = {
  name: 'webhook.set_failing',
  text: `update webhook_endpoint set failing_since = row.since from json_to_recordset($1) as row (id uuid, since timestamptz)
    where webhook_endpoint.id = row.id and (webhook_endpoint.failing_since is null) <> (row.since is null)`,
};

const PUT: Statement = {
  name: 'webhook.put',
  // What the caller knows of the endpoint may be old.
  text: `insert into webhook_delivery (id, endpoint_id, subject, type, body, status, due_at, created_at)
    select id, endpoint_id, subject, type, body, 'pending', at, at
      from json_to_recordset($1) as row (id uuid, endpoint_id uuid, subject text, type text, body text, at timestamptz)
      where exists (select from webhook_endpoint e where e.id = row.endpoint_id and e.disabled_reason is null)`,
};
const WITHDRAW: Statement = {
  name: 'webhook.withdraw',
  text: `update webhook_delivery set withdrawn = true, due_at = null,
      status = case when status = 'pending' then 'withdrawn' else status end
    where subject = any($1::text[]) and not withdrawn`,
};
/** Ordered even where only one is wanted: that is what makes the planner take the index of what is due. */
const dueFor = (endpoint: string, at: string): string =>
  `from webhook_delivery d where d.endpoint_id = ${endpoint} and d.due_at <= ${at}
    and (d.leased_until is null or d.leased_until <= ${at}) order by d.due_at`;
const DUE: Statement = {
  name: 'webhook.due',
  text: `select e.id from webhook_endpoint e
    where e.disabled_reason is null and (select true ${dueFor('e.id', '$1')} limit 1) order by e.id`,
};
const CLAIM: Statement = {
  name: 'webhook.claim',
  text: `update webhook_delivery set leased_until = $4, attempts = webhook_delivery.attempts + 1
    from (select d.ctid as place ${dueFor('$1', '$2')} limit $3 for update skip locked) due
    where webhook_delivery.ctid = due.place
    returning id, endpoint_id, type, body, attempts, failures, due_at`,
};
const SETTLE: Statement = {
  name: 'webhook.settle',
  // Only whoever holds the delivery now may let go of it.
  text: `update webhook_delivery set leased_until = null, last_at = row.at, last_status = row.http_status, code = row.code,
      failures = row.failures,
      status = case when withdrawn and row.status = 'pending' then 'withdrawn' else row.status end,
      due_at = case when withdrawn then null else row.due_at end
    from json_to_recordset($1) as row (id uuid, attempts integer, at timestamptz, http_status integer, code text, failures integer,
      status text, due_at timestamptz)
    where webhook_delivery.id = row.id and webhook_delivery.attempts = row.attempts and webhook_delivery.leased_until is not null`,
};
const DELIVERY =
  'id, endpoint_id, subject, type, status, withdrawn, attempts, due_at, last_at, last_status, code, created_at';
const FIND_DELIVERY: Statement = {
  name: 'webhook.find_delivery',
  text: `select ${DELIVERY} from webhook_delivery where id = $1 and endpoint_id = $2 for update`,
};
const REPLAY: Statement = {
  name: 'webhook.replay',
  text: `update webhook_delivery set status = 'pending', failures = 0, due_at = $2 where id = $1 returning ${DELIVERY}`,
};
const PURGE: Statement = {
  name: 'webhook.purge',
  text: `delete from webhook_delivery where id = any(array(select id from webhook_delivery where created_at < $1 order by created_at limit $2))`,
};
const COUNT: Statement = {
  name: 'webhook.count',
  text: `select (select count(*) from webhook_delivery where created_at < $1) as count,
    (select created_at from webhook_delivery order by created_at limit 1) as oldest`,
};

const written = (statement: Statement): Sink<Record<string, unknown>> => ({
  name: statement.name,
  async write(queries, rows) {
    // Rows are locked in one order by everybody.
    const sorted = [...rows].sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1));
    await queries.query(statement, [asJson(sorted)]);
  },
});
const added = written(ADD);
const changed = written(UPDATE);
const failing = written(SET_FAILING);
const settled = written(SETTLE);
const put = { ...written(PUT), folds: true };
const withdrawn: Sink<string> = {
  name: WITHDRAW.name,
  folds: true,
  async write(queries, subjects) {
    await queries.query(WITHDRAW, [subjects]);
  },
};

export class PostgresWebhookStore extends WebhookStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
  ) {
    super();
  }

  add(endpoint: Endpoint): Promise<void> {
    return this.work.collect(added, keyOf(endpoint.id), toRow(endpoint));
  }

  async find(id: string): Promise<Endpoint | null> {
    if (!UUID.test(id)) return null;
    const { rows } = await this.work.lookUp<EndpointRow>(keyOf(id), FIND, [id]);
    return rows[0] === undefined ? null : toEndpoint(rows[0]);
  }

  async list(): Promise<Endpoint[]> {
    return (await this.work.query<EndpointRow>(LIST)).rows.map(toEndpoint);
  }

  async update(id: string, change: (endpoint: Endpoint) => Endpoint): Promise<Endpoint> {
    if (!UUID.test(id)) throw endpointNotFound(id);
    return this.work.run(async () => {
      const { rows } = await this.work.lookUp<EndpointRow>(keyOf(id), LOCK, [id]);
      if (rows[0] === undefined) throw endpointNotFound(id);
      const endpoint = toEndpoint(rows[0]);
      const next = change(endpoint);
      if (next !== endpoint) await this.work.collect(changed, keyOf(id), toRow(next));
      return next;
    });
  }

  async remove(id: string): Promise<void> {
    if (!UUID.test(id)) throw endpointNotFound(id);
    const { count } = await this.work.run(() => this.work.query(REMOVE, [id]));
    if (count === 0) throw endpointNotFound(id);
  }

  setFailing(id: string, since: Date | null): Promise<void> {
    return this.work.collect(failing, keyOf(id), { id, since: since?.toISOString() ?? null });
  }

  put({ id, endpointId, event }: NewDelivery, at: Date): Promise<void> {
    const { subject, type } = event;
    const row = { id, endpoint_id: endpointId, subject, type, body: bodyOf(event), at: at.toISOString() };
    return this.work.collect(put, subjectKey(subject), row);
  }

  withdraw(subject: string): Promise<void> {
    return this.work.collect(withdrawn, subjectKey(subject), subject);
  }

  async due(): Promise<string[]> {
    const { rows } = await this.work.query<{ id: string }>(DUE, [this.clock.now().toISOString()]);
    return rows.map(({ id }) => id);
  }

  async claim(endpointId: string, limit: number, leaseMs: number): Promise<ClaimedDelivery[]> {
    const now = this.clock.now();
    const until = new Date(now.getTime() + leaseMs);
    const { rows } = await this.work.run(() =>
      this.work.query<ClaimedRow>(CLAIM, [endpointId, now.toISOString(), limit, until.toISOString()]),
    );
    return rows
      .sort((a, b) => a.due_at.getTime() - b.due_at.getTime())
      .map(({ id, endpoint_id, type, body, attempts, failures }) => ({
        id,
        endpointId: endpoint_id,
        type,
        body,
        attempt: attempts,
        failures,
      }));
  }

  settle({ delivery, answer, at, status, retryAt }: Settlement): Promise<void> {
    return this.work.collect(settled, `webhook_delivery:${delivery.id}`, {
      id: delivery.id,
      attempts: delivery.attempt,
      at: at.toISOString(),
      http_status: answer.status,
      code: answer.code,
      failures: status === 'delivered' ? 0 : delivery.failures + 1,
      status,
      due_at: retryAt?.toISOString() ?? null,
    });
  }

  async deliveries({ endpointId, status, cursor, limit }: DeliveryQuery): Promise<DeliveryPage> {
    const values: unknown[] = [limit + 1, endpointId];
    const conditions = ['endpoint_id = $2'];
    if (status !== undefined) conditions.push(`status = $${values.push(status)}`);
    // Said twice, so that the index of what is not delivered can be taken.
    if (status !== undefined && status !== 'delivered') conditions.push(`status <> 'delivered'`);
    if (cursor !== undefined) conditions.push(`id < $${values.push(fromCursor(cursor, UUID)[0])}`);
    const kind = status === undefined ? 'any' : status === 'delivered' ? 'delivered' : 'undelivered';
    const { rows } = await this.work.query<DeliveryRow>(
      {
        name: `webhook.deliveries.${kind}${cursor === undefined ? '' : '.after'}`,
        text: `select ${DELIVERY} from webhook_delivery where ${conditions.join(' and ')} order by id desc limit $1`,
      },
      values,
    );
    return pageOf(rows, limit, toDelivery, ({ id }) => toCursor(id));
  }

  replay(endpointId: string, deliveryId: string, at: Date): Promise<Delivery> {
    return this.work.run(async () => {
      const found = await this.work.query<DeliveryRow>(FIND_DELIVERY, [deliveryId, endpointId]);
      if (found.rows[0] === undefined) throw deliveryNotFound(deliveryId);
      if (found.rows[0].withdrawn) throw deliveryWithdrawn(deliveryId);
      const { rows } = await this.work.query<DeliveryRow>(REPLAY, [deliveryId, at.toISOString()]);
      return toDelivery(rows[0]!);
    });
  }

  async purge(before: Date, limit: number): Promise<number> {
    const { count } = await this.work.run(() => this.work.query(PURGE, [before.toISOString(), limit]));
    return count;
  }

  async count(before: Date): Promise<Tally> {
    const { rows } = await this.work.query<Tally>(COUNT, [before.toISOString()]);
    return rows[0]!;
  }
}

const keyOf = (id: string): string => `webhook_endpoint:${id}`;
const subjectKey = (subject: string): string => `webhook_subject:${subject}`;

const toRow = (endpoint: Endpoint): Record<string, unknown> => ({
  id: endpoint.id,
  url: endpoint.url,
  events: endpoint.events,
  description: endpoint.description,
  disabled_reason: endpoint.disabled?.reason ?? null,
  disabled_at: endpoint.disabled?.at ?? null,
  failing_since: endpoint.failingSince,
  sealed_secret: endpoint.sealedSecret,
  previous_sealed_secret: endpoint.previousSecret?.sealed ?? null,
  previous_until: endpoint.previousSecret?.until ?? null,
  created_at: endpoint.createdDate,
  modified_at: endpoint.modifiedDate,
});

const toEndpoint = (row: EndpointRow): Endpoint => ({
  id: row.id,
  url: row.url,
  events: row.events,
  description: row.description,
  disabled: row.disabled_reason === null ? null : { reason: row.disabled_reason, at: row.disabled_at! },
  failingSince: row.failing_since,
  sealedSecret: row.sealed_secret,
  previousSecret:
    row.previous_sealed_secret === null ? null : { sealed: row.previous_sealed_secret, until: row.previous_until! },
  createdDate: row.created_at,
  modifiedDate: row.modified_at,
});

const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  endpointId: row.endpoint_id,
  subject: row.subject,
  type: row.type,
  status: row.status,
  attempts: row.attempts,
  nextAttemptDate: row.due_at,
  lastAttempt: row.last_at === null ? null : { at: row.last_at, status: row.last_status, code: row.code },
  createdDate: row.created_at,
});
