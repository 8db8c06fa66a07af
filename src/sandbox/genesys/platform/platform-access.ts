import type { FastifyReply, FastifyRequest } from 'fastify';
import { arrivalOf } from '../../arrival.js';
import { Refusal } from '../../refusal.js';
import type { Limits } from '../limits.js';
import { bearer, type AccessTokens } from './oauth.js';

/** What stands before every Platform API path: a live access token, and its budget of requests. */
export function platformAccess(tokens: AccessTokens, limits: Limits) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { authorization } = request.headers;
    if (arrivalOf(request).effect?.expireToken) tokens.expire(bearer(authorization));
    const perMinute = limits.requestsPerTokenPerMinute;
    const { window } = tokens.require(authorization);
    const waitMs = window.take();
    const seconds = Math.ceil(waitMs / 1000);
    if (perMinute !== null)
      reply.headers({
        'inin-ratelimit-count': window.count,
        'inin-ratelimit-allowed': perMinute,
        'inin-ratelimit-reset': seconds || 60,
      });
    if (waitMs > 0) throw tooManyRequests(seconds, perMinute ?? 0);
  };
}

function tooManyRequests(seconds: number, perMinute: number): Refusal {
  return new Refusal(
    429,
    'too.many.requests.retry.after',
    `Rate limit exceeded the maximum. Retry the request in [${seconds}] seconds`,
    {
      messageWithParams: 'Rate limit exceeded the maximum. Retry the request in [{retryAfter}] seconds',
      messageParams: { retryAfter: String(seconds) },
      limit: { key: 'client.credentials.token.rate.per.minute', namespace: 'platform.api', value: perMinute },
    },
    { 'Retry-After': String(seconds) },
  );
}
