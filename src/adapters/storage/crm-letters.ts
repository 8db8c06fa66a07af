import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import type {
  Backlog,
  CrmRecord,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
  Minute,
} from '../../modules/crm-sync/index.js';
import { fromCursor, INSTANT, pageOf, toCursor } from './page.js';
import type { Queries, Statement } from './statement.js';
import { asJson } from './statement.js';

/** What operators ask about CRMs. None of it is on the way of a delivery. */

type LetterRow = {
  readonly crm: string;
  readonly guest_id: string;
  readonly version: number;
  readonly record: CrmRecord;
  readonly dead_at: Date;
  readonly dead_letter: { readonly code: string; readonly reason: string | null; readonly attempts: number };
};

/** One that has been replaced by a newer form is none any more: that form is on its way. */
const IS_LETTER = 'dead_at is not null and refused_hash = desired_hash';
const LETTER = `crm, guest_id, version, record, dead_at, dead_letter
  from crm_record where crm = $1 and ${IS_LETTER}`;
const FIND: Statement = { name: 'crm.dead_letter', text: `select ${LETTER} and guest_id = $2` };
const REVIVE: Statement = {
  name: 'crm.revive',
  text: `update crm_record set due_at = least(due_at, $3), refused_hash = null, dead_at = null, dead_letter = null, attempts = 0
    where crm = $1 and guest_id = any($2::uuid[]) and ${IS_LETTER} returning guest_id`,
};
const EXPIRE: Statement = {
  name: 'crm.expire_dead_letters',
  text: `update crm_record set dead_at = null, dead_letter = null
    from (select r.ctid as place from crm_record r where r.dead_at < $1 order by r.dead_at limit $2 for update skip locked) old
    where crm_record.ctid = old.place`,
};
const COUNT: Statement = {
  name: 'crm.count_dead_letters',
  text: `select count(*) filter (where dead_at < $1) as count, min(dead_at) as oldest from crm_record where dead_at is not null`,
};
const BACKLOG: Statement = {
  name: 'crm.backlog',
  text: `select
    (select count(*) from (select 1 from crm_record where crm = $1 and due_at is not null limit $3) w) as waiting,
    (select due_at from crm_record where crm = $1 and due_at <= $2 order by due_at limit 1) as oldest,
    (select count(*) from crm_chunk where crm = $1) as chunks,
    (select count(*) from (select 1 from crm_record where crm = $1 and ${IS_LETTER} limit $3) d) as letters`,
};
const ADD_MINUTES: Statement = {
  name: 'crm.add_minutes',
  text: `insert into crm_minute (crm, minute, delivered, dead, calls, failures)
    select $1, minute, delivered, dead, calls, failures from json_to_recordset($2)
      as row (minute timestamptz, delivered integer, dead integer, calls integer, failures integer)
    on conflict (crm, minute) do update set delivered = crm_minute.delivered + excluded.delivered, dead = crm_minute.dead + excluded.dead,
      calls = crm_minute.calls + excluded.calls, failures = crm_minute.failures + excluded.failures`,
};
const FORGET_MINUTES: Statement = {
  name: 'crm.forget_minutes',
  text: 'delete from crm_minute where crm = $1 and minute < $2',
};
const MINUTES: Statement = {
  name: 'crm.minutes',
  text: 'select minute, delivered, dead, calls, failures from crm_minute where crm = $1 and minute >= $2 order by minute',
};

const HOUR_MS = 3_600_000;

export async function listLetters(
  queries: Queries,
  { crm, code, cursor, limit }: DeadLetterQuery,
): Promise<DeadLetterPage> {
  const values: unknown[] = [crm, limit + 1];
  const conditions: string[] = [];
  if (code !== undefined) conditions.push(` and dead_letter->>'code' = $${values.push(code)}`);
  if (cursor !== undefined) {
    const [at, guestId] = fromCursor(cursor, INSTANT, UUID);
    conditions.push(` and (dead_at, guest_id) < ($${values.push(at)}::timestamptz, $${values.push(guestId)}::uuid)`);
  }
  const name = `crm.dead_letters${code === undefined ? '' : '.code'}${cursor === undefined ? '' : '.after'}`;
  const text = `select ${LETTER}${conditions.join('')} order by dead_at desc, guest_id desc limit $2`;
  const { rows } = await queries.query<LetterRow>({ name, text }, values);
  return pageOf(rows, limit, toLetter, (row) => toCursor(row.dead_at.toISOString(), row.guest_id));
}

export async function findLetter(queries: Queries, crm: string, guestId: string): Promise<DeadLetter | null> {
  if (!UUID.test(guestId)) return null;
  const { rows } = await queries.query<LetterRow>(FIND, [crm, guestId]);
  return rows[0] === undefined ? null : toLetter(rows[0]);
}

export async function reviveLetters(
  queries: Queries,
  crm: string,
  guestIds: readonly string[],
  at: Date,
): Promise<string[]> {
  const known = guestIds.filter((id) => UUID.test(id));
  const { rows } = await queries.query<{ guest_id: string }>(REVIVE, [crm, known.sort(), at.toISOString()]);
  return rows.map(({ guest_id }) => guest_id);
}

export async function expireLetters(queries: Queries, before: Date, limit: number): Promise<number> {
  return (await queries.query(EXPIRE, [before.toISOString(), limit])).count;
}

export async function countLetters(queries: Queries, before: Date): Promise<Tally> {
  const { rows } = await queries.query<Tally>(COUNT, [before.toISOString()]);
  return rows[0]!;
}

export async function backlogOf(queries: Queries, crm: string, now: Date, countTo: number): Promise<Backlog> {
  type Row = { waiting: number; oldest: Date | null; chunks: number; letters: number };
  const { rows } = await queries.query<Row>(BACKLOG, [crm, now.toISOString(), countTo + 1]);
  const { waiting, oldest, chunks, letters } = rows[0]!;
  return {
    waiting: Math.min(waiting, countTo),
    isExact: waiting <= countTo,
    oldestDue: oldest,
    chunksUnderWay: chunks,
    deadLetters: Math.min(letters, countTo),
  };
}

export async function addMinutes(queries: Queries, crm: string, minutes: readonly Minute[], now: Date): Promise<void> {
  await queries.query(ADD_MINUTES, [crm, asJson(minutes)]);
  await queries.query(FORGET_MINUTES, [crm, new Date(now.getTime() - HOUR_MS).toISOString()]);
}

export async function minutesSince(queries: Queries, crm: string, since: Date): Promise<Minute[]> {
  return (await queries.query<Minute>(MINUTES, [crm, since.toISOString()])).rows;
}

const toLetter = ({ crm, guest_id, version, record, dead_at, dead_letter }: LetterRow): DeadLetter => ({
  crm,
  guestId: guest_id,
  version,
  at: dead_at,
  ...dead_letter,
  record,
});
