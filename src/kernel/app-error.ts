/** What the caller can do about an error. The HTTP status and a job's reaction both follow from it. */
export type ErrorKind =
  'invalid' | 'unauthenticated' | 'throttled' | 'forbidden' | 'not-found' | 'conflict' | 'refused' | 'unavailable';

/** One thing wrong with what came in. `pointer` is an RFC 6901 JSON pointer into the request body; `''` is all of it. */
export type FieldError = { readonly pointer: string; readonly rule: string; readonly message: string };

export type ErrorFacts = {
  readonly errors?: readonly FieldError[];
  /** Members a client needs to react, shown beside the problem's own. Never personal data. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** How long to wait before it can go better, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
};

/**
 * The only error that is somebody's doing. Anything else thrown is a bug of ours.
 * `code` (`guest.not_found`) is stable: clients and tests may rely on it. Messages carry no personal data and no bodies.
 */
export class AppError extends Error {
  readonly errors: readonly FieldError[];
  readonly extra: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(
    readonly kind: ErrorKind,
    readonly code: string,
    message: string,
    facts: ErrorFacts = {},
  ) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'AppError';
    this.errors = facts.errors ?? [];
    this.extra = facts.extra ?? {};
    this.retryAfterMs = facts.retryAfterMs;
  }
}

/** Whether repeating the same thing later can succeed: the rule by which jobs postpone or park. */
export function isPassing(error: unknown): boolean {
  return error instanceof AppError && ['throttled', 'conflict', 'unavailable'].includes(error.kind);
}

/** A word for logs and stored failures that can hold nothing personal. */
export function errorCode(error: unknown): string {
  if (error instanceof AppError) return error.code;
  return error instanceof Error ? `bug.${error.name}` : 'bug.unknown';
}
