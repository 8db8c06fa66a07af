import type { Clock } from '../../kernel/clock.js';
import { CrmStore, recordHash } from '../../modules/crm-sync/index.js';
import type { CrmRecord, Desired, DueRecord, Pause, Settlement } from '../../modules/crm-sync/index.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type Put = {
  readonly crm: string;
  readonly guest_id: string;
  readonly version: number;
  readonly record: CrmRecord;
  readonly hash: string;
  readonly due_at: string;
};
type Settled = {
  readonly crm: string;
  readonly guest_id: string;
  readonly version: number;
  readonly attempts: number;
  readonly hash: string;
  readonly remote_id: string | null;
  readonly at: string;
  readonly code: string | null;
};
type DueRow = {
  readonly guest_id: string;
  readonly version: number;
  readonly record: CrmRecord;
  readonly desired_hash: string;
  readonly attempts: number;
};

const PUT: Statement = {
  name: 'crm.put',
  // What the CRM holds or has refused in this very form is not due; while somebody delivers, nobody knows what it holds.
  text: `insert into crm_record (crm, guest_id, version, record, desired_hash, due_at)
    select crm, guest_id, version, record, hash, due_at from json_to_recordset($1)
      as row (crm text, guest_id uuid, version integer, record jsonb, hash text, due_at timestamptz)
    on conflict (crm, guest_id) do update set
      version = excluded.version,
      record = excluded.record,
      desired_hash = excluded.desired_hash,
      due_at = case
        when crm_record.refused_hash = excluded.desired_hash then null
        when crm_record.delivered_hash = excluded.desired_hash and crm_record.leased_until is null then null
        else least(crm_record.due_at, excluded.due_at) end,
      attempts = case
        when crm_record.leased_until is null and crm_record.desired_hash is distinct from excluded.desired_hash then 0
        else crm_record.attempts end
    where crm_record.version <= excluded.version`,
};
const WITHDRAW: Statement = {
  name: 'crm.withdraw',
  text: `update crm_record set record = null, desired_hash = null, due_at = null from json_to_recordset($1) as row (crm text, guest_id uuid)
    where crm_record.crm = row.crm and crm_record.guest_id = row.guest_id`,
};

/** Ordered even where only one is wanted: that is what makes the planner take the index of what is due. */
const DUE = `from crm_record where crm = $1 and due_at <= $2 and (leased_until is null or leased_until <= $2) order by due_at`;
const ANY_DUE: Statement = { name: 'crm.any_due', text: `select 1 ${DUE} limit 1` };
const CLAIM: Statement = {
  name: 'crm.claim',
  text: `update crm_record set leased_until = $4, attempts = crm_record.attempts + 1
    from (select ctid as place ${DUE} limit $3 for update skip locked) due
    where crm_record.ctid = due.place
    returning crm_record.guest_id, version, record, desired_hash, attempts, due_at`,
};

const WANTED: Statement = {
  name: 'crm.wanted',
  text: 'select guest_id from crm_record where crm = $1 and guest_id = any($2::uuid[]) and record is not null',
};

const SETTLED = `json_to_recordset($1)
  as row (crm text, guest_id uuid, version integer, attempts integer, hash text, remote_id text, at timestamptz, code text)`;
const SAME = 'crm_record.crm = row.crm and crm_record.guest_id = row.guest_id';
/** Only whoever holds the record now may let go of it. */
const HELD = `${SAME} and crm_record.attempts = row.attempts and crm_record.leased_until is not null`;
const DELIVERED: Statement = {
  name: 'crm.delivered',
  text: `update crm_record set
      delivered_hash = row.hash,
      delivered_version = row.version,
      remote_id = coalesce(row.remote_id, crm_record.remote_id),
      due_at = case when desired_hash = row.hash or desired_hash is null then null else coalesce(crm_record.due_at, row.at) end,
      leased_until = case when crm_record.attempts = row.attempts then null else crm_record.leased_until end,
      attempts = case when crm_record.attempts = row.attempts then 0 else crm_record.attempts end,
      refused_hash = null,
      code = null
    from ${SETTLED} where ${SAME}`,
};
const POSTPONED: Statement = {
  name: 'crm.postponed',
  text: `update crm_record set leased_until = null, code = row.code,
      due_at = case when crm_record.due_at is null then null else row.at end,
      attempts = case when desired_hash = row.hash then crm_record.attempts else 0 end
    from ${SETTLED} where ${HELD}`,
};
const REFUSED: Statement = {
  name: 'crm.refused',
  text: `update crm_record set leased_until = null, code = row.code, refused_hash = row.hash, attempts = 0,
      due_at = case when desired_hash = row.hash then null else crm_record.due_at end
    from ${SETTLED} where ${HELD}`,
};
const PENDING: Statement = {
  name: 'crm.pending',
  text: `select 1 from crm_record where crm = $1 and guest_id = $2 and (due_at is not null or leased_until is not null)`,
};
const REMOVE: Statement = {
  name: 'crm.remove',
  // Every CRM there is a record for, one step through the key each: also one that is switched off.
  text: `with recursive known (crm) as (
      (select crm from crm_record order by crm limit 1)
      union all
      select (select crm_record.crm from crm_record where crm_record.crm > known.crm order by crm limit 1)
        from known where known.crm is not null)
    delete from crm_record where crm = any(array(select known.crm from known)) and guest_id = any($1::uuid[])`,
};
const PAUSE: Statement = { name: 'crm.pause', text: 'select until, failures from crm_pause where crm = $1' };
const SET_PAUSE: Statement = {
  name: 'crm.set_pause',
  text: `insert into crm_pause (crm, until, failures) values ($1, $2, $3)
    on conflict (crm) do update set until = excluded.until, failures = excluded.failures`,
};

const put: Sink<Put> = {
  name: 'crm.put',
  async write(queries, rows) {
    await queries.query(PUT, [asJson(sorted(rows))]);
  },
};
const withdrawn: Sink<Pick<Put, 'crm' | 'guest_id'>> = {
  name: 'crm.withdrawn',
  async write(queries, rows) {
    await queries.query(WITHDRAW, [asJson(sorted(rows))]);
  },
};
const removed: Sink<string> = {
  name: 'crm.removed',
  async write(queries, guestIds) {
    await queries.query(REMOVE, [[...guestIds].sort()]);
  },
};
const settledBy = (statement: Statement): Sink<Settled> => ({
  name: statement.name,
  async write(queries, rows) {
    await queries.query(statement, [asJson(sorted(rows))]);
  },
});
const delivered = settledBy(DELIVERED);
const postponed = settledBy(POSTPONED);
const refused = settledBy(REFUSED);

export class PostgresCrmStore extends CrmStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
  ) {
    super();
  }

  async put(crm: string, { guestId, version, record }: Desired, dueAt: Date): Promise<void> {
    const hash = recordHash(record);
    const row = { crm, guest_id: guestId, version, record, hash, due_at: dueAt.toISOString() };
    await this.work.collect(put, keyOf(crm, guestId), row);
  }

  withdraw(crm: string, guestId: string): Promise<void> {
    return this.work.collect(withdrawn, keyOf(crm, guestId), { crm, guest_id: guestId });
  }

  async isPending(crm: string, guestId: string): Promise<boolean> {
    const { count } = await this.work.lookUp(keyOf(crm, guestId), PENDING, [crm, guestId]);
    return count > 0;
  }

  removeAll(guestId: string): Promise<void> {
    return this.work.collect(removed, `crm:*:${guestId}`, guestId);
  }

  async claim(crm: string, limit: number, leaseMs: number): Promise<DueRecord[]> {
    const now = this.clock.now();
    // Mostly there are none, and looking costs no write.
    if ((await this.work.query(ANY_DUE, [crm, now.toISOString()])).count === 0) return [];
    const until = new Date(now.getTime() + leaseMs);
    const { rows } = await this.work.run(() =>
      this.work.query<DueRow & { readonly due_at: Date }>(CLAIM, [crm, now.toISOString(), limit, until.toISOString()]),
    );
    return rows
      .sort((a, b) => a.due_at.getTime() - b.due_at.getTime())
      .map(({ guest_id, version, record, desired_hash, attempts }) => ({
        guestId: guest_id,
        version,
        record,
        hash: desired_hash,
        attempt: attempts,
      }));
  }

  async wanted(crm: string, records: readonly DueRecord[]): Promise<DueRecord[]> {
    const { rows } = await this.work.query<{ guest_id: string }>(WANTED, [crm, records.map(({ guestId }) => guestId)]);
    const wanted = new Set(rows.map(({ guest_id }) => guest_id));
    return records.filter(({ guestId }) => wanted.has(guestId));
  }

  async delivered(crm: string, settlements: readonly Settlement[]): Promise<void> {
    const at = this.clock.now();
    await this.settle(
      delivered,
      settlements.map(({ record, remoteId }) => settled(crm, record, at, null, remoteId)),
    );
  }

  async postponed(crm: string, records: readonly DueRecord[], until: Date, code: string): Promise<void> {
    await this.settle(
      postponed,
      records.map((record) => settled(crm, record, until, code)),
    );
  }

  async refused(
    crm: string,
    refusals: readonly { readonly record: DueRecord; readonly code: string }[],
  ): Promise<void> {
    const at = this.clock.now();
    await this.settle(
      refused,
      refusals.map(({ record, code }) => settled(crm, record, at, code)),
    );
  }

  async pause(crm: string): Promise<Pause> {
    const { rows } = await this.work.lookUp<Pause>(`crm_pause:${crm}`, PAUSE, [crm]);
    return rows[0] ?? { until: null, failures: 0 };
  }

  async setPause(crm: string, { until, failures }: Pause): Promise<void> {
    await this.work.run(() => this.work.query(SET_PAUSE, [crm, until?.toISOString() ?? null, failures]));
  }

  private async settle(sink: Sink<Settled>, rows: readonly Settled[]): Promise<void> {
    if (rows.length === 0) return;
    await this.work.run(async () => {
      for (const row of rows) await this.work.collect(sink, keyOf(row.crm, row.guest_id), row);
    });
  }
}

const keyOf = (crm: string, guestId: string): string => `crm:${crm}:${guestId}`;

const settled = (crm: string, due: DueRecord, at: Date, code: string | null, remoteId?: string): Settled => ({
  crm,
  guest_id: due.guestId,
  version: due.version,
  attempts: due.attempt,
  hash: due.hash,
  remote_id: remoteId ?? null,
  at: at.toISOString(),
  code,
});

/** Rows are locked in one order by everybody. */
const sorted = <Row extends { readonly crm: string; readonly guest_id: string }>(rows: readonly Row[]): Row[] =>
  [...rows].sort((a, b) => (keyOf(a.crm, a.guest_id) < keyOf(b.crm, b.guest_id) ? -1 : 1));
