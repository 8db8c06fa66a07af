import type { FastifyInstance } from 'fastify';

/** What a page may read of an answer beside its body. */
export const EXPOSED_HEADERS = [
  'Content-Disposition',
  'ETag',
  'Location',
  'Personal-Data-Masked',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotent-Replayed',
  'X-Request-Id',
] as const;

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Disposition',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'X-Request-Id',
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Seconds a browser need not ask again; Chromium takes no more than 7,200. */
const PREFLIGHT_SECONDS = 7_200;

/**
 * Lets pages of these origins call us and read our answers (Fetch Standard, "CORS protocol"). Origins are compared as they are, and the one
 * that asked is named, never `*`. Callers show a token, never a cookie, so no answer allows credentials. Of everybody else's requests
 * nothing is said, and their browser keeps the answer from them.
 */
export function allowOrigins(fastify: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  fastify.addHook('onRequest', (request, reply, done) => {
    // For caches, also where nothing is allowed: to another origin the answer would be another.
    void reply.header('vary', 'Origin');
    const { origin, 'access-control-request-method': asked } = request.headers;
    if (origin === undefined || !allowed.has(origin)) return done();
    void reply.header('access-control-allow-origin', origin);
    if (request.method !== 'OPTIONS' || asked === undefined) {
      void reply.header('access-control-expose-headers', EXPOSED_HEADERS.join(', '));
      return done();
    }
    void reply
      .status(204)
      .headers({
        'access-control-allow-methods': METHODS.join(', '),
        'access-control-allow-headers': REQUEST_HEADERS.join(', '),
        'access-control-max-age': String(PREFLIGHT_SECONDS),
      })
      .send();
  });
}
