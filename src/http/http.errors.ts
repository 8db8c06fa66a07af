import { AppError } from '../kernel/app-error.js';
import type { ErrorFacts, FieldError } from '../kernel/app-error.js';

/**
 * What only HTTP can get wrong, and what HTTP has a status of its own for, by code. These codes have a status of their own; every other `AppError` gets it from its kind.
 */
export const OWN_STATUS: Readonly<Record<string, number>> = {
  'request.malformed_json': 400,
  'http.malformed_request': 400,
  'http.malformed_url': 400,
  'http.route_not_found': 404,
  'http.method_not_allowed': 405,
  'http.request_timeout': 408,
  'http.answer_erased': 410,
  'http.body_too_large': 413,
  'http.url_too_long': 414,
  'http.unsupported_media_type': 415,
  'attachment.expired': 410,
  'attachment.too_large': 413,
  'attachment.type_refused': 415,
  'http.expectation_failed': 417,
  'http.idempotency_key_reused': 422,
  'attachment.empty': 422,
  'attachment.name_refused': 422,
  'message.attachment_refused': 422,
  'http.precondition_required': 428,
  'http.headers_too_large': 431,
};

/** Problems that have a type of their own in IANA's registry (RFC 9457 §4.2), by code. */
export const REGISTERED: Readonly<Record<string, { readonly type: string; readonly title: string }>> = {
  // draft-ietf-httpapi-ratelimit-headers-10 §5
  'http.quota_exceeded': {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Request cannot be satisfied as assigned quota has been exceeded',
  },
};

/** More faults than this help nobody, and an answer should not outgrow its request. */
const MOST_ERRORS = 100;

/** What came in is wrong, field by field. All that was found, in the order of the request. */
export function invalid(errors: readonly FieldError[], what = 'request', facts: ErrorFacts = {}): AppError {
  const shown = errors.slice(0, MOST_ERRORS);
  const more = errors.length > shown.length ? ` The first ${shown.length} of ${errors.length} faults are listed.` : '';
  return new AppError('invalid', 'request.invalid', `The ${what} is not valid: see errors.${more}`, {
    ...facts,
    errors: shown,
  });
}

export const malformedJson = (cause?: unknown): AppError =>
  new AppError('invalid', 'request.malformed_json', 'The body is not JSON in UTF-8.', {
    errors: [{ pointer: '', rule: 'json', message: 'must be one JSON value, encoded in UTF-8' }],
    cause,
  });

export const malformedUrl = (): AppError =>
  new AppError('invalid', 'http.malformed_url', 'The path holds a percent-encoding that stands for no character.');

export const urlTooLong = (): AppError =>
  new AppError('invalid', 'http.url_too_long', 'A part of the path is too long.');

export const routeNotFound = (): AppError =>
  new AppError(
    'not-found',
    'http.route_not_found',
    'There is nothing at this path. /openapi.json lists the paths there are.',
  );

export const methodNotAllowed = (allowed: readonly string[]): AppError =>
  new AppError('invalid', 'http.method_not_allowed', `This path takes ${allowed.join(', ')}.`, { extra: { allowed } });

export const bodyTooLarge = (limit: number): AppError =>
  new AppError('invalid', 'http.body_too_large', `The body is larger than ${limit} bytes.`, {
    errors: [{ pointer: '', rule: 'maxBytes', message: `must not be larger than ${limit} bytes` }],
  });

export const unsupportedMediaType = (accepted: readonly string[]): AppError =>
  new AppError('invalid', 'http.unsupported_media_type', `Send the body with Content-Type: ${accepted.join(' or ')}.`, {
    errors: [{ pointer: '', rule: 'mediaType', message: `must be sent as ${accepted.join(' or ')}` }],
  });

export const unsupportedCoding = (): AppError =>
  new AppError(
    'invalid',
    'http.unsupported_media_type',
    'Send the body in UTF-8 and without a Content-Encoding other than identity.',
    { errors: [{ pointer: '', rule: 'mediaType', message: 'must be sent in UTF-8, as it is' }] },
  );

export const malformedRequest = (message = 'This is not HTTP/1.1.', cause?: unknown): AppError =>
  new AppError('invalid', 'http.malformed_request', message, { cause });

export const expectationFailed = (): AppError =>
  new AppError('invalid', 'http.expectation_failed', 'Of all expectations only 100-continue can be met.');

export const preconditionRequired = (): AppError =>
  new AppError(
    'conflict',
    'http.precondition_required',
    'This change needs an If-Match header with the ETag of the version it is based on, so that nobody is overwritten unseen. Read the resource to learn its ETag.',
  );

export const badHeader = (header: string, rule: string, message: string): AppError =>
  new AppError('invalid', 'http.bad_header', `The ${header} header ${message}.`, { extra: { header, rule } });

export const idempotencyKeyReused = (): AppError =>
  new AppError(
    'conflict',
    'http.idempotency_key_reused',
    'This Idempotency-Key was used for another request. Send the first request unchanged, or use a new key.',
  );

export const answerErased = (): AppError =>
  new AppError(
    'not-found',
    'http.answer_erased',
    'This request was answered before, and what it was about has been erased since. Nothing was done.',
  );

export const shuttingDown = (): AppError =>
  new AppError('unavailable', 'http.shutting_down', 'This instance is about to stop. Repeat the request.', {
    retryAfterMs: 1_000,
  });
