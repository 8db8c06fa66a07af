import type { OpenAPIObject } from '@nestjs/swagger';
import { AppError } from '../kernel/app-error.js';
import type { Access } from './access.js';
import { notAllowed, notFromThere, notKnown, notShown, notThatFar } from './auth.guard.js';
import {
  answerErased,
  badHeader,
  bodyTooLarge,
  idempotencyKeyReused,
  invalid,
  malformedJson,
  malformedRequest,
  malformedUrl,
  shuttingDown,
  unsupportedMediaType,
  urlTooLong,
} from './http.errors.js';
import { idempotencyInProgress } from './idempotency.store.js';
import { BODY_LIMIT, BODY_TYPES } from './json-body.js';
import { EXAMPLE_ID, exampleOf } from './openapi.examples.js';
import type { Schema } from './openapi.examples.js';
import { problemResponse } from './openapi.problems.js';
import type { Documented } from './openapi.problems.js';
import { PROBLEM_TYPE } from './problem.js';
import { quotaExceeded } from './rate-limit.js';
import { untaken } from './request.guard.js';
import { badSignature } from './signatures.js';

export type Operation = {
  description?: string;
  security?: unknown;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Content> };
  responses: Record<string, Response>;
};
type Parameter = { name: string; in: string; required?: boolean; description?: string; schema?: Schema };
type Content = { schema?: Schema; example?: unknown; examples?: Record<string, { value: object }> };
type Response = { description: string; headers?: Record<string, object>; content?: Record<string, Content> };

/** What every answer has or can have by virtue of the edge it passes, whatever its controller says: errors, headers, examples. */
export function completeAnswers(
  document: OpenAPIObject,
  operation: Operation,
  { method, path, access }: { readonly method: string; readonly path: string; readonly access: Access },
): void {
  if (isRepeatable(method)) {
    const others = (operation.parameters ?? []).filter(({ name }) => name.toLowerCase() !== 'idempotency-key');
    operation.parameters = [...others, IDEMPOTENCY_KEY];
  }
  for (const [status, errors] of Object.entries(edgeErrors(operation, method, path, access)))
    addProblems(operation.responses, status, errors);
  for (const [status, response] of Object.entries(operation.responses)) {
    const isDone = status.startsWith('2');
    response.headers = {
      'X-Request-Id': { $ref: '#/components/headers/RequestId' },
      ...(access.kind === 'scope' || access.kind === 'signed' ? QUOTA : {}),
      ...(isRepeatable(method) && isDone
        ? { 'Idempotent-Replayed': { $ref: '#/components/headers/IdempotentReplayed' } }
        : {}),
      ...response.headers,
    };
    if (response.description === '') response.description = isDone ? 'Done' : status;
    for (const [type, content] of Object.entries(response.content ?? {})) {
      if (type === PROBLEM_TYPE) for (const { value } of Object.values(content.examples ?? {})) showPath(value, path);
      else addExample(content, document);
    }
  }
  for (const content of Object.values(operation.requestBody?.content ?? {})) addExample(content, document);
}

/** Whether a request can carry an `Idempotency-Key`. */
const isRepeatable = (method: string): boolean => method === 'POST' || method === 'PATCH';

function addProblems(responses: Record<string, Response>, status: string, errors: readonly Documented[]): void {
  const added = problemResponse(Number(status), errors);
  const known = responses[status];
  if (known === undefined) return void (responses[status] = added as Response);
  const examples = { ...known.content?.[PROBLEM_TYPE]?.examples, ...added.content[PROBLEM_TYPE]!.examples };
  const isProblem = known.content?.[PROBLEM_TYPE] !== undefined;
  responses[status] = {
    description: isProblem
      ? Object.keys(examples)
          .map((code) => `\`${code}\``)
          .join(', ')
      : `${known.description}; ${added.description}`,
    headers: { ...known.headers, ...added.headers },
    content: { ...known.content, [PROBLEM_TYPE]: { ...added.content[PROBLEM_TYPE], examples } },
  };
}

const showPath = (problem: object, path: string): void =>
  void Object.assign(problem, { instance: path.replaceAll(/:\w+/g, EXAMPLE_ID) });

function addExample(content: Content, document: OpenAPIObject): void {
  if (content.schema !== undefined && content.example === undefined && content.examples === undefined)
    content.example = exampleOf(content.schema, document);
}

/** Every status the edge itself can answer to such a call, and with which problems. */
function edgeErrors(
  { parameters = [], requestBody }: Operation,
  method: string,
  path: string,
  access: Access,
): Record<number, Documented[]> {
  const errors: Record<number, Documented[]> = { 500: ['internal'], 503: [shuttingDown()] };
  const add = (status: number, ...more: Documented[]): void => void (errors[status] ??= []).push(...more);
  add(400, malformedRequest('Send one Host header: HTTP/1.1 needs it.'));
  if (access.kind === 'signed') {
    add(401, badSignature());
    add(429, quotaExceeded(600, { left: 0, seconds: 30, isOver: true }));
    add(503, storageUnavailable(), storageBusy(), unitTooLong());
  }
  if (access.kind === 'scope') {
    add(401, notShown(), notKnown());
    add(403, notAllowed(access.scope), notFromThere(), notThatFar());
    add(429, quotaExceeded(600, { left: 0, seconds: 30, isOver: true }));
    add(503, storageUnavailable(), storageBusy(), unitTooLong(), issuerUnavailable());
  }
  if (parameters.some(({ in: where }) => where === 'query' || where === 'path') || requestBody !== undefined)
    add(
      400,
      invalid([{ pointer: '/id', rule: 'matches', message: 'must be a UUID in lower case, as answers show it' }]),
    );
  else if (access.kind !== 'open') add(400, invalid(untaken({ verbose: 'true' }, 'query string'), 'query string'));
  if (path.includes(':')) {
    add(400, malformedUrl());
    add(414, urlTooLong());
  }
  if (parameters.some(({ in: where, name }) => where === 'header' && /^(if-|idempotency-key)/i.test(name)))
    add(400, badHeader(method === 'POST' ? 'Idempotency-Key' : 'If-Match', 'visibleAscii', 'cannot be read'));
  if (method !== 'GET') {
    add(400, malformedJson());
    add(408, requestTimeout());
    add(413, bodyTooLarge(BODY_LIMIT));
    add(415, unsupportedMediaType(BODY_TYPES));
  }
  if (isRepeatable(method)) {
    add(409, idempotencyInProgress());
    add(410, answerErased());
    add(422, idempotencyKeyReused());
  }
  return errors;
}

const requestTimeout = (): AppError =>
  new AppError('invalid', 'http.request_timeout', 'The request did not arrive within 10 seconds.');
const storageUnavailable = (): AppError =>
  new AppError('unavailable', 'storage.unavailable', 'The storage cannot be reached at the moment.', {
    retryAfterMs: 1_000,
  });
const issuerUnavailable = (): AppError =>
  new AppError('unavailable', 'auth.issuer_unavailable', 'The access token cannot be checked at the moment.', {
    retryAfterMs: 5_000,
  });
const storageBusy = (): AppError =>
  new AppError('unavailable', 'storage.busy', 'More is waiting to be written than can be written soon.', {
    retryAfterMs: 1_000,
  });
const unitTooLong = (): AppError =>
  new AppError('unavailable', 'storage.unit_too_long', 'The work took too long and was undone.', {
    retryAfterMs: 1_000,
  });

const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Makes the request safe to repeat: 1 to 255 visible ASCII characters, in double quotes or bare, made anew for every new request. The answer is kept for 24 ' +
    'hours; until then a repeat is answered the same, byte for byte, with `Idempotent-Replayed: true`. Refusals are not kept.',
  schema: { type: 'string', example: '"3f2504e0-4f89-41d3-9a0c-0305e82c3301"' },
};

const header = (description: string, example: string, required = false) => ({
  description,
  required,
  schema: { type: 'string' as const },
  example,
});

/** Only where a quota is configured. */
const QUOTA = {
  'RateLimit-Policy': { $ref: '#/components/headers/RateLimitPolicy' },
  RateLimit: { $ref: '#/components/headers/RateLimit' },
};

/** `ETag` where it says what was answered, `CurrentETag` where only some of the errors tell. */
export const HEADERS = {
  RequestId: header('The id of this request in our log; the one sent, if that was a UUID', EXAMPLE_ID, true),
  ETag: header('The version, as a strong entity tag', '"2"', true),
  CurrentETag: header('The version there is now, when the request was based on another', '"2"'),
  Location: header('Where what was made can be read', `/v1/guests/${EXAMPLE_ID}`, true),
  PersonalDataMasked: header(
    'JSON pointers of what was stored with words such as `[email]` in place of personal data, as strings of RFC 9651; only where masking is configured',
    '"/attributes/source"',
  ),
  RetryAfter: header('In how many seconds it is worth repeating', '1'),
  RateLimitPolicy: header('The quota, where there is one: requests and seconds', '"default";q=600;w=60'),
  RateLimit: header('What is left of the quota, and for how many seconds', '"default";r=599;t=60'),
  WwwAuthenticate: header('What is missing (RFC 6750 §3)', 'Bearer error="invalid_token"'),
  IdempotentReplayed: header('`true` when this is what an earlier request with this key was answered', 'true'),
};

/** For `@ApiResponse({ headers: { ETag: HEADER.ETag } })`. */
export const HEADER = {
  ETag: { $ref: '#/components/headers/ETag' },
  Location: { $ref: '#/components/headers/Location' },
  PersonalDataMasked: { $ref: '#/components/headers/PersonalDataMasked' },
} as const;
