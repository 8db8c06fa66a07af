import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallHandler, ExecutionContext, Injectable, NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import { AppError } from '../kernel/app-error.js';
import { canonicalJson } from '../kernel/canonical-json.js';
import { Clock } from '../kernel/clock.js';
import { currentActor } from '../kernel/run-context.js';
import { UnitOfWork } from '../kernel/unit-of-work.js';
import { Vault } from '../kernel/vault.js';
import { answerErased, badHeader, idempotencyKeyReused } from './http.errors.js';
import { IDEMPOTENCY_TTL_MS, IdempotencyStore } from './idempotency.store.js';
import type { IdempotencyRecord } from './idempotency.store.js';

/** How long a repeat waits for the first to end before it is told to come back. */
export const IDEMPOTENCY_WAIT_MS = 5_000;

const CONCERNS_METADATA = 'http:concerns';
const NOBODY = 'system:idempotency';
const PLACE = 'idempotency.answer';
/** The headers that are part of an answer: what a repeat needs to go on as the first would have. */
const KEPT_HEADERS = ['etag', 'location'];

type Params = Readonly<Record<string, string>>;
type Answer = {
  readonly status: number;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** A plain hash of a request is as good as its e-mail to whoever tries them all, so it is sealed with the answer. */
type Kept = Answer & { readonly fingerprint: string };

/**
 * Whose data the answers of a route are: `@Concerns((params, answer) => `guest:${params.id}`)`. They are sealed under that
 * subject's key, so that erasing the subject erases them too.
 */
export const Concerns = (subject: (params: Params, answer: unknown) => string) =>
  SetMetadata(CONCERNS_METADATA, subject);

/**
 * A POST with an `Idempotency-Key` is done once, however often it is sent. What it does and what it was answered become durable in
 * one unit of work, and the answer leaves after that: there is no moment in which one exists without the other.
 *
 * Only successes are kept. A request that was refused did nothing, so it may be corrected and sent again under the same key.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly work: UnitOfWork,
    private readonly answers: IdempotencyStore,
    private readonly vault: Vault,
    private readonly clock: Clock,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined) return next.handle();
    const call = new Call(request, http.getResponse<FastifyReply>(), keyOf([key].flat().join(', ')));
    const subject = this.reflector.get<Parameters<typeof Concerns>[0] | undefined>(
      CONCERNS_METADATA,
      context.getHandler(),
    );
    return from(this.once(call, next, subject ?? (() => NOBODY)));
  }

  private async once(call: Call, next: CallHandler, subject: Parameters<typeof Concerns>[0]): Promise<unknown> {
    const giveUpAt = performance.now() + IDEMPOTENCY_WAIT_MS;
    for (;;) {
      try {
        return await this.work.run(() => this.inUnit(call, next, subject));
      } catch (error) {
        // Waiting happens outside the unit: inside, it would hold up everybody who shares its transaction.
        if (!isInProgress(error) || performance.now() >= giveUpAt) throw error;
        await sleep(50);
      }
    }
  }

  private async inUnit(call: Call, next: CallHandler, subject: Parameters<typeof Concerns>[0]): Promise<unknown> {
    // A unit may run again from its start; what its last run left on the reply must not reach the client.
    call.resetReply();
    const known = await this.answers.find(call.scope, new Date(this.clock.now().getTime() - IDEMPOTENCY_TTL_MS));
    if (known) return this.replay(call, known);
    const result: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
    const answer = call.answerWith(result);
    if (answer.status >= 300) return call.send(answer);
    const owner = subject(call.params, result);
    const kept: Kept = { fingerprint: call.fingerprint, ...answer };
    await this.answers.add({
      scope: call.scope,
      subject: owner,
      answer: await this.vault.seal(owner, PLACE, JSON.stringify(kept)),
      createdAt: this.clock.now(),
    });
    return call.send(answer);
  }

  private async replay(call: Call, known: IdempotencyRecord): Promise<unknown> {
    const opened = await this.vault.open(known.subject, PLACE, known.answer);
    if (opened === null) throw answerErased();
    const { fingerprint, ...answer } = JSON.parse(opened) as Kept;
    if (fingerprint !== call.fingerprint) throw idempotencyKeyReused();
    return call.send(answer, { 'idempotent-replayed': 'true' });
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
    this.scope = sha256([currentActor(), ...route, key]);
    this.fingerprint = sha256([this.params, request.query ?? {}, request.body ?? null]);
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

/** A structured-field string (`"…"`), as the draft has it, or the bare key most clients send. */
function keyOf(header: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  const key = quoted ?? header;
  if (!/^[\x21-\x7e]{1,255}$/.test(key) || (quoted === undefined && key.includes('"'))) {
    throw badHeader(
      'Idempotency-Key',
      'idempotencyKey',
      'must be 1 to 255 visible ASCII characters, in double quotes or bare',
    );
  }
  return key;
}

const isInProgress = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'http.idempotency_in_progress';

const sha256 = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex');
