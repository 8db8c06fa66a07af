import { closedBreaker } from '../../modules/crm-sync/index.js';
import type { Breaker, Chunk, DueRecord, Outcome } from '../../modules/crm-sync/index.js';
import type { BreakerRow, MemberRow, SettledRow } from './crm-chunks.js';

export const leaseEnd = (now: Date, ms: number): string => new Date(now.getTime() + ms).toISOString();

export function groupedByChunk<Row extends { readonly chunk: string }>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.chunk);
    if (group === undefined) groups.set(row.chunk, [row]);
    else group.push(row);
  }
  return groups;
}

export function toChunk(members: readonly MemberRow[]): Chunk {
  const { chunk, leases, failures, rekeyed, since } = members[0]!;
  return { id: chunk, lease: leases, failures, rekeyed, since, records: members.flatMap((one) => sentOf(one) ?? []) };
}

/** The record in the form in which it was sent; null when it is not to be sent any more. */
export function sentOf({ member, hash, version, record, desired_hash, sent, attempts }: MemberRow): DueRecord | null {
  const form = sent?.hash === hash ? sent : desired_hash === hash ? { version: version!, record: record! } : null;
  return form && { guestId: member, version: form.version, record: form.record, hash, attempt: attempts! + 1 };
}

export function settledRow(crm: string, chunk: Chunk, outcome: Outcome, now: Date): SettledRow {
  const { record, status } = outcome;
  const { code, reason } = status === 'dead' ? outcome : { code: '', reason: null };
  return {
    crm,
    chunk: chunk.id,
    lease: chunk.lease,
    guest_id: record.guestId,
    version: record.version,
    hash: record.hash,
    outcome: status,
    remote_id: status === 'delivered' && outcome.remoteId !== undefined ? JSON.stringify(outcome.remoteId) : null,
    at: now.toISOString(),
    due_at: (status === 'again' ? outcome.at : now).toISOString(),
    attempts: record.attempt,
    uncertain: status === 'again' || (status === 'dead' && outcome.isUncertain),
    dead_letter: status === 'dead' ? JSON.stringify({ code, reason, attempts: record.attempt + chunk.failures }) : null,
  };
}

export function releasedRow(crm: string, chunk: Chunk, guestId: string, now: Date): SettledRow {
  const nothing = { version: 0, hash: null, remote_id: null, attempts: 0, uncertain: true, dead_letter: null } as const;
  const at = now.toISOString();
  return {
    crm,
    chunk: chunk.id,
    lease: chunk.lease,
    guest_id: guestId,
    outcome: 'released',
    at,
    due_at: at,
    ...nothing,
  };
}

export const toBreaker = (row: BreakerRow): Breaker =>
  row.failures === null
    ? closedBreaker
    : {
        until: row.until,
        failures: row.failures,
        openedAt: row.opened_at,
        code: row.code,
        failedAt: row.failed_at,
        chunkLimit: row.chunk_limit,
        limitedAt: row.limited_at,
      };

export const breakerValues = ({
  until,
  failures,
  openedAt,
  code,
  failedAt,
  chunkLimit,
  limitedAt,
}: Breaker): unknown[] => [
  until?.toISOString() ?? null,
  failures,
  openedAt?.toISOString() ?? null,
  code,
  failedAt?.toISOString() ?? null,
  chunkLimit,
  limitedAt?.toISOString() ?? null,
];
