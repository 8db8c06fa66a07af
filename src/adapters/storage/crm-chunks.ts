import type { CrmRecord } from '../../modules/crm-sync/index.js';
import type { Statement } from './statement.js';
import { fromTexts } from './texts.js';

/** How the records of a chunk are leased and let go of. */

export type BreakerRow = {
  readonly until: Date | null;
  readonly failures: number | null;
  readonly opened_at: Date | null;
  readonly code: string | null;
  readonly failed_at: Date | null;
  readonly chunk_limit: number | null;
  readonly limited_at: Date | null;
};
/** A member of a chunk. Of one that was withdrawn or removed meanwhile there is no record, or another. */
export type MemberRow = {
  readonly chunk: string;
  readonly leases: number;
  readonly failures: number;
  readonly rekeyed: number;
  readonly since: Date;
  readonly member: string;
  readonly hash: string;
  readonly version: number | null;
  readonly record: CrmRecord | null;
  readonly desired_hash: string | null;
  readonly sent: { readonly version: number; readonly record: CrmRecord; readonly hash: string } | null;
  readonly attempts: number | null;
};
export type SettledRow = {
  readonly crm: string;
  readonly chunk: string;
  readonly lease: number;
  readonly guest_id: string;
  readonly version: number;
  readonly hash: string | null;
  readonly outcome: 'delivered' | 'again' | 'dead' | 'released';
  /** As JSON. */
  readonly remote_id: string | null;
  readonly at: string;
  readonly due_at: string;
  readonly attempts: number;
  readonly uncertain: boolean;
  /** `{ code, reason, attempts }` as JSON. */
  readonly dead_letter: string | null;
};

const BREAKER = 'until, failures, opened_at, code, failed_at, chunk_limit, limited_at';
/** Ordered even where only one is wanted: that is what makes the planner take the index of what is due. */
const FRESH = `from crm_record where crm = $1 and due_at <= $2 and chunk is null order by due_at`;
const KNOWN = `from crm_chunk where crm = $1 and due_at <= $2 and (leased_until is null or leased_until <= $2) order by due_at`;

export const LOOK: Statement = {
  name: 'crm.look',
  text: `select (select true ${KNOWN} limit 1) as known, (select true ${FRESH} limit 1) as fresh, ${BREAKER}
    from (select) nothing left join crm_state on crm = $1`,
};

export const CLAIM_FRESH: Statement = {
  name: 'crm.claim_fresh',
  text: `with due as (select ctid as place, due_at ${FRESH} limit $3 for update skip locked),
    placed as (select place, row_number() over (order by due_at) as n from due),
    taken as (
      update crm_record set chunk = ($5::uuid[])[1 + (n - 1) / $6], was_sent = true from placed where crm_record.ctid = placed.place
        returning chunk, n, guest_id, version, record, desired_hash, attempts),
    made as (
      insert into crm_chunk (id, crm, members, hashes, since, due_at, leased_until)
        select chunk, $1, array_agg(guest_id order by n), array_agg(desired_hash order by n), $2, $2, $4 from taken group by chunk)
    select chunk, guest_id as member, version, record, desired_hash as hash, attempts from taken order by n`,
};

export const CLAIM_KNOWN: Statement = {
  name: 'crm.claim_known',
  text: `with due as (select id, due_at ${KNOWN} limit $3 for update skip locked),
    leased as (
      update crm_chunk set leased_until = $4, leases = leases + 1 from due where crm_chunk.id = due.id
        returning crm_chunk.id, due.due_at, leases, failures, rekeyed, since, members, hashes)
    select leased.id as chunk, leases, failures, rekeyed, since, m.member, m.hash, r.version, r.record, r.desired_hash, r.sent, r.attempts
      from leased cross join lateral unnest(members, hashes) with ordinality m (member, hash, n)
      left join crm_record r on r.crm = $1 and r.guest_id = m.member and r.chunk = leased.id
      order by leased.due_at, leased.id, m.n`,
};

export const ON_ITS_WAY: Statement = {
  name: 'crm.on_its_way',
  text: 'select from crm_chunk where crm = $1 and $2::uuid = any(members) and leased_until > $3 limit 1',
};

export const SETTLED_COLUMNS = [
  ...(['crm', 'chunk', 'lease', 'guest_id', 'version', 'hash', 'outcome', 'remote_id'] as const),
  ...(['at', 'due_at', 'attempts', 'uncertain', 'dead_letter'] as const),
] as const;
/**
 * Only the last holder of a chunk may let go of it, and with it of its records. What is collected about one guest keeps its order, so the members
 * of a chunk may be settled by several of these in turn; the first ends the chunk, which is no more by the next.
 */
export const SETTLE: Statement = {
  name: 'crm.settle',
  text: `with settled as (
      select crm, chunk::uuid, lease::integer, guest_id::uuid, version::integer, hash, outcome, remote_id::jsonb #>> '{}' as remote_id,
          at::timestamptz, due_at::timestamptz, attempts::integer, uncertain::boolean, dead_letter::jsonb
        from ${fromTexts(SETTLED_COLUMNS)}),
    ended as (
      delete from crm_chunk using (select distinct chunk, lease from settled where outcome <> 'released') s
        where crm_chunk.id = s.chunk and crm_chunk.leases = s.lease returning crm_chunk.id)
    update crm_record set
      chunk = null,
      sent = null,
      delivered_hash = case when outcome = 'delivered' then hash when uncertain then null else delivered_hash end,
      delivered_at = case when outcome = 'delivered' then settled.at else delivered_at end,
      delivered_version = case when outcome = 'delivered' then settled.version else delivered_version end,
      remote_id = coalesce(settled.remote_id, crm_record.remote_id),
      due_at = case
        when record is null then null
        when outcome = 'released' then crm_record.due_at
        when outcome = 'again' then settled.due_at
        when desired_hash = hash then null
        else coalesce(crm_record.due_at, settled.at) end,
      attempts = case
        when outcome = 'released' then crm_record.attempts
        when outcome = 'again' and desired_hash = hash then settled.attempts
        else 0 end,
      refused_hash = case outcome when 'delivered' then null when 'dead' then hash else refused_hash end,
      dead_at = case when outcome = 'delivered' then null when outcome = 'dead' and desired_hash = hash then settled.at else dead_at end,
      dead_letter = case
        when outcome = 'delivered' then null
        when outcome = 'dead' and desired_hash = hash then settled.dead_letter
        else crm_record.dead_letter end
    from settled left join ended on ended.id = settled.chunk
    where crm_record.crm = settled.crm and crm_record.guest_id = settled.guest_id and crm_record.chunk = settled.chunk
      and (ended.id is not null or outcome = 'released' or not exists (select from crm_chunk where id = settled.chunk))`,
};
export const POSTPONE: Statement = {
  name: 'crm.postpone',
  text: `update crm_chunk set leased_until = null, due_at = $3, code = $4, failures = $5, rekeyed = $6 where id = $1 and leases = $2`,
};
export const END: Statement = { name: 'crm.end_chunk', text: 'delete from crm_chunk where id = $1 and leases = $2' };
export const SPLIT: Statement = {
  name: 'crm.split',
  text: `with whole as (delete from crm_chunk where id = $1 and leases = $2 returning *),
    halves as (
      insert into crm_chunk (id, crm, members, hashes, since, failures, due_at)
        select h.id, crm, array(select * from json_array_elements_text(h.members)) :: uuid[],
            array(select * from json_array_elements_text(h.hashes)), since, $5, $4
          from whole cross join json_to_recordset($3) as h (id uuid, members json, hashes json)
        returning id, members)
    update crm_record set chunk = halves.id from halves cross join lateral unnest(halves.members) m (guest_id)
      where crm_record.crm = $6 and crm_record.guest_id = m.guest_id and crm_record.chunk = $1`,
};

export const STATE_ROW: Statement = {
  name: 'crm.state_row',
  text: 'insert into crm_state (crm, failures) values ($1, 0) on conflict do nothing',
};
export const LOCK_STATE: Statement = {
  name: 'crm.lock_state',
  text: `select ${BREAKER} from crm_state where crm = $1 for update`,
};
export const SET_STATE: Statement = {
  name: 'crm.set_state',
  text: `update crm_state set until = $2, failures = $3, opened_at = $4, code = $5, failed_at = $6, chunk_limit = $7, limited_at = $8
    where crm = $1`,
};
export const TAKE_PROBE: Statement = {
  name: 'crm.take_probe',
  text: 'update crm_state set until = $3 where crm = $1 and opened_at is not null and until <= $2',
};
