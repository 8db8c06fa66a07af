import type { JsonObject } from './json.js';
import type { Refusal } from './refusal.js';

/** The error body each side sends: Genesys's `ErrorBody`, and a plainer one for CRMs and the sandbox's controls. */
export function errorAnswer(target: string | null, refusal: Refusal, correlationId: string): JsonObject {
  const { status, code, message, fields } = refusal;
  if (target !== 'genesys') return { error: { code, message, ...fields } };
  return { message, code, status, messageParams: {}, contextId: correlationId, details: [], errors: [], ...fields };
}

const genesysCodes: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ['bad.request', 'The request could not be understood by the server due to malformed syntax.'],
  401: ['bad.credentials', 'Invalid login credentials.'],
  403: ['missing.any.permissions', 'Unable to perform the requested action. You are missing the required permissions.'],
  404: ['not.found', 'The requested resource was not found.'],
  408: ['request.timeout', 'The request timed out.'],
  409: ['conflict', 'The request conflicts with the present state of the resource.'],
  413: ['request.entity.too.large', 'The request is over the size limit.'],
  415: ['unsupported.media.type', 'Unsupported Media Type'],
  429: ['too.many.requests', 'Rate limit exceeded the maximum.'],
  500: [
    'internal.server.error',
    'The server encountered an unexpected condition which prevented it from fulfilling the request.',
  ],
  503: ['service.unavailable', 'The server is currently unavailable.'],
  504: ['gateway.timeout', 'The request timed out.'],
};

/** Code and message for a bare status. */
export function statusWords(status: number): readonly [code: string, message: string] {
  return genesysCodes[status] ?? [`http.${status}`, `HTTP ${status}`];
}
