import type { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import type { ClaimedIntent, Claimer, Intent } from '../../kernel/outbox.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import type { Statement } from './statement.js';

type Put = {
  readonly topic: string;
  readonly subject: string;
  readonly slot: string;
  readonly payload: Readonly<Record<string, string>>;
  readonly run_at: string;
};
type Row = Omit<Put, 'slot' | 'run_at'> & { readonly id: number; readonly attempts: number; readonly revision: number };
type Settled = {
  readonly id: string;
  readonly revision: number;
  readonly attempts: number;
  readonly at: string;
  readonly code: string | null;
};

const PUT: Statement = {
  name: 'outbox.put',
  // Attempts tell one delivery from the next, so they are only counted anew when none is under way.
  text: `insert into outbox (topic, subject, slot, payload, run_at)
    select topic, subject, slot, payload, run_at from json_to_recordset($1)
      as row (topic text, subject text, slot text, payload jsonb, run_at timestamptz)
    on conflict (topic, subject, slot) do update set
      payload = excluded.payload,
      revision = outbox.revision + 1,
      run_at = case when outbox.parked_at is null then least(outbox.run_at, excluded.run_at) else excluded.run_at end,
      attempts = case when outbox.leased_until is null then 0 else outbox.attempts end,
      parked_at = null,
      code = null`,
};

/**
 * Due, in nobody's hands, and not behind another of its subject: behind one that is being delivered, or an older one that is due or was
 * tried already. One that waits for its first time holds up nobody.
 *
 * Written so that there is one way to plan it, whatever the planner believes about the table: `not exists` would be joined with everything
 * that is due, and `parked_at is null` outside of the `case` would let the inner look go through the index of the outer one.
 */
const BEFORE = `select true from outbox b where b.topic = o.topic and b.subject = o.subject and b.id <> o.id
    and case when b.parked_at is null then b.leased_until > $2 or (b.id < o.id and (b.run_at <= $2 or b.attempts > 0)) end
  limit 1`;
/** The `case` keeps subjects of other topics, which need not be guests, away from the cast. */
const HELD_ELSEWHERE = `case when o.topic = $1 then
    (select true from session s where s.guest_id = o.subject::uuid and s.owner <> $3 and s.owner_until > $2) end`;
/** Either takes the same values. */
const claimable = (by: Claimer): string => `from outbox o
  where o.topic = $1 and o.parked_at is null and greatest(o.run_at, o.leased_until) <= $2 and (${BEFORE}) is null
    ${by === 'holder' ? `and (${HELD_ELSEWHERE}) is null` : 'and $3::uuid is not null'}
  order by greatest(o.run_at, o.leased_until), o.id`;
const anyClaimable = (by: Claimer): Statement => ({
  name: `outbox.any.${by}`,
  text: `select 1 ${claimable(by)} limit 1`,
});
/** An array is made once. What is joined may be looked for anew with every row, and takes as many again each time. */
const claim = (by: Claimer): Statement => ({
  name: `outbox.claim.${by}`,
  text: `update outbox set leased_until = $5, attempts = attempts + 1
    where id = any(array(select o.id ${claimable(by)} limit $4 for update of o skip locked))
    returning id, topic, subject, payload, attempts, revision`,
});
const CLAIMS = {
  anybody: { any: anyClaimable('anybody'), claim: claim('anybody') },
  holder: { any: anyClaimable('holder'), claim: claim('holder') },
};

const TAKE_BACK: Statement = {
  name: 'outbox.take_back',
  text: `delete from outbox using json_to_recordset($1) as row (topic text, subject text)
    where outbox.topic = row.topic and outbox.subject = row.subject`,
};

const UNDER_WAY: Statement = {
  name: 'outbox.under_way',
  text: 'select from outbox where topic = any($1) and subject = $2 and leased_until > $3 limit 1',
};

const SETTLED =
  'json_to_recordset($1) as row (id bigint, revision integer, attempts integer, at timestamptz, code text)';
/** Only whoever holds the intent now may let go of it. */
const HELD = 'outbox.id = row.id and outbox.attempts = row.attempts and outbox.leased_until is not null';
const DELETE: Statement = {
  name: 'outbox.delete',
  text: `delete from outbox using ${SETTLED} where outbox.id = row.id and outbox.revision = row.revision`,
};
const RELEASE_CHANGED: Statement = {
  name: 'outbox.release_changed',
  text: `update outbox set leased_until = null, attempts = 0, run_at = least(outbox.run_at, row.at) from ${SETTLED}
    where ${HELD} and outbox.revision <> row.revision`,
};
const LATER: Statement = {
  name: 'outbox.later',
  text: `update outbox set leased_until = null, run_at = row.at, code = null from ${SETTLED}
    where ${HELD} and outbox.revision = row.revision`,
};
const POSTPONE: Statement = {
  name: 'outbox.postpone',
  text: `update outbox set leased_until = null, run_at = row.at, code = row.code from ${SETTLED} where ${HELD}`,
};
const PARK: Statement = {
  name: 'outbox.park',
  text: `update outbox set leased_until = null, parked_at = row.at, code = row.code from ${SETTLED}
    where ${HELD} and outbox.revision = row.revision`,
};

const put: Sink<Put> = {
  name: 'outbox.put',
  folds: true,
  async write(queries, rows) {
    const newest = new Map<string, Put>();
    for (const row of rows) {
      const slot = JSON.stringify([row.topic, row.subject, row.slot]);
      const earlier = newest.get(slot)?.run_at ?? row.run_at;
      newest.set(slot, earlier < row.run_at ? { ...row, run_at: earlier } : row);
    }
    const sorted = [...newest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    await queries.query(PUT, [asJson(sorted)]);
  },
};

const settledBy = (name: string, ...statements: readonly Statement[]): Sink<Settled> => ({
  name,
  async write(queries, rows) {
    await Promise.all(statements.map((statement) => queries.query(statement, [asJson(rows)])));
  },
});
const done = settledBy('outbox.done', DELETE, RELEASE_CHANGED);
const later = settledBy('outbox.later', LATER, RELEASE_CHANGED);
const postponed = settledBy('outbox.postponed', POSTPONE);
const parked = settledBy('outbox.parked', PARK, RELEASE_CHANGED);

const takenBack: Sink<{ readonly topic: string; readonly subject: string }> = {
  name: 'outbox.taken_back',
  async write(queries, rows) {
    await queries.query(TAKE_BACK, [asJson(rows)]);
  },
};

export class PostgresOutbox extends Outbox {
  private readonly wakers = new Map<string, (() => void)[]>();

  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
    /** This process, as its sessions know it. */
    private readonly holder: string,
  ) {
    super();
  }

  put({ topic, subject, payload = {}, dueAt, distinct = '' }: Intent): Promise<void> {
    return this.work.run(async () => {
      const run_at = (dueAt ?? this.clock.now()).toISOString();
      await this.work.collect(put, `outbox:${topic}:${subject}`, { topic, subject, slot: distinct, payload, run_at });
      this.work.memo(`wake:${topic}`, () => this.work.afterCommit(() => this.wake(topic)));
    });
  }

  takeBack(topic: string, subject: string): Promise<void> {
    return this.work.collect(takenBack, `outbox:${topic}:${subject}`, { topic, subject });
  }

  async isUnderWay(topics: readonly string[], subject: string): Promise<boolean> {
    const values = [topics, subject, this.clock.now().toISOString()];
    return (await this.work.query(UNDER_WAY, values)).count > 0;
  }

  async claim(topic: string, limit: number, leaseMs: number, by: Claimer = 'anybody'): Promise<ClaimedIntent[]> {
    const now = this.clock.now();
    const due = [topic, now.toISOString(), this.holder];
    // Mostly there are none, and looking costs no write.
    if ((await this.work.query(CLAIMS[by].any, due)).count === 0) return [];
    const until = new Date(now.getTime() + leaseMs).toISOString();
    const { rows } = await this.work.run(() => this.work.query<Row>(CLAIMS[by].claim, [...due, limit, until]));
    return rows
      .sort((a, b) => a.id - b.id)
      .map(({ id, attempts, ...intent }) => ({ ...intent, id: String(id), attempt: attempts }));
  }

  done(intent: ClaimedIntent): Promise<void> {
    return this.settle(done, intent, this.clock.now(), null);
  }

  later(intent: ClaimedIntent, until: Date): Promise<void> {
    return this.settle(later, intent, until, null);
  }

  postpone(intent: ClaimedIntent, until: Date, code: string): Promise<void> {
    return this.settle(postponed, intent, until, code);
  }

  park(intent: ClaimedIntent, code: string): Promise<void> {
    return this.settle(parked, intent, this.clock.now(), code);
  }

  onPut(topic: string, wake: () => void): void {
    this.wakers.set(topic, [...(this.wakers.get(topic) ?? []), wake]);
  }

  private settle(sink: Sink<Settled>, intent: ClaimedIntent, at: Date, code: string | null): Promise<void> {
    const { id, revision, attempt, topic, subject } = intent;
    return this.work.collect(sink, `outbox:${topic}:${subject}`, {
      id,
      revision,
      attempts: attempt,
      at: at.toISOString(),
      code,
    });
  }

  private wake(topic: string): void {
    for (const wake of this.wakers.get(topic) ?? []) wake();
  }
}
