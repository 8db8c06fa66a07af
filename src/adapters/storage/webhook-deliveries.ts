import { bodyOf } from '../../modules/webhooks/index.js';
import type {
  ClaimedDelivery,
  Delivery,
  DeliveryQuery,
  DeliveryStatus,
  EventType,
  NewDelivery,
  Settlement,
} from '../../modules/webhooks/index.js';
import { UUID } from '../../kernel/uuid.js';
import { jsonSink } from './json-sink.js';
import { fromCursor } from './page.js';
import type { Sink } from './pending.js';
import type { Statement } from './statement.js';

/** How what goes to customers' addresses is queued, leased and logged. */

export type DeliveryRow = {
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
export type ClaimedRow = Pick<DeliveryRow, 'id' | 'endpoint_id' | 'type' | 'attempts'> & {
  readonly body: string;
  readonly failures: number;
  readonly due_at: Date;
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
export const DUE: Statement = {
  name: 'webhook.due',
  text: `select e.id from webhook_endpoint e
    where e.disabled_reason is null and (select true ${dueFor('e.id', '$1')} limit 1) order by e.id`,
};
export const CLAIM: Statement = {
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
export const FIND_DELIVERY: Statement = {
  name: 'webhook.find_delivery',
  text: `select ${DELIVERY} from webhook_delivery where id = $1 and endpoint_id = $2 for update`,
};
export const REPLAY: Statement = {
  name: 'webhook.replay',
  text: `update webhook_delivery set status = 'pending', failures = 0, due_at = $2 where id = $1 returning ${DELIVERY}`,
};
export const PURGE: Statement = {
  name: 'webhook.purge',
  text: `delete from webhook_delivery where id = any(array(select id from webhook_delivery where created_at < $1 order by created_at limit $2))`,
};
export const COUNT: Statement = {
  name: 'webhook.count',
  text: `select (select count(*) from webhook_delivery where created_at < $1) as count,
    (select created_at from webhook_delivery order by created_at limit 1) as oldest`,
};

export const put = { ...jsonSink(PUT), folds: true };
export const settled = jsonSink(SETTLE);
export const withdrawn: Sink<string> = {
  name: WITHDRAW.name,
  folds: true,
  async write(queries, subjects) {
    await queries.query(WITHDRAW, [subjects]);
  },
};

/** The statement for a page of the log, and its values. */
export function pageOfLog({ endpointId, status, cursor, limit }: DeliveryQuery): {
  readonly statement: Statement;
  readonly values: readonly unknown[];
} {
  const values: unknown[] = [limit + 1, endpointId];
  const conditions = ['endpoint_id = $2'];
  if (status !== undefined) conditions.push(`status = $${values.push(status)}`);
  // Said twice, so that the index of what is not delivered can be taken.
  if (status !== undefined && status !== 'delivered') conditions.push(`status <> 'delivered'`);
  if (cursor !== undefined) conditions.push(`id < $${values.push(fromCursor(cursor, UUID)[0])}`);
  const kind = status === undefined ? 'any' : status === 'delivered' ? 'delivered' : 'undelivered';
  const statement = {
    name: `webhook.deliveries.${kind}${cursor === undefined ? '' : '.after'}`,
    text: `select ${DELIVERY} from webhook_delivery where ${conditions.join(' and ')} order by id desc limit $1`,
  };
  return { statement, values };
}

export const toPut = ({ id, endpointId, event }: NewDelivery, at: Date): Record<string, unknown> => ({
  id,
  endpoint_id: endpointId,
  subject: event.subject,
  type: event.type,
  body: bodyOf(event),
  at: at.toISOString(),
});

export const toSettled = ({ delivery, answer, at, status, retryAt }: Settlement): Record<string, unknown> => ({
  id: delivery.id,
  attempts: delivery.attempt,
  at: at.toISOString(),
  http_status: answer.status,
  code: answer.code,
  failures: status === 'delivered' ? 0 : delivery.failures + 1,
  status,
  due_at: retryAt?.toISOString() ?? null,
});

export const toClaimed = ({ id, endpoint_id, type, body, attempts, failures }: ClaimedRow): ClaimedDelivery => ({
  id,
  endpointId: endpoint_id,
  type,
  body,
  attempt: attempts,
  failures,
});

export const toDelivery = (row: DeliveryRow): Delivery => ({
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
