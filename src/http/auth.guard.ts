import { CanActivate, ExecutionContext, Injectable, Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../kernel/app-error.js';
import { runContext } from '../kernel/run-context.js';
import { accessOf } from './access.js';
import type { Access } from './access.js';
import { Denials } from './access-log.js';
import type { DenialReason } from './access-log.js';
import { Callers, remember } from './callers.js';
import type { Caller } from './callers.js';
import { Quotas } from './quotas.js';
import { quotaExceeded, rateLimitHeaders } from './rate-limit.js';
import type { Standing } from './rate-limit.js';
import type { ScopeName } from './scopes.js';
import { Signatures } from './signatures.js';

export const notShown = (): AppError =>
  new AppError('unauthenticated', 'auth.token_missing', 'Show who you are: Authorization: Bearer <token>.');

export const notKnown = (): AppError =>
  new AppError(
    'unauthenticated',
    'auth.token_unknown',
    'The bearer token is not one we know, or it is no longer good.',
    {
      extra: { challenge: 'error="invalid_token"' },
    },
  );

export const notAllowed = (scope: ScopeName): AppError =>
  new AppError(
    'forbidden',
    'auth.scope_missing',
    `This call needs the scope ${scope}, which the token does not carry.`,
    {
      extra: { missingScope: scope, challenge: `error="insufficient_scope", scope="${scope}"` },
    },
  );

const notDeclared = (): AppError =>
  new AppError('forbidden', 'auth.route_undeclared', 'This route does not say who may call it, so nobody may.');

export const notFromThere = (): AppError =>
  new AppError(
    'forbidden',
    'auth.origin_not_allowed',
    'A widget token works only in pages of the origins it was made for; the Origin header has to name one of them. Make a token for this origin.',
  );

export const notThatFar = (): AppError =>
  new AppError(
    'forbidden',
    'auth.beyond_guest',
    'A widget token reaches its own guest, and only what widgets may do. Call this from a back end with an API key.',
  );

/** More than any token of ours; longer ones are not even hashed. */
const LONGEST_TOKEN = 8_192;

/**
 * Lets a request through when its route is open, or when its caller carries the scope the route names. A route that says neither
 * is closed to everybody. Whoever is let through is the run's actor from here on.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  private readonly logger = new Logger('access');

  constructor(
    private readonly reflector: Reflector,
    private readonly callers: Callers,
    private readonly quotas: Quotas,
    private readonly denials: Denials,
    private readonly signatures: Signatures,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = accessOf(this.reflector, context.getHandler() as () => unknown, context.getClass());
    if (access.kind === 'open') return true;

    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const route = `${request.method} ${request.routeOptions.url ?? ''}`;
    if (access.kind === 'signed') {
      await this.signatures.check(request, reply, route);
      return true;
    }
    const caller = await this.identify(request, reply, route);
    const standing = this.quotas.ofCaller(caller.actor);
    if (standing !== null) await this.count(standing, caller.actor, route, reply);

    if (access.kind === 'undeclared') {
      this.logger.error('route declares no access', { route });
      return this.deny(caller.actor, 'undeclared-route', route, notDeclared());
    }
    const refusal = refusalOf(caller, access, request);
    if (refusal !== null) return this.deny(caller.actor, refusal.reason, route, refusal.error);

    remember(request, caller);
    const run = runContext();
    if (run) run.actor = caller.actor;
    return true;
  }

  private async identify(request: FastifyRequest, reply: FastifyReply, route: string): Promise<Caller> {
    const token = bearerToken(request.headers.authorization);
    const caller = token === null || token.length > LONGEST_TOKEN ? null : await this.callers.identify(token);
    if (caller !== null) return caller;
    const standing = this.quotas.ofStranger(request.ip);
    if (standing !== null) await this.count(standing, null, route, reply);
    if (token === null) return this.deny(null, 'no-token', route, notShown());
    return this.deny(null, 'unknown-token', route, notKnown());
  }

  /** Says on the reply where somebody stands, and refuses who is over their quota. */
  private async count(standing: Standing, actor: string | null, route: string, reply: FastifyReply): Promise<void> {
    void reply.headers(rateLimitHeaders(this.quotas.quota!, standing));
    if (standing.isOver) await this.deny(actor, 'over-quota', route, quotaExceeded(this.quotas.quota!, standing));
  }

  private async deny(actor: string | null, reason: DenialReason, route: string, error: AppError): Promise<never> {
    await this.denials.note(actor, reason, route);
    throw error;
  }
}

type Refusal = { readonly reason: DenialReason; readonly error: AppError };

/** Null when the caller may call this route as it is called. */
function refusalOf({ may, only }: Caller, access: Access & { kind: 'scope' }, request: FastifyRequest): Refusal | null {
  if (only !== undefined && !only.origins.includes(request.headers.origin ?? ''))
    return { reason: 'wrong-origin', error: notFromThere() };
  if (!may(access.scope)) return { reason: 'missing-scope', error: notAllowed(access.scope) };
  const reaches = only === undefined || (access.forWidgets && (request.params as { id?: unknown }).id === only.guestId);
  return reaches ? null : { reason: 'beyond-guest', error: notThatFar() };
}

/** RFC 6750 §2.1: the scheme's name in any case, one token68. Null when there is none. */
function bearerToken(header: string | undefined): string | null {
  return /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(header ?? '')?.[1] ?? null;
}
