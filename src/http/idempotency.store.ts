import type { Tally } from '../kernel/data-class.js';
import { AppError } from '../kernel/app-error.js';

export type IdempotencyRecord = {
  /** Who asked what under which key, as a hash: 64 hex digits. */
  readonly scope: string;
  /** Whose data the answer is, and under whose key it is sealed: `guest:<id>`, or `system:idempotency`. */
  readonly subject: string;
  /** The answer, and a hash of what exactly was asked, sealed: whoever has that hash can find out an e-mail by trying. */
  readonly answer: string;
  readonly createdAt: Date;
};

/** How long an answer can be had again. Published: clients decide by it how long they may repeat. */
export const IDEMPOTENCY_TTL_MS = 24 * 3_600_000;

/** Answers already given to requests that carried an `Idempotency-Key`, so that a repeat gets the same one. */
export abstract class IdempotencyStore {
  /**
   * What was answered, or null. An answer from before `notBefore` is forgotten and counts as none. Joins the current unit of work
   * and holds the scope for it: while another unit that has not ended holds it, throws `idempotencyInProgress` at once.
   */
  abstract find(scope: string, notBefore: Date): Promise<IdempotencyRecord | null>;
  /** Keeps an answer. Joins the current unit of work, which has found none under this scope. */
  abstract add(record: IdempotencyRecord): Promise<void>;
  /** Forgets up to `limit` answers from before then, oldest first, and says how many that were. */
  abstract purge(before: Date, limit: number): Promise<number>;
  /** How many answers from before then are kept, and from when the oldest of all is. */
  abstract count(before: Date): Promise<Tally>;
}

export const idempotencyInProgress = (): AppError =>
  new AppError(
    'conflict',
    'http.idempotency_in_progress',
    'The first request with this Idempotency-Key has not ended yet. Repeat this one unchanged, with the same key.',
    { retryAfterMs: 1_000 },
  );
