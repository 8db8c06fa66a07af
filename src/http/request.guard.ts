import { CanActivate, ExecutionContext, Injectable } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA, RouteParamtypes } from '@nestjs/common/internal';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { FieldError } from '../kernel/app-error.js';
import { pointerTo } from '../kernel/json-pointer.js';
import { accessOf } from './access.js';
import { invalid } from './http.errors.js';
import { UnreadBody } from './json-body.js';

type Taken = { readonly body: boolean; readonly query: boolean };

/**
 * Says what is wrong with a request as a whole: that its body could not be read, or that it brings a body or a query string and the route takes none. Bodies are
 * read before anybody is asked who they are; what came of it is told only to callers that the guard before this one has let through.
 */
@Injectable()
export class RequestGuard implements CanActivate {
  private readonly known = new Map<unknown, Taken>();

  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const { body, query } = context.switchToHttp().getRequest<FastifyRequest>();
    if (body instanceof UnreadBody) throw body.error;
    const takes = this.takenBy(context);
    if (!takes.query) refuse(untaken(query as object, 'query string'), 'query string');
    if (!takes.body && body !== undefined) refuse(membersOf(body), 'body');
    return true;
  }

  private takenBy(context: ExecutionContext): Taken {
    const handler = context.getHandler() as () => unknown;
    const known = this.known.get(handler) ?? this.look(handler, context.getClass());
    this.known.set(handler, known);
    return known;
  }

  private look(handler: () => unknown, controller: Type): Taken {
    const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler.name) ?? {}) as Record<string, unknown>;
    const kinds = Object.keys(args).map((key) => Number.parseInt(key, 10));
    return {
      // A handler that asks for the request as a whole reads its body itself.
      body: kinds.includes(RouteParamtypes.BODY) || kinds.includes(RouteParamtypes.REQUEST),
      // Open routes are asked by probes and proxies, which put behind a path what they like.
      query: kinds.includes(RouteParamtypes.QUERY) || accessOf(this.reflector, handler, controller).kind === 'open',
    };
  }
}

function refuse(errors: readonly FieldError[], what: string): void {
  if (errors.length > 0) throw invalid(errors, what);
}

/** Everything in it is too much; an object without members says no more than no body. */
function membersOf(body: unknown): FieldError[] {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    return [{ pointer: '', rule: 'isObject', message: 'must be a JSON object without members, or left out' }];
  return untaken(body, 'body');
}

/** What is wrong with each member of a part that is not taken at all. */
export function untaken(part: object, what: string): FieldError[] {
  const message = `is not known here; remove it. This call takes no ${what}`;
  return Object.keys(part).map((name) => ({ pointer: pointerTo('', name), rule: 'unknown', message }));
}
