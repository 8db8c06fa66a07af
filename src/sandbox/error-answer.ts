import { isGenesys } from './arrival.js';
import type { JsonObject } from './json.js';
import { Refusal } from './refusal.js';

/** The error body each side sends: Genesys's `ErrorBody`, Salesforce's list, HubSpot's, and a plainer one for the rest CRM and the sandbox's controls. */
export function errorAnswer(target: string | null, refusal: Refusal, correlationId: string): JsonObject | JsonObject[] {
  const { status, code, message, fields } = refusal;
  if (isGenesys(target))
    return { message, code, status, messageParams: {}, contextId: correlationId, details: [], errors: [], ...fields };
  if (target === 'crm/salesforce') return [{ message, errorCode: ownWord(code, salesforceCodes[status]), ...fields }];
  if (target === 'crm/hubspot') {
    const policy = status === 429 ? { errorType: 'RATE_LIMIT', policyName: 'TEN_SECONDLY_ROLLING' } : {};
    return {
      status: 'error',
      message,
      correlationId,
      category: ownWord(code, hubspotCategories[status]),
      ...policy,
      ...fields,
    };
  }
  return { error: { code, message, ...fields } };
}

/** How each CRM says that the day's calls are used up. */
export function quotaRefusal(target: string | null): Refusal {
  if (target === 'crm/salesforce') return new Refusal(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
  if (target === 'crm/hubspot')
    return new Refusal(429, 'RATE_LIMITS', 'You have reached your daily limit.', { policyName: 'DAILY' });
  return new Refusal(429, 'too.many.requests', 'Rate limit exceeded the maximum.', {}, { 'Retry-After': '3600' });
}

/** A refusal of the CRM's own brings its word; a bare status gets the usual one. */
const ownWord = (code: string, usual: string | undefined): string =>
  /^[A-Z_]+$/.test(code) ? code : (usual ?? 'UNKNOWN_EXCEPTION');

const salesforceCodes: Readonly<Record<number, string>> = {
  400: 'JSON_PARSER_ERROR',
  401: 'INVALID_SESSION_ID',
  403: 'INSUFFICIENT_ACCESS',
  404: 'NOT_FOUND',
  503: 'SERVER_UNAVAILABLE',
};

const hubspotCategories: Readonly<Record<number, string>> = {
  400: 'VALIDATION_ERROR',
  401: 'INVALID_AUTHENTICATION',
  403: 'MISSING_SCOPES',
  404: 'OBJECT_NOT_FOUND',
  409: 'CONFLICT',
  429: 'RATE_LIMITS',
  500: 'INTERNAL_ERROR',
};

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
