import { CallHandler, ExecutionContext, Injectable, NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import { currentActor } from '../kernel/run-context.js';
import { digest, Idempotency, idempotencyKey } from './idempotency.js';
import type { Answer } from './idempotency.js';

const CONCERNS_METADATA = 'http:concerns';
const NOBODY = 'system:idempotency';
/** The headers that are part of an answer: what a repeat needs to go on as the first would have. */
const KEPT_HEADERS = ['etag', 'location', 'personal-data-masked'];

type Params = Readonly<Record<string, string>>;

/**
 * Whose data the answers of a route are: `@Concerns((params, answer) => `guest:${params.id}`)`. They are sealed under that
 * subject's key, so that erasing the subject erases them too.
 */
export const Concerns = (subject: (params: Params, answer: unknown) => string) =>
  SetMetadata(CONCERNS_METADATA, subject);

/** What may not simply be sent again: the rest is safe to repeat by itself (RFC 9110 §9.2.2). */
const REPEATED_BY_KEY = ['POST', 'PATCH'];

/** A POST or PATCH with an `Idempotency-Key` is done once, however often it is sent. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly idempotency: Idempotency,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    if (key === undefined || !REPEATED_BY_KEY.includes(request.method)) return next.handle();
    const call = new Call(request, http.getResponse<FastifyReply>(), idempotencyKey([key].flat().join(', ')));
    const subject = this.reflector.get<Parameters<typeof Concerns>[0] | undefined>(
      CONCERNS_METADATA,
      context.getHandler(),
    );
    return from(this.once(call, next, subject ?? (() => NOBODY)));
  }

  private async once(call: Call, next: CallHandler, subject: Parameters<typeof Concerns>[0]): Promise<unknown> {
    const { answer, replayed } = await this.idempotency.once({
      scope: call.scope,
      fingerprint: call.fingerprint,
      // A unit may run again from its start; what its last run left on the reply must not reach the client.
      begin: () => call.resetReply(),
      run: async () => {
        const result: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
        const answer = call.answerWith(result);
        return { answer, subject: answer.status >= 300 ? null : subject(call.params, result) };
      },
    });
    return call.send(answer, replayed ? { 'idempotent-replayed': 'true' } : {});
  }
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
