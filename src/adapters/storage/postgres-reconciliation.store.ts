import type { Clock } from '../../kernel/clock.js';
import { UUID } from '../../kernel/uuid.js';
import { ReconciliationStore } from '../../modules/crm-sync/index.js';
import type { Drift, DriftPage, Progress, Reconciliation, ReconciliationPage } from '../../modules/crm-sync/index.js';
import type { GroupCommitter } from './group-committer.js';
import { fromCursor, INSTANT, pageOf, toCursor } from './page.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

const COLUMNS = `id, crm, trigger, state, started_at as "startedAt", ended_at as "endedAt", cursor, pages, records, missing, extra, different,
  repaired, due_at as "dueAt", leases, code`;
const BEGIN: Statement = {
  name: 'crm.reconciliation.begin',
  text: `insert into crm_reconciliation (id, crm, trigger, state, started_at, due_at) values ($1, $2, $3, 'reading', $4, $4)
    on conflict do nothing`,
};
const FORGET_OLD: Statement = {
  name: 'crm.reconciliation.forget_old',
  text: `delete from crm_reconciliation where id in
    (select id from crm_reconciliation where crm = $1 order by started_at desc, id desc offset $2)`,
};
const CLAIM: Statement = {
  name: 'crm.reconciliation.claim',
  text: `update crm_reconciliation set due_at = $3, leases = leases + 1 where id =
      (select id from crm_reconciliation where crm = $1 and due_at <= $2 for update skip locked)
    returning ${COLUMNS}`,
};
const ADVANCE: Statement = {
  name: 'crm.reconciliation.advance',
  text: `update crm_reconciliation set state = $3, cursor = $4, pages = $5, records = $6, repaired = $7, code = $8, ended_at = $9, due_at = $10
    where id = $1 and leases = $2 and due_at is not null`,
};
const ADD_DRIFTS: Statement = {
  name: 'crm.drift.add',
  text: `with added as (
      insert into crm_drift (reconciliation, record_key, guest_id, remote_id, kind, fields)
        select $1, key, "guestId", "remoteId", kind, array(select json_array_elements_text(fields)) from json_to_recordset($2)
          as row (key text, "guestId" uuid, "remoteId" text, kind text, fields json)
        on conflict do nothing returning kind)
    update crm_reconciliation set
      missing = missing + (select count(*) from added where kind = 'missing'),
      extra = extra + (select count(*) from added where kind = 'extra'),
      different = different + (select count(*) from added where kind = 'different')
    where id = $1`,
};
const MARK_SEEN: Statement = {
  name: 'crm.seen.mark',
  text: 'insert into crm_seen (reconciliation, guest_id) select $1, unnest($2::uuid[]) on conflict do nothing',
};
const FORGET_SEEN: Statement = { name: 'crm.seen.forget', text: 'delete from crm_seen where reconciliation = $1' };
const SWEEP: Statement = {
  name: 'crm.reconciliation.sweep',
  // What was put or delivered since the reading began may rightly have been absent from a page; its own delivery vouches for it.
  text: `select r.guest_id, s.guest_id is null and r.record is not null and r.due_at is null and r.chunk is null
        and r.delivered_hash = r.desired_hash and (r.delivered_at is null or r.delivered_at < $4) as unseen
    from crm_record r left join crm_seen s on s.reconciliation = $5 and s.guest_id = r.guest_id
    where r.crm = $1 and r.guest_id > $2::uuid order by r.guest_id limit $3`,
};
const BEGIN_REPAIR: Statement = {
  name: 'crm.reconciliation.begin_repair',
  text: `update crm_reconciliation set state = 'repairing', cursor = null, due_at = $2, ended_at = null where id = $1 and state = 'found'`,
};
const RESEND: Statement = {
  name: 'crm.resend',
  // No record, no consent: withdrawing it takes the record away in the same unit of work.
  text: `update crm_record set due_at = least(due_at, $3), delivered_hash = null
    where crm = $1 and guest_id = any($2::uuid[]) and record is not null and chunk is null and refused_hash is distinct from desired_hash
    returning guest_id`,
};
const FIND: Statement = {
  name: 'crm.reconciliation.find',
  text: `select ${COLUMNS} from crm_reconciliation where id = $1`,
};
const LATEST: Statement = {
  name: 'crm.reconciliation.latest',
  text: `select ${COLUMNS} from crm_reconciliation where crm = $1 order by started_at desc, id desc limit 1`,
};
const LIST: Statement = {
  name: 'crm.reconciliation.list',
  text: `select ${COLUMNS} from crm_reconciliation where ($1::text is null or crm = $1)
    and ($2::timestamptz is null or (started_at, id) < ($2::timestamptz, $3::uuid)) order by started_at desc, id desc limit $4`,
};
const DRIFTS: Statement = {
  name: 'crm.drift.list',
  text: `select record_key as key, guest_id as "guestId", remote_id as "remoteId", kind, fields from crm_drift
    where reconciliation = $1 and record_key > $2 order by record_key limit $3`,
};

/** Of each CRM so many are kept. */
const KEPT = 20;
const KEY = /^(sha256:)?[0-9a-f-]{36,64}$/;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

export class PostgresReconciliationStore extends ReconciliationStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
  ) {
    super();
  }

  begin({ id, crm, trigger, startedAt }: Reconciliation): Promise<boolean> {
    return this.work.run(async () => {
      const { count } = await this.work.query(BEGIN, [id, crm, trigger, startedAt.toISOString()]);
      if (count > 0) await this.work.query(FORGET_OLD, [crm, KEPT]);
      return count > 0;
    });
  }

  async claim(crm: string, leaseMs: number): Promise<Reconciliation | null> {
    const now = this.clock.now();
    const until = new Date(now.getTime() + leaseMs).toISOString();
    const values = [crm, now.toISOString(), until];
    return (await this.work.run(() => this.work.query<Reconciliation>(CLAIM, values))).rows[0] ?? null;
  }

  async advance(known: Reconciliation, progress: Progress): Promise<boolean> {
    const { id, leases, state, cursor, pages, records, repaired, code, endedAt, dueAt } = { ...known, ...progress };
    const times = [endedAt?.toISOString() ?? null, dueAt?.toISOString() ?? null];
    const values = [id, leases, state, cursor, pages, records, repaired, code, ...times];
    return (await this.work.query(ADVANCE, values)).count > 0;
  }

  async addDrifts(id: string, drifts: readonly Drift[]): Promise<void> {
    if (drifts.length > 0) await this.work.query(ADD_DRIFTS, [id, asJson(drifts)]);
  }

  async markSeen(id: string, guestIds: readonly string[]): Promise<void> {
    await this.work.query(MARK_SEEN, [id, guestIds.filter((guestId) => UUID.test(guestId))]);
  }

  async sweep(
    { id, crm, startedAt }: Reconciliation,
    after: string | null,
    limit: number,
  ): Promise<{ unseen: string[]; last: string | null }> {
    const values = [crm, after ?? FIRST_ID, limit, startedAt.toISOString(), id];
    const { rows } = await this.work.query<{ guest_id: string; unseen: boolean }>(SWEEP, values);
    return {
      unseen: rows.filter(({ unseen }) => unseen).map(({ guest_id }) => guest_id),
      last: rows.length < limit ? null : rows.at(-1)!.guest_id,
    };
  }

  async forgetSeen(id: string): Promise<void> {
    await this.work.query(FORGET_SEEN, [id]);
  }

  async beginRepair(id: string, at: Date): Promise<boolean> {
    return (await this.work.query(BEGIN_REPAIR, [id, at.toISOString()])).count > 0;
  }

  async resend(crm: string, guestIds: readonly string[]): Promise<string[]> {
    const values = [crm, [...guestIds].sort(), this.clock.now().toISOString()];
    return (await this.work.query<{ guest_id: string }>(RESEND, values)).rows.map(({ guest_id }) => guest_id);
  }

  async find(id: string): Promise<Reconciliation | null> {
    return UUID.test(id) ? ((await this.work.query<Reconciliation>(FIND, [id])).rows[0] ?? null) : null;
  }

  async latest(crm: string): Promise<Reconciliation | null> {
    return (await this.work.query<Reconciliation>(LATEST, [crm])).rows[0] ?? null;
  }

  async list(crm: string | undefined, cursor: string | undefined, limit: number): Promise<ReconciliationPage> {
    const [at, id] = cursor === undefined ? [null, null] : fromCursor(cursor, INSTANT, UUID);
    const { rows } = await this.work.query<Reconciliation>(LIST, [crm ?? null, at, id, limit + 1]);
    return pageOf(
      rows,
      limit,
      (row) => row,
      (row) => toCursor(row.startedAt.toISOString(), row.id),
    );
  }

  async drifts(id: string, cursor: string | undefined, limit: number): Promise<DriftPage> {
    const [after] = cursor === undefined ? [''] : fromCursor(cursor, KEY);
    const { rows } = await this.work.query<Drift>(DRIFTS, [id, after, limit + 1]);
    return pageOf(
      rows,
      limit,
      (row) => row,
      ({ key }) => toCursor(key),
    );
  }
}
