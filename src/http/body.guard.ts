import { CanActivate, ExecutionContext, Injectable } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { ROUTE_ARGS_METADATA, RouteParamtypes } from '@nestjs/common/internal';
import type { FastifyRequest } from 'fastify';
import type { FieldError } from '../kernel/app-error.js';
import { pointerTo } from '../kernel/json-pointer.js';
import { invalid } from './http.errors.js';
import { UnreadBody } from './json-body.js';

/**
 * Says what is wrong with a body as a whole: that it could not be read, or that it holds something and the route takes nothing. Bodies are read before
 * anybody is asked who they are; what came of it is told only to callers that the guard before this one has let through.
 */
@Injectable()
export class BodyGuard implements CanActivate {
  private readonly taking = new Map<unknown, boolean>();

  canActivate(context: ExecutionContext): boolean {
    const { body } = context.switchToHttp().getRequest<FastifyRequest>();
    if (body instanceof UnreadBody) throw body.error;
    if (body !== undefined && !this.takesBody(context)) {
      const errors = membersOf(body);
      if (errors.length > 0) throw invalid(errors, 'body');
    }
    return true;
  }

  private takesBody(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    const known = this.taking.get(handler) ?? takesBody(context.getClass(), handler.name);
    this.taking.set(handler, known);
    return known;
  }
}

/** Whether a handler asks for its `@Body()`, or for the request as a whole. */
function takesBody(controller: Type, handler: string): boolean {
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {}) as Record<string, unknown>;
  const kinds = Object.keys(args).map((key) => Number.parseInt(key, 10));
  return kinds.includes(RouteParamtypes.BODY) || kinds.includes(RouteParamtypes.REQUEST);
}

/** Everything in it is too much; an object without members says no more than no body. */
function membersOf(body: unknown): FieldError[] {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    return [{ pointer: '', rule: 'isObject', message: 'must be a JSON object without members, or left out' }];
  const message = 'is not known here; remove it. This call takes no body';
  return Object.keys(body).map((name) => ({ pointer: pointerTo('', name), rule: 'unknown', message }));
}
