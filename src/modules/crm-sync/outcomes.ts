import type { Chunk, DueRecord, Verdict } from './crm-sync.js';
import type { Outcome } from './ports/crm.store.js';
import { isTooOld, MAX_ATTEMPTS, retryDelayMs } from './reaction.js';

/** What becomes of each record of a chunk by the CRM's verdicts, one a record and in their order. */
export function outcomesOf(chunk: Chunk, verdicts: readonly Verdict[], now: Date): Outcome[] {
  return verdicts.map((verdict) => outcomeOf(chunk, chunk.records[verdict.index]!, verdict, now));
}

function outcomeOf(chunk: Chunk, record: DueRecord, verdict: Verdict, now: Date): Outcome {
  if (verdict.status === 'refused')
    return { record, status: 'dead', code: verdict.error, reason: verdict.message ?? null, isUncertain: false };
  if (verdict.status === 'retry') return again(chunk, record, verdict, now);
  const delivered = { record, status: 'delivered' } as const;
  return verdict.remoteId === undefined ? delivered : { ...delivered, remoteId: verdict.remoteId };
}

function again(
  chunk: Chunk,
  record: DueRecord,
  { error: code, message }: { readonly error: string; readonly message?: string },
  now: Date,
): Outcome {
  if (record.attempt < MAX_ATTEMPTS && !isTooOld(chunk, now))
    return { record, status: 'again', at: new Date(now.getTime() + retryDelayMs(record.attempt)), code };
  const reason = `Given up after ${record.attempt} attempts${message === undefined ? '' : `: ${message}`}`;
  return { record, status: 'dead', code, reason, isUncertain: true };
}
