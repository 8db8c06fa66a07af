import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';
import { asTexts, fromTexts } from './texts.js';

/** What CRMs should hold, and where they stand with it. */

type Put = {
  readonly crm: string;
  readonly guest_id: string;
  readonly version: number;
  /** As JSON. */
  readonly record: string;
  readonly hash: string;
  readonly due_at: string;
};

const PUT_COLUMNS = ['crm', 'guest_id', 'version', 'record', 'hash', 'due_at'] as const;
const PUT: Statement = {
  name: 'crm.put',
  // What the CRM holds or has refused in this very form is not due; while somebody delivers, nobody knows what it holds.
  text: `insert into crm_record (crm, guest_id, version, record, desired_hash, due_at, was_sent)
    select crm, guest_id::uuid, version::integer, record::jsonb, hash, due_at::timestamptz, false from ${fromTexts(PUT_COLUMNS)}
    on conflict (crm, guest_id) do update set
      version = excluded.version,
      record = excluded.record,
      desired_hash = excluded.desired_hash,
      due_at = case
        when crm_record.refused_hash = excluded.desired_hash then null
        when crm_record.delivered_hash = excluded.desired_hash and crm_record.chunk is null then null
        else least(crm_record.due_at, excluded.due_at) end,
      sent = case
        when crm_record.chunk is null or crm_record.sent is not null or crm_record.record is null then crm_record.sent
        when crm_record.desired_hash = excluded.desired_hash then null
        else jsonb_build_object('version', crm_record.version, 'record', crm_record.record, 'hash', crm_record.desired_hash) end,
      attempts = case
        when crm_record.chunk is null and crm_record.desired_hash is distinct from excluded.desired_hash then 0
        else crm_record.attempts end
    where crm_record.version <= excluded.version`,
};
const WITHDRAW: Statement = {
  name: 'crm.withdraw',
  text: `update crm_record set record = null, desired_hash = null, due_at = null, sent = null, dead_at = null, dead_letter = null
    from json_to_recordset($1) as row (crm text, guest_id uuid)
    where crm_record.crm = row.crm and crm_record.guest_id = row.guest_id`,
};

export const FIND: Statement = {
  name: 'crm.desired',
  text: `select guest_id, version, record, desired_hash as hash, attempts + 1 as attempt from crm_record
    where crm = $1 and guest_id = any($2::uuid[]) and record is not null`,
};
export const STANDINGS: Statement = {
  name: 'crm.standings',
  text: `select guest_id as "guestId", record, due_at is not null or chunk is not null as "isPending",
      record is not null and delivered_hash is not distinct from desired_hash as "isDelivered",
      delivered_at as "deliveredAt",
      record is not null and refused_hash is not distinct from desired_hash as "isRefused"
    from crm_record where crm = $1 and guest_id = any($2::uuid[])`,
};
export const PENDING: Statement = {
  name: 'crm.pending',
  text: `select 1 from crm_record where crm = $1 and guest_id = $2 and (due_at is not null or chunk is not null)`,
};
/** Every CRM there is a record for, one step through the key each: also one that is switched off. */
const KNOWN_CRMS = `with recursive known (crm) as (
    (select crm from crm_record order by crm limit 1)
    union all
    select (select crm_record.crm from crm_record where crm_record.crm > known.crm order by crm limit 1)
      from known where known.crm is not null)`;
export const KNOWN: Statement = {
  name: 'crm.known',
  text: `${KNOWN_CRMS} select crm as id from known where crm is not null`,
};
export const HOLDING: Statement = {
  name: 'crm.holding',
  // Locked: whoever claims it at this moment has either done so already, and is seen, or finds it gone.
  text: `${KNOWN_CRMS},
    held as (
      select crm, remote_id, chunk, was_sent from crm_record
        where crm = any(array(select known.crm from known)) and guest_id = $1 order by crm for update)
    select crm, remote_id as "remoteId", chunk is not null as "isUnderWay" from held where was_sent`,
};
const REMOVE: Statement = {
  name: 'crm.remove',
  text: `${KNOWN_CRMS}
    delete from crm_record where crm = any(array(select known.crm from known)) and guest_id = any($1::uuid[])`,
};
const REMOVE_DRIFTS: Statement = {
  name: 'crm.remove_drifts',
  text: 'delete from crm_drift where guest_id = any($1::uuid[])',
};
export const put: Sink<Put> = {
  name: 'crm.put',
  async write(queries, rows) {
    await queries.query(PUT, asTexts(sorted(rows), PUT_COLUMNS));
  },
};
export const withdrawn: Sink<Pick<Put, 'crm' | 'guest_id'>> = {
  name: 'crm.withdrawn',
  async write(queries, rows) {
    await queries.query(WITHDRAW, [asJson(sorted(rows))]);
  },
};
export const removed: Sink<string> = {
  name: 'crm.removed',
  async write(queries, guestIds) {
    const ids = [...guestIds].sort();
    await Promise.all([REMOVE, REMOVE_DRIFTS].map((statement) => queries.query(statement, [ids])));
  },
};

export const keyOf = (crm: string, guestId: string): string => `crm:${crm}:${guestId}`;

/** Rows are locked in one order by everybody. */
export const sorted = <Row extends { readonly crm: string; readonly guest_id: string }>(rows: readonly Row[]): Row[] =>
  [...rows].sort((a, b) => (keyOf(a.crm, a.guest_id) < keyOf(b.crm, b.guest_id) ? -1 : 1));
