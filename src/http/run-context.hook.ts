import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { enterRunContext, withRunContext } from '../kernel/run-context.js';
import type { RunContext } from '../kernel/run-context.js';
import { routeOf } from './routes.js';

export const REQUEST_ID_HEADER = 'x-request-id';

/**
 * The caller's own id for the request if it is a UUID, else one of ours. Anything else could be somebody's number or address, and it goes where it
 * cannot be erased. For Fastify's `genReqId`.
 */
export function requestId(request: IncomingMessage): string {
  const given = request.headers[REQUEST_ID_HEADER];
  return typeof given === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(given) ? given : randomUUID();
}

/** Asked by machines, all the time, and of interest only when they fail. */
const PROBES = /^\/(health|metrics)(\/|$)/;

/** Gives every request its run context, so that whatever happens in the course of it can say so, and logs how it was answered. */
export function addRunContext(fastify: FastifyInstance): void {
  const logger = new Logger('http');
  const contexts = new WeakMap<object, RunContext>();

  fastify.addHook('onRequest', (request, reply, done) => {
    const userAgent = request.headers['user-agent'];
    const context: RunContext = {
      id: request.id,
      actor: null,
      ipAddress: request.ip,
      ...(userAgent === undefined ? {} : { userAgent }),
    };
    contexts.set(request, context);
    void reply.header(REQUEST_ID_HEADER, context.id);
    enterRunContext(context, done);
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    const route = routeOf(request);
    const facts = { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) };
    const isProbe = route !== null && PROBES.test(route) && reply.statusCode < 400;
    const write = () => (isProbe ? logger.debug('request answered', facts) : logger.log('request answered', facts));
    const context = contexts.get(request);
    if (context) withRunContext(context, write);
    else write();
    done();
  });
}
