import { randomUUID } from 'node:crypto';
import type { Clock } from '../../kernel/clock.js';
import type { Tally } from '../../kernel/data-class.js';
import { UUID } from '../../kernel/uuid.js';
import { CrmStore, recordHash } from '../../modules/crm-sync/index.js';
import type {
  Backlog,
  Breaker,
  Chunk,
  ClaimOptions,
  CrmRecord,
  DeadLetter,
  DeadLetterPage,
  DeadLetterQuery,
  Desired,
  DueRecord,
  Holding,
  Minute,
  Outcome,
  Postponement,
  Standing,
} from '../../modules/crm-sync/index.js';
import * as sql from './crm-chunks.js';
import type { BreakerRow, MemberRow, SettledRow } from './crm-chunks.js';
import {
  breakerValues,
  groupedByChunk,
  leaseEnd,
  releasedRow,
  sentOf,
  settledRow,
  toBreaker,
  toChunk,
} from './crm-rows.js';
import * as desired from './crm-desired.js';
import { keyOf, sorted } from './crm-desired.js';
import * as letters from './crm-letters.js';
import type { GroupCommitter } from './group-committer.js';
import type { Sink } from './pending.js';
import { asJson } from './statement.js';
import { asTexts } from './texts.js';

const settled: Sink<SettledRow> = {
  name: 'crm.settled',
  async write(queries, rows) {
    await queries.query(sql.SETTLE, asTexts(sorted(rows), sql.SETTLED_COLUMNS));
  },
};

export class PostgresCrmStore extends CrmStore {
  constructor(
    private readonly work: GroupCommitter,
    private readonly clock: Clock,
  ) {
    super();
  }

  async put(crm: string, { guestId, version, record }: Desired, dueAt: Date): Promise<void> {
    const hash = recordHash(record);
    const json = JSON.stringify(record);
    const row = { crm, guest_id: guestId, version, record: json, hash, due_at: dueAt.toISOString() };
    await this.work.collect(desired.put, keyOf(crm, guestId), row);
  }

  withdraw(crm: string, guestId: string): Promise<void> {
    return this.work.collect(desired.withdrawn, keyOf(crm, guestId), { crm, guest_id: guestId });
  }

  async known(): Promise<string[]> {
    return (await this.work.query<{ readonly id: string }>(desired.KNOWN)).rows.map(({ id }) => id);
  }

  async isPending(crm: string, guestId: string): Promise<boolean> {
    const { count } = await this.work.lookUp(keyOf(crm, guestId), desired.PENDING, [crm, guestId]);
    return count > 0;
  }

  async holding(guestId: string): Promise<Holding[]> {
    return UUID.test(guestId) ? (await this.work.query<Holding>(desired.HOLDING, [guestId])).rows : [];
  }

  async isOnItsWay(crm: string, guestId: string): Promise<boolean> {
    const values = [crm, guestId, this.clock.now().toISOString()];
    return UUID.test(guestId) && (await this.work.query(sql.ON_ITS_WAY, values)).rows.length > 0;
  }

  removeAll(guestId: string): Promise<void> {
    return this.work.collect(desired.removed, `crm:*:${guestId}`, guestId);
  }

  async desired(crm: string, guestIds: readonly string[]): Promise<DueRecord[]> {
    const { rows } = await this.work.query<Omit<DueRecord, 'guestId'> & { guest_id: string }>(desired.FIND, [
      crm,
      guestIds.filter((id) => UUID.test(id)),
    ]);
    const byId = new Map(rows.map(({ guest_id, ...rest }) => [guest_id, { guestId: guest_id, ...rest }]));
    return guestIds.flatMap((id) => byId.get(id) ?? []);
  }

  async standings(crm: string, guestIds: readonly string[]): Promise<Standing[]> {
    const known = guestIds.filter((id) => UUID.test(id));
    return (await this.work.query<Standing>(desired.STANDINGS, [crm, known])).rows;
  }

  async look(crm: string): Promise<{ isDue: boolean; breaker: Breaker }> {
    type Row = BreakerRow & { readonly known: boolean | null; readonly fresh: boolean | null };
    const { rows } = await this.work.query<Row>(sql.LOOK, [crm, this.clock.now().toISOString()]);
    const row = rows[0]!;
    return { isDue: row.known === true || row.fresh === true, breaker: toBreaker(row) };
  }

  async claim(crm: string, { chunks, size, leaseMs, freshFirst = false }: ClaimOptions): Promise<Chunk[]> {
    const claims = [
      (count: number) => this.claimKnown(crm, count, leaseMs),
      (count: number) => this.claimFresh(crm, count, size, leaseMs),
    ];
    if (freshFirst) claims.reverse();
    const claimed: Chunk[] = [];
    for (const claim of claims) if (claimed.length < chunks) claimed.push(...(await claim(chunks - claimed.length)));
    return claimed;
  }

  private async claimFresh(crm: string, chunks: number, size: number, leaseMs: number): Promise<Chunk[]> {
    const now = this.clock.now();
    const ids = Array.from({ length: chunks }, () => randomUUID());
    const values = [crm, now.toISOString(), chunks * size, leaseEnd(now, leaseMs), ids, size];
    type Row = Pick<MemberRow, 'chunk' | 'member' | 'hash'> & { version: number; record: CrmRecord; attempts: number };
    const { rows } = await this.work.run(() => this.work.query<Row>(sql.CLAIM_FRESH, values));
    const isNew = { lease: 1, failures: 0, rekeyed: 0, since: now };
    return [...groupedByChunk(rows)].map(([id, members]) => ({
      id,
      ...isNew,
      records: members.map(({ member, version, record, hash, attempts }) => ({
        guestId: member,
        version,
        record,
        hash,
        attempt: attempts + 1,
      })),
    }));
  }

  /** Whoever was withdrawn since a chunk was sent is let go of here; a chunk of which nobody is left is over. */
  private claimKnown(crm: string, chunks: number, leaseMs: number): Promise<Chunk[]> {
    const now = this.clock.now();
    return this.work.run(async () => {
      const values = [crm, now.toISOString(), chunks, leaseEnd(now, leaseMs)];
      const { rows } = await this.work.query<MemberRow>(sql.CLAIM_KNOWN, values);
      const wanted: Chunk[] = [];
      for (const members of groupedByChunk(rows).values()) {
        const chunk = toChunk(members);
        const gone = members.filter((member) => member.attempts !== null && sentOf(member) === null);
        for (const { member } of gone) await this.collectSettled(releasedRow(crm, chunk, member, now));
        if (chunk.records.length > 0) wanted.push(chunk);
        else await this.work.query(sql.END, [chunk.id, chunk.lease]);
      }
      return wanted;
    });
  }

  settle(crm: string, chunk: Chunk, outcomes: readonly Outcome[]): Promise<void> {
    const now = this.clock.now();
    return this.work.run(async () => {
      for (const outcome of outcomes) await this.collectSettled(settledRow(crm, chunk, outcome, now));
    });
  }

  async postpone({ id, lease }: Chunk, { until, code, failures, rekeyed }: Postponement): Promise<void> {
    const values = [id, lease, until.toISOString(), code, failures, rekeyed];
    await this.work.run(() => this.work.query(sql.POSTPONE, values));
  }

  async split(crm: string, { id, lease, failures, records }: Chunk): Promise<void> {
    const middle = Math.ceil(records.length / 2);
    const halves = [records.slice(0, middle), records.slice(middle)].map((half) => ({
      id: randomUUID(),
      members: half.map(({ guestId }) => guestId),
      hashes: half.map(({ hash }) => hash),
    }));
    const values = [id, lease, asJson(halves), this.clock.now().toISOString(), failures, crm];
    await this.work.run(() => this.work.query(sql.SPLIT, values));
  }

  updateBreaker(crm: string, change: (breaker: Breaker) => Breaker): Promise<Breaker> {
    return this.work.run(async () => {
      await this.work.query(sql.STATE_ROW, [crm]);
      const { rows } = await this.work.query<BreakerRow>(sql.LOCK_STATE, [crm]);
      const known = toBreaker(rows[0]!);
      const next = change(known);
      if (next !== known) await this.work.query(sql.SET_STATE, [crm, ...breakerValues(next)]);
      return next;
    });
  }

  async takeProbe(crm: string, leaseMs: number): Promise<boolean> {
    const now = this.clock.now();
    const values = [crm, now.toISOString(), leaseEnd(now, leaseMs)];
    return (await this.work.run(() => this.work.query(sql.TAKE_PROBE, values))).count > 0;
  }

  deadLetters(query: DeadLetterQuery): Promise<DeadLetterPage> {
    return letters.listLetters(this.work, query);
  }

  deadLetter(crm: string, guestId: string): Promise<DeadLetter | null> {
    return letters.findLetter(this.work, crm, guestId);
  }

  revive(crm: string, guestIds: readonly string[]): Promise<string[]> {
    return this.work.run(() => letters.reviveLetters(this.work, crm, guestIds, this.clock.now()));
  }

  expireDeadLetters(before: Date, limit: number): Promise<number> {
    return this.work.run(() => letters.expireLetters(this.work, before, limit));
  }

  countDeadLetters(before: Date): Promise<Tally> {
    return letters.countLetters(this.work, before);
  }

  backlog(crm: string, countTo: number): Promise<Backlog> {
    return letters.backlogOf(this.work, crm, this.clock.now(), countTo);
  }

  addMinutes(crm: string, minutes: readonly Minute[]): Promise<void> {
    return this.work.run(() => letters.addMinutes(this.work, crm, minutes, this.clock.now()));
  }

  minutes(crm: string, since: Date): Promise<Minute[]> {
    return letters.minutesSince(this.work, crm, since);
  }

  private collectSettled(row: SettledRow): Promise<void> {
    return this.work.collect(settled, keyOf(row.crm, row.guest_id), row);
  }
}
