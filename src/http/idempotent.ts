import { SetMetadata } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { currentActor, runContext } from '../kernel/run-context.js';
import type { RunContext } from '../kernel/run-context.js';
import { digest, Idempotency, idempotencyKey } from './idempotency.js';
import type { Answer } from './idempotency.js';

export const IDEMPOTENT_METADATA = 'http:idempotent';
const NOBODY = 'system:idempotency';
/** The headers that are part of an answer: what a repeat needs to go on as the first would have. */
const KEPT_HEADERS = ['etag', 'location', 'personal-data-masked'];

type Params = Readonly<Record<string, string>>;
type Subject = (params: Params, answer: unknown) => string;
type Handler = (...args: never[]) => unknown;
type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly idempotency: Idempotency };

/** Requests with an `Idempotency-Key` that are being answered. */
const keyed = new WeakMap<RunContext, Exchange>();

/** Has requests with an `Idempotency-Key` known to the handlers that are `@Idempotent`. */
export function noticeKeys(fastify: FastifyInstance, idempotency: Idempotency): void {
  fastify.addHook('preHandler', (request, reply, done) => {
    const run = runContext();
    if (request.headers['idempotency-key'] !== undefined && run !== undefined)
      keyed.set(run, { request, reply, idempotency });
    done();
  });
}

/**
 * A handler of POST or PATCH that is run once under an `Idempotency-Key`, however often the request is sent; the other methods are safe to repeat by
 * themselves (RFC 9110 §9.2.2). `subject` says whose data its
 * answers are: `@Idempotent((params, answer) => `guest:${params.id}`)`. They are sealed under that subject's key, so that erasing the subject
 * erases them too.
 *
 * An interceptor would say the same, at the price of four observables for every request there is, with or without a key.
 */
export const Idempotent =
  (subject: Subject = () => NOBODY) =>
  <T extends Handler>(_controller: object, _name: string | symbol, descriptor: TypedPropertyDescriptor<T>): void => {
    const handle = descriptor.value as Handler;
    const once = function (this: unknown, ...args: never[]): unknown {
      const run = runContext();
      const exchange = run === undefined ? undefined : keyed.get(run);
      const work = (): unknown => handle.apply(this, args);
      return exchange === undefined ? work() : answerOnce(exchange, work, subject);
    };
    // What other decorators have said of the handler, in whatever order they stand.
    for (const name of Reflect.getMetadataKeys(handle) as string[])
      Reflect.defineMetadata(name, Reflect.getMetadata(name, handle), once);
    SetMetadata(IDEMPOTENT_METADATA, true)(once);
    Object.defineProperty(once, 'name', { value: handle.name });
    descriptor.value = once as T;
  };

async function answerOnce(exchange: Exchange, work: () => unknown, subject: Subject): Promise<unknown> {
  const { request, reply, idempotency } = exchange;
  const call = new Call(request, reply, idempotencyKey([request.headers['idempotency-key']].flat().join(', ')));
  const { answer, replayed } = await idempotency.once({
    scope: call.scope,
    fingerprint: call.fingerprint,
    // A unit may run again from its start; what its last run left on the reply must not reach the client.
    begin: () => call.resetReply(),
    run: async () => {
      const result = await work();
      const answered = call.answerWith(result);
      return { answer: answered, subject: answered.status >= 300 ? null : subject(call.params, result) };
    },
  });
  return call.send(answer, replayed ? { 'idempotent-replayed': 'true' } : {});
}

/** One request that is to be done once, and the reply it gets. */
class Call {
  readonly params: Params;
  readonly scope: string;
  readonly fingerprint: string;
  private readonly headersBefore: ReturnType<FastifyReply['getHeaders']>;
  private readonly statusBefore: number;

  constructor(
    request: FastifyRequest,
    private readonly reply: FastifyReply,
    key: string,
  ) {
    this.params = { ...(request.params as Params) };
    const route = [request.method, request.routeOptions.url ?? '', this.params];
    this.scope = digest([currentActor(), ...route, key]);
    this.fingerprint = digest([this.params, request.query ?? {}, request.body ?? null]);
    this.headersBefore = { ...reply.getHeaders() };
    this.statusBefore = reply.statusCode;
  }

  resetReply(): void {
    for (const name of Object.keys(this.reply.getHeaders())) this.reply.removeHeader(name);
    void this.reply.headers(this.headersBefore as Record<string, string>).status(this.statusBefore);
  }

  /** What the handler answered, once and for all as bytes. */
  answerWith(result: unknown): Answer {
    const headers: Record<string, string> = {};
    for (const name of KEPT_HEADERS) {
      const value = this.reply.getHeader(name);
      if (value !== undefined) headers[name] = String(value);
    }
    return { status: this.reply.statusCode, body: result === undefined ? null : JSON.stringify(result), headers };
  }

  /** Sets the reply up; Nest sends what is returned once the unit is durable. */
  send(answer: Answer, extra: Readonly<Record<string, string>> = {}): string | undefined {
    void this.reply.status(answer.status).headers({ ...answer.headers, ...extra });
    if (answer.body === null) return undefined;
    void this.reply.type('application/json; charset=utf-8');
    return answer.body;
  }
}
