import { randomUUID } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type InjectOptions } from 'fastify';
import { arrivalOf, findArrival, isGenesys, operationOf, setArrival, targetOf } from './arrival.js';
import { errorAnswer, quotaRefusal, statusWords } from './error-answer.js';
import type { Effect } from './fault.js';
import type { Faults } from './faults.js';
import { isObject } from './json.js';
import { redactBody, redactHeaders, redactText } from './redaction.js';
import { Refusal } from './refusal.js';
import type { ReceivedRequest, RequestLog } from './requests.js';

const BODY_LIMIT = 1024 * 1024;

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The controls hold secrets and steer the other side: no page of another site may reach them, not even by a name that points here. */
function refuseStrangers({ headers }: FastifyRequest): void {
  const here = (url: string): boolean => URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
  const foreign = headers.origin !== undefined && !here(headers.origin);
  if (foreign || !here(`http://${headers.host ?? ''}`) || headers['sec-fetch-site'] === 'cross-site')
    throw new Refusal(403, 'forbidden', 'The controls of the sandbox are for this machine only.');
}

/** The HTTP server before it has routes: every request is written down, suffers its fault, and is answered in its side's error shape. */
export function openEdge(log: RequestLog, faults: Faults): FastifyInstance {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => fail(error, request, reply),
  });
  // A request handled twice carries this header the second time. It is made anew each time, so nobody else can know it.
  const again = { name: 'x-sandbox-again', value: randomUUID() };

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => read(request, String(text), done));

  app.addHook('onRequest', async (request) => {
    if (/^\/sandbox(\/|\?|$)/.test(request.url)) refuseStrangers(request);
  });

  app.addHook('onRequest', async (request, reply) => {
    const target = targetOf(request.url);
    const correlationId = correlationOf(request);
    const repeated = request.headers[again.name] === again.value;
    setArrival(request, {
      target,
      operation: operationOf(target, request.method, request.url),
      correlationId,
      received: target === null || repeated ? null : log.add(describe(target, request), bytesOf(request)),
      effect: null,
    });
    if (isGenesys(target)) reply.header('ININ-Correlation-Id', correlationId);
  });

  app.addHook('preValidation', async (request, reply) => {
    const arrival = arrivalOf(request);
    if (arrival.target === null || request.headers[again.name] === again.value) return;
    const effect = faults.take('arrival', { target: arrival.target, operation: arrival.operation, path: request.url });
    if (effect === null) return;
    arrival.effect = effect;
    await suffer(effect, request, reply);
    if (effect.duplicate && !reply.sent) await app.inject(copyOf(request, again));
  });

  async function suffer(effect: Effect, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await faults.pause(effect.delayMs);
    if (effect.drop && !effect.dropAfterAccepting) {
      reply.hijack();
      request.raw.socket.destroy();
      return;
    }
    for (const [name, value] of Object.entries(effect.headers ?? {})) reply.header(name, value);
    if (effect.permission === false) throw bareRefusal(403);
    if (effect.quota) throw quotaRefusal(arrivalOf(request).target);
    if (effect.status === undefined && effect.body === undefined) return;
    const status = effect.status ?? 200;
    if (effect.body === undefined && status >= 400) throw bareRefusal(status);
    const body = effect.body ?? null;
    if (typeof body !== 'string' && !reply.hasHeader('content-type')) reply.type('application/json');
    await reply.code(status).send(body === null || typeof body === 'string' ? body : JSON.stringify(body));
  }

  app.addHook('preSerialization', async (request, _reply, payload) =>
    arrivalOf(request).effect?.shuffle ? shuffled(payload) : payload,
  );

  app.addHook('onSend', async (request, _reply, payload) => {
    const effect = arrivalOf(request).effect;
    await faults.pause(effect?.lateAnswerMs);
    if (effect?.dropAfterAccepting) request.raw.socket.destroy();
    return effect?.halfAnswer && typeof payload === 'string' ? payload.slice(0, payload.length / 2) : payload;
  });

  app.setNotFoundHandler((request) => {
    throw new Refusal(404, 'not.found', `There is nothing at ${request.method} ${request.url.split('?')[0]}.`);
  });
  app.setErrorHandler((error, request, reply) => fail(error, request, reply));
  return app;
}

/** The same request once more, marked as such. */
function copyOf(request: FastifyRequest, mark: { readonly name: string; readonly value: string }): InjectOptions {
  const { body } = request;
  const headers = { ...request.headers, [mark.name]: mark.value };
  delete headers['content-length'];
  delete headers['transfer-encoding'];
  const payload = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body ?? null);
  return {
    method: request.method as 'POST',
    url: request.url,
    headers,
    ...(body === undefined || body === null ? {} : { payload }),
  };
}

function fail(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = error instanceof Refusal ? error : bareRefusal(statusOf(error));
  if (refusal !== error && refusal.status === 500) console.error('the sandbox itself failed', error);
  // An address that cannot be read is refused before any hook has seen the request.
  const { target, correlationId, effect } = findArrival(request) ?? {
    target: targetOf(request.url),
    correlationId: randomUUID(),
    effect: null,
  };
  void reply
    .code(refusal.status)
    .headers({ ...refusal.headers, ...effect?.headers })
    .send(errorAnswer(target, refusal, correlationId));
}

function statusOf(error: unknown): number {
  return isObject(error) && typeof error['statusCode'] === 'number' && error['statusCode'] >= 400
    ? error['statusCode']
    : 500;
}

function bareRefusal(status: number): Refusal {
  return new Refusal(status, ...statusWords(status));
}

/** Reads any body. JSON is parsed only when it says it is JSON, except for the controls, which people call by hand. */
function read(request: FastifyRequest, text: string, done: (error: Error | null, body?: unknown) => void): void {
  const { target, received } = arrivalOf(request);
  const says = request.headers['content-type'] ?? '';
  try {
    const json = /json/i.test(says) || target === null;
    const body: unknown = !json ? text : text.trim() === '' ? null : JSON.parse(text);
    if (received !== null) received.body = typeof body === 'string' ? redactText(body) : redactBody(body);
    done(null, body);
  } catch {
    if (received !== null) received.body = `[not JSON, ${Buffer.byteLength(text)} bytes]`;
    done(new Refusal(400, 'bad.request', 'The request body is not valid JSON.'));
  }
}

function describe(target: string, request: FastifyRequest): ReceivedRequest {
  const [path = '', query] = request.url.split('?', 2);
  return {
    at: new Date().toISOString(),
    target,
    method: request.method,
    path,
    ...(query === undefined ? {} : { query: redactText(query) }),
    headers: redactHeaders(request.headers),
    body: null,
  };
}

function bytesOf(request: FastifyRequest): number {
  return 500 + Math.min(Number(request.headers['content-length'] ?? 0) || 0, BODY_LIMIT);
}

/** A caller may bring an id of its own to find its requests by; it must look like one. */
function correlationOf(request: FastifyRequest): string {
  const brought = request.headers['inin-correlation-id'];
  return typeof brought === 'string' && /^[\w-]{8,64}$/.test(brought) ? brought : randomUUID();
}

/** The lists of an answer, each in another order than it had. */
function shuffled(payload: unknown): unknown {
  if (!isObject(payload)) return payload;
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [name, Array.isArray(value) ? value.toReversed() : value]),
  );
}
