import type { DisabledReason, Endpoint, EventType } from '../../modules/webhooks/index.js';
import { jsonSink } from './json-sink.js';
import type { Statement } from './statement.js';

/** How customers' addresses are kept. */

export type EndpointRow = {
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

const ENDPOINT = `id, url, events, description, disabled_reason, disabled_at, failing_since, sealed_secret,
  previous_sealed_secret, previous_until, created_at, modified_at`;
const ENDPOINT_ROW = `json_to_recordset($1) as row (id uuid, url text, events jsonb, description text, disabled_reason text,
  disabled_at timestamptz, failing_since timestamptz, sealed_secret text, previous_sealed_secret text, previous_until timestamptz,
  created_at timestamptz, modified_at timestamptz)`;
export const FIND: Statement = { name: 'webhook.find', text: `select ${ENDPOINT} from webhook_endpoint where id = $1` };
export const LOCK: Statement = { name: 'webhook.lock', text: `${FIND.text} for update` };
export const LIST: Statement = { name: 'webhook.list', text: `select ${ENDPOINT} from webhook_endpoint order by id` };
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
export const REMOVE: Statement = { name: 'webhook.remove', text: 'delete from webhook_endpoint where id = $1' };
const SET_FAILING: Statement = {
  name: 'webhook.set_failing',
  text: `update webhook_endpoint set failing_since = row.since from json_to_recordset($1) as row (id uuid, since timestamptz)
    where webhook_endpoint.id = row.id and (webhook_endpoint.failing_since is null) <> (row.since is null)`,
};

export const added = jsonSink(ADD);
export const changed = jsonSink(UPDATE);
export const failing = jsonSink(SET_FAILING);

export const toRow = (endpoint: Endpoint): Record<string, unknown> => ({
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

export const toEndpoint = (row: EndpointRow): Endpoint => ({
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
