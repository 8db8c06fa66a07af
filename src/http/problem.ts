import { STATUS_CODES } from 'node:http';
import type { AppError, ErrorKind, FieldError } from '../kernel/app-error.js';
import { OWN_STATUS, REGISTERED } from './http.errors.js';

export const PROBLEM_TYPE = 'application/problem+json';

/**
 * RFC 9457. `type` is a relative reference made from the code, so it names the problem whatever host we answer under; it is a
 * name first, and needs nothing behind it. `code` is the same in the form our clients switch on.
 */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** The path of the request, without its query. */
  readonly instance?: string;
  readonly code: string;
  readonly errors?: readonly FieldError[];
  readonly [member: string]: unknown;
};

export type ProblemAnswer = { readonly problem: Problem; readonly headers: Readonly<Record<string, string>> };

const KIND_STATUS: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  unauthenticated: 401,
  throttled: 429,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  refused: 502,
  unavailable: 503,
};

/** The one place where an error becomes a status, a body and headers. */
export function problemOf(error: AppError, instance?: string): ProblemAnswer {
  const status = statusOf(error);
  // The challenge is the header's business; everything else a client may need to react.
  const { challenge, ...extra } = error.extra;
  return {
    problem: {
      // First, so that no extra member can pass for one of the problem's own.
      ...extra,
      ...(REGISTERED[error.code] ?? { type: `/problems/${error.code}`, title: titleOf(error.code) }),
      status,
      detail: error.message,
      ...(instance === undefined ? {} : { instance }),
      code: error.code,
      ...(error.errors.length === 0 ? {} : { errors: error.errors }),
    },
    headers: headersOf(error, status, challenge),
  };
}

/** What we say when the fault is ours: nothing that could tell of our inside. */
export function internalProblem(instance?: string): ProblemAnswer {
  return {
    problem: {
      type: '/problems/internal',
      title: titleOf('internal'),
      status: 500,
      detail: 'Something went wrong on our side. The x-request-id of this answer finds it in our log.',
      ...(instance === undefined ? {} : { instance }),
      code: 'internal',
    },
    headers: {},
  };
}

/** For statuses that somebody else's code decided on. Their message may quote the request, so it is not passed on. */
export function foreignProblem(status: number, instance?: string): ProblemAnswer {
  const phrase = STATUS_CODES[status] ?? 'Error';
  const code = `http.${phrase.toLowerCase().replaceAll(/[^a-z]+/g, '_')}`;
  return {
    problem: {
      type: `/problems/${code}`,
      title: phrase,
      status,
      detail: `${phrase}.`,
      ...(instance === undefined ? {} : { instance }),
      code,
    },
    headers: {},
  };
}

function statusOf(error: AppError): number {
  const isVersion = error.code.endsWith('.version_mismatch') && error.extra['currentETag'] !== undefined;
  return OWN_STATUS[error.code] ?? (error.kind === 'conflict' && isVersion ? 412 : KIND_STATUS[error.kind]);
}

function headersOf(error: AppError, status: number, challenge: unknown): Record<string, string> {
  const { currentETag, allowed } = error.extra;
  const headers: Record<string, string> = {};
  if (error.retryAfterMs !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
  if (typeof currentETag === 'string') headers['etag'] = currentETag;
  if (status === 401 || typeof challenge === 'string') {
    headers['www-authenticate'] = typeof challenge === 'string' ? `Bearer ${challenge}` : 'Bearer';
  }
  if (status === 405 && Array.isArray(allowed)) headers['allow'] = allowed.join(', ');
  return headers;
}

/** `guest.not_found` → `Guest not found`: the same for every occurrence, as RFC 9457 wants a title to be. */
function titleOf(code: string): string {
  const words = code.replace(/^http\./, '').replaceAll(/[._]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
