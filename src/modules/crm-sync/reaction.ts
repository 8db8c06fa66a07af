import { AppError } from '../../kernel/app-error.js';
import type { Chunk } from './crm-sync.js';

/** So often is a record tried while the CRM answers others. */
export const MAX_ATTEMPTS = 15;
/** So long is a record tried that was sent once, while the CRM answers others. */
export const MAX_AGE_MS = 72 * 3_600_000;
/** A chunk that fails so often while the CRM answers others may hold a record that the CRM stumbles over. */
const SUSPECT_AFTER = 3;
/** Keys used up in a row: then it is not the key. */
const MAX_REKEYS = 3;
/** Where the CRM does not say how long to wait for a quota. */
const QUOTA_MS = 3_600_000;

/** What a chunk that was not answered calls for. */
export type Reaction =
  /** It is a record's fault: halves find out whose. `isAnswer`: the CRM itself is well. */
  | { readonly do: 'split'; readonly tooLarge: boolean; readonly isAnswer: boolean }
  /** The one record cannot be delivered. */
  | { readonly do: 'bury'; readonly isUncertain: boolean; readonly isAnswer: boolean }
  /** The key is used up. */
  | { readonly do: 'rekey' }
  /** This chunk waits, and no other. */
  | { readonly do: 'wait'; readonly ms: number | undefined }
  /** All chunks wait; without `ms` for as long as waits grow. */
  | { readonly do: 'slow-down'; readonly ms: number | undefined }
  | { readonly do: 'lock' }
  /** The CRM failed; `counts` when that may be the chunk's doing. */
  | { readonly do: 'retry'; readonly counts: boolean };

/** `isTrusted`: the breaker is closed, so that the CRM is believed to answer others. */
export function reactionTo(error: unknown, chunk: Chunk, isTrusted: boolean, now: Date): Reaction {
  const { kind, code, retryAfterMs: ms } = error instanceof AppError ? error : bug;
  if (code === 'crm.key_used')
    return chunk.rekeyed < MAX_REKEYS ? { do: 'rekey' } : culpritOf(chunk, { tooLarge: false, isUncertain: true });
  if (kind === 'conflict') return { do: 'wait', ms };
  if (code === 'crm.quota_exhausted') return { do: 'slow-down', ms: ms ?? QUOTA_MS };
  if (kind === 'throttled') return { do: 'slow-down', ms };
  if (code === 'crm.credentials_refused' || code === 'crm.mapping_wrong') return { do: 'lock' };
  if (kind === 'unavailable') return retried(chunk, isTrusted, now);
  return culpritOf(chunk, { tooLarge: code === 'crm.too_large', isUncertain: false });
}

/** An adapter that stumbles over a record is treated like a CRM that refuses it: its bug costs one record and not the whole chunk. */
const bug = { kind: 'refused', code: 'bug', retryAfterMs: undefined } as const;

/** Nothing is given up while the CRM is down, which is no record's fault. */
function retried(chunk: Chunk, isTrusted: boolean, now: Date): Reaction {
  if (!isTrusted) return { do: 'retry', counts: false };
  const failures = chunk.failures + 1;
  if (chunk.records.length > 1)
    return failures >= SUSPECT_AFTER
      ? { do: 'split', tooLarge: false, isAnswer: false }
      : { do: 'retry', counts: true };
  const isTried = failures + chunk.records[0]!.attempt > MAX_ATTEMPTS || isTooOld(chunk, now);
  return isTried ? { do: 'bury', isUncertain: true, isAnswer: false } : { do: 'retry', counts: true };
}

export const isTooOld = ({ since }: Chunk, now: Date): boolean => now.getTime() - since.getTime() >= MAX_AGE_MS;

function culpritOf(
  { records }: Chunk,
  { tooLarge, isUncertain }: { tooLarge: boolean; isUncertain: boolean },
): Reaction {
  return records.length > 1 ? { do: 'split', tooLarge, isAnswer: true } : { do: 'bury', isUncertain, isAnswer: true };
}

/** How long a record or chunk waits after so many failures: exponential from 2 s to 10 min, with full jitter. */
export function retryDelayMs(failures: number, random: () => number = Math.random): number {
  return Math.ceil(random() * Math.min(600_000, 1_000 * 2 ** Math.min(failures, 10)));
}
