import type { Tally } from '../../kernel/data-class.js';
import { IdempotencyStore, idempotencyInProgress } from '../../http/idempotency.store.js';
import type { IdempotencyRecord } from '../../http/idempotency.store.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type Row = {
  readonly held: boolean;
  readonly subject: string;
  readonly answer: string | null;
  readonly created_at: Date;
};

/** Held until the transaction ends, by whoever comes first; nobody waits for it here. */
const FIND: Statement = {
  name: 'idempotency.find',
  text: `select held, subject, answer, created_at
    from (select pg_try_advisory_xact_lock(hashtextextended('idempotency:' || $1, 0)) as held) as scope
    left join idempotency on idempotency.scope = $1`,
};
const FORGET: Statement = { name: 'idempotency.forget', text: 'delete from idempotency where scope = $1' };
const INSERT: Statement = {
  name: 'idempotency.insert',
  text: `insert into idempotency (scope, subject, answer, created_at)
    select scope, subject, answer, created_at from json_to_recordset($1)
      as row (scope text, subject text, answer text, created_at timestamptz)`,
};
const PURGE: Statement = {
  name: 'idempotency.purge',
  text: `delete from idempotency
    using (select ctid as place from idempotency where created_at < $1 order by created_at limit $2 for update skip locked) old
    where idempotency.ctid = old.place`,
};
const COUNT: Statement = {
  name: 'idempotency.count',
  text: `select (select count(*) from idempotency where created_at < $1) as count,
    (select created_at from idempotency order by created_at limit 1) as oldest`,
};

const kept: Sink<IdempotencyRecord> = {
  name: 'idempotency.kept',
  async write(queries, records) {
    const rows = records.map(({ createdAt, ...record }) => ({ ...record, created_at: createdAt.toISOString() }));
    await queries.query(INSERT, [asJson(rows)]);
  },
};

export class PostgresIdempotencyStore extends IdempotencyStore {
  constructor(private readonly work: GroupCommitter) {
    super();
  }

  async find(scope: string, notBefore: Date): Promise<IdempotencyRecord | null> {
    const { rows } = await this.work.lookUp<Row>(keyOf(scope), FIND, [scope]);
    const [row] = rows;
    if (row?.held !== true) throw idempotencyInProgress();
    if (row.answer === null) return null;
    if (row.created_at < notBefore) {
      await this.work.query(FORGET, [scope]);
      return null;
    }
    const { subject, answer, created_at: createdAt } = row;
    return { scope, subject, answer, createdAt };
  }

  add(record: IdempotencyRecord): Promise<void> {
    return this.work.collect(kept, keyOf(record.scope), record);
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

const keyOf = (scope: string): string => `idempotency:${scope}`;
