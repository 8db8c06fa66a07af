import type { Guest } from './guest.js';

/** One thing wrong with what was sent; `pointer` is a JSON pointer (RFC 6901) into it. */
export type FieldError = { readonly pointer: string; readonly rule: string; readonly message: string };

/** How the service tells of a failure (RFC 9457). */
export type Problem = {
  readonly code: string;
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
  readonly instance?: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
};

/** Something did not work. `code` is stable and made to be switched on; `status` is 0 when there was no answer at all. */
export class GuestManagerError extends Error {
  override name = 'GuestManagerError';

  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    readonly problem: Problem | null = null,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** Somebody else was quicker. */
export class GuestConflictError extends GuestManagerError {
  override name = 'GuestConflictError';

  constructor(
    problem: Problem,
    /** The guest as it is now. */
    readonly current: Guest,
    /** JSON pointers that both changes touch. Empty when the two could simply be merged. */
    readonly conflicts: readonly string[],
  ) {
    super(problem.code, problem.status, messageOf(problem), problem);
  }
}

/** The guest is not in a state to do this: `guest.closed`, `guest.widget_led`. `problem` says which state it is in. */
export class GuestStateError extends GuestManagerError {
  override name = 'GuestStateError';
}

/**
 * What was sent cannot be taken; `errors` says where and why. 422 when an idempotency key was used for something else before, 0 when it
 * cannot even be sent (`client.not_sendable`).
 */
export class GuestValidationError extends GuestManagerError {
  override name = 'GuestValidationError';

  get errors(): readonly FieldError[] {
    return this.problem?.errors ?? [];
  }
}

/** The reason is left out: it would quote what was to be sent. */
export const notSendable = (): GuestValidationError =>
  new GuestValidationError(
    'client.not_sendable',
    0,
    'The request cannot be sent: a body has to be JSON or a file, and what goes into a header, as token and idempotencyKey do, one line of text.',
  );

/** The token is not known any more, or there is none. */
export class GuestUnauthenticatedError extends GuestManagerError {
  override name = 'GuestUnauthenticatedError';
}

/** The token does not carry what this needs, or the guest has not agreed to it: `auth.scope_missing`, `consent.required`. */
export class GuestForbiddenError extends GuestManagerError {
  override name = 'GuestForbiddenError';
}

/** There is no such guest, or not any more. */
export class GuestNotFoundError extends GuestManagerError {
  override name = 'GuestNotFoundError';
}

/** The caller's own signal ended the call. Whether it was carried out is not known; its `idempotencyKey` makes it safe to ask again. */
export class GuestAbortedError extends GuestManagerError {
  override name = 'GuestAbortedError';
}

/** The service could not be reached, or could not answer. The same may succeed later. */
export class GuestUnavailableError extends GuestManagerError {
  override name = 'GuestUnavailableError';

  constructor(
    code: string,
    status: number,
    message: string,
    problem: Problem | null = null,
    cause?: unknown,
    /** How long the service asked to be left alone. */
    readonly retryAfterMs = 0,
  ) {
    super(code, status, message, problem, cause);
  }
}

/** Too many requests at a time. */
export class GuestThrottledError extends GuestUnavailableError {
  override name = 'GuestThrottledError';
}

/** Nobody answered, or not in time. */
export class GuestNetworkError extends GuestUnavailableError {
  override name = 'GuestNetworkError';
}

/** As `"7"` for version 7. Headers do not say it reliably: proxies weaken ETags, and browsers hide them across origins. */
export const withEtag = (guest: Omit<Guest, 'etag'>): Guest => ({ ...guest, etag: `"${guest.version}"` });

const BY_STATUS: Readonly<Record<number, typeof GuestManagerError>> = {
  400: GuestValidationError,
  401: GuestUnauthenticatedError,
  403: GuestForbiddenError,
  404: GuestNotFoundError,
  409: GuestStateError,
  410: GuestNotFoundError,
  422: GuestValidationError,
};

/** The error that an answer other than 2xx stands for. */
export function errorOf(status: number, body: unknown, retryAfterMs: number): GuestManagerError {
  const problem = problemOf(status, body);
  const { code } = problem;
  // The first attempt is still being worked on: its answer will be this one's too.
  if ([429, 502, 503, 504].includes(status) || code === 'http.idempotency_in_progress') {
    const Unavailable = status === 429 ? GuestThrottledError : GuestUnavailableError;
    return new Unavailable(code, status, messageOf(problem), problem, undefined, retryAfterMs);
  }
  // What stands in the way of a decision on consent is a record of another kind.
  const current = problem['current'] as Omit<Guest, 'etag'> | undefined;
  if ((status === 409 || status === 412) && current && code !== 'consent.stale')
    return new GuestConflictError(problem, withEtag(current), (problem['conflicts'] ?? []) as string[]);
  const Failure = BY_STATUS[status] ?? (problem.errors?.length ? GuestValidationError : GuestManagerError);
  return new Failure(code, status, messageOf(problem), problem);
}

/** Somebody between us and the service may answer in its place, and in a form of its own. */
function problemOf(status: number, body: unknown): Problem {
  const told = typeof (body as Partial<Problem> | null | undefined)?.code === 'string' ? (body as Problem) : {};
  return { code: `http.${status}`, detail: `The service answered ${status}.`, ...told, status };
}

const messageOf = ({ code, detail }: Problem): string => detail ?? code;
