import { AuditStore, beginning, follow } from '../../modules/audit/index.js';
import type { Entry, EntryPage, EntryQuery, Happening, Head, Subject } from '../../modules/audit/index.js';
import type { GroupCommitter } from './group-committer.js';
import { fromCursor, pageOf, toCursor } from './page.js';
import type { Sink } from './pending.js';
import type { Queries, Statement } from './statement.js';
import { Overtaken } from './storage.errors.js';
import { isNewSubject } from './subject-keys.js';
import { asTexts, fromTexts } from './texts.js';

/** `isFirst`: its subject came into being in the same unit, so that there is no chain to look for. */
type Appended = { readonly happening: Happening; readonly isFirst: boolean };
type HeadRow = Head & { readonly subject: Subject };
type Row = {
  readonly subject: Subject;
  readonly sequence: number;
  readonly body: string;
  readonly previous_hash: string;
  readonly hash: string;
  readonly sealed: string | null;
  readonly position: number;
  readonly xid: string;
};

const HEADS: Statement = {
  name: 'audit.heads',
  text: 'select subject, sequence, hash from audit_head where subject = any($1::text[]) order by subject for update',
};
const ENTRY = ['subject', 'sequence', 'body', 'previous_hash', 'hash', 'sealed'] as const;
const HEAD = ['subject', 'sequence', 'hash'] as const;
const APPEND: Statement = {
  name: 'audit.append',
  text: `with entries as (
      insert into audit_entry (subject, sequence, body, previous_hash, hash, sealed)
        select subject, sequence::bigint, body, previous_hash, hash, sealed from ${fromTexts(ENTRY)}),
    heads as (
      insert into audit_head (subject, sequence, hash)
        select subject, sequence::bigint, hash from ${fromTexts(HEAD, ENTRY.length + 1)}
        on conflict (subject) do update set sequence = excluded.sequence, hash = excluded.hash
          where audit_head.sequence < excluded.sequence
        returning 1)
    select count(*) as moved from heads`,
};
const COLUMNS = 'subject, sequence, body, previous_hash, hash, sealed, position, xid::text as xid';
/** Entries below the oldest transaction that still runs: none can appear before them any more. */
const SETTLED = 'xid < pg_snapshot_xmin(pg_current_snapshot())';
const LIST: Statement = {
  name: 'audit.list',
  text: `select ${COLUMNS} from audit_entry where ${SETTLED} order by audit_entry.xid, position limit $1`,
};
const LIST_AFTER: Statement = {
  name: 'audit.list.after',
  text: `select ${COLUMNS} from audit_entry
    where ${SETTLED} and (xid, position) > ($2::text::xid8, $3::bigint) order by audit_entry.xid, position limit $1`,
};
const CHAIN: Statement = {
  name: 'audit.chain',
  text: `select ${COLUMNS} from audit_entry where subject = $2 and sequence > $3 order by sequence limit $1`,
};

const ADOPT: Statement = {
  name: 'audit.adopt',
  text: 'update audit_entry set xid = pg_current_xact_id() where xid >= pg_snapshot_xmax(pg_current_snapshot())',
};

/**
 * Transaction numbers begin anew in every PostgreSQL. Entries that were restored from another one may carry numbers that are still to come
 * here, and would not be listed until then: they get a number of this one, behind which their order is as it was.
 */
export async function adoptRestoredEntries(queries: Queries): Promise<void> {
  await queries.query(ADOPT);
}

/** Chains are continued here, not when something happens: so a head is locked once for a whole batch, and only until its commit. */
const appended: Sink<Appended> = {
  name: 'audit.appended',
  folds: true,
  async write(queries, rows) {
    const heads = await headsOf(queries, rows);
    const entries = rows.map(({ happening }) => {
      const entry = follow(heads.get(happening.subject) ?? beginning(happening.subject), happening);
      heads.set(happening.subject, { sequence: entry.sequence, hash: entry.hash });
      return entry;
    });
    const moved = [...heads]
      .map(([subject, head]) => ({ subject, ...head }))
      .sort((a, b) => (a.subject < b.subject ? -1 : 1));
    // Another transaction may have begun one of these chains after the heads were read: then its place, or its head, is taken.
    const values = [...asTexts(entries.map(toRow), ENTRY), ...asTexts(moved, HEAD)];
    const answer = await queries.query<{ moved: number }>(APPEND, values);
    if (answer.rows[0]?.moved !== moved.length)
      throw new Overtaken('an audit chain was continued by another transaction');
  },
};

/** The heads of the chains that have one. */
async function headsOf(queries: Queries, rows: readonly Appended[]): Promise<Map<Subject, Head>> {
  const subjects = new Set(rows.map(({ happening }) => happening.subject));
  for (const { isFirst, happening } of rows) if (isFirst) subjects.delete(happening.subject);
  if (subjects.size === 0) return new Map();
  const found = await queries.query<HeadRow>(HEADS, [[...subjects]]);
  return new Map(found.rows.map(({ subject, sequence, hash }) => [subject, { sequence, hash }]));
}

export class PostgresAuditStore extends AuditStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  append(happening: Happening): Promise<void> {
    const isFirst = isNewSubject(this.work, happening.subject);
    return this.work.collect(appended, `audit:${happening.subject}`, { happening, isFirst });
  }

  async list({ subject, cursor, limit }: EntryQuery): Promise<EntryPage> {
    if (subject !== undefined) {
      const [after] = cursor === undefined ? [0] : fromCursor(cursor, COUNT);
      const { rows } = await this.work.lookUp<Row>(`audit:${subject}`, CHAIN, [limit + 1, subject, after]);
      return pageOf(rows, limit, toEntry, (row) => toCursor(row.sequence));
    }
    const after = cursor === undefined ? null : fromCursor(cursor, COUNT, COUNT);
    const { rows } = await this.work.query<Row>(after === null ? LIST : LIST_AFTER, [limit + 1, ...(after ?? [])]);
    return pageOf(rows, limit, toEntry, (row) => toCursor(row.xid, row.position));
  }
}

const COUNT = /^\d{1,16}$/;

const toRow = (entry: Entry): Omit<Row, 'position' | 'xid'> => ({
  subject: entry.subject,
  sequence: entry.sequence,
  body: entry.body,
  previous_hash: entry.previousHash,
  hash: entry.hash,
  sealed: entry.sealed,
});

const toEntry = (row: Row): Entry => ({
  subject: row.subject,
  sequence: row.sequence,
  body: row.body,
  previousHash: row.previous_hash,
  hash: row.hash,
  sealed: row.sealed,
});
