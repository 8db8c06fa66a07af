import { Injectable, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { invalid } from './http.errors.js';
import { escaped } from './json-body.js';

/** Lets requests through whose body is absent or an object without members. Asked after the caller is known. */
@Injectable()
class NoBody implements CanActivate {
  canActivate(context: ExecutionContext): true {
    const { body } = context.switchToHttp().getRequest<FastifyRequest>();
    if (body === undefined) return true;
    if (body === null || typeof body !== 'object' || Array.isArray(body))
      throw invalid(
        [{ pointer: '', rule: 'isObject', message: 'must be empty, or an object without members' }],
        'body',
      );
    const message = 'is not known here; remove it. Nothing is known here';
    const errors = Object.keys(body).map((name) => ({ pointer: `/${escaped(name)}`, rule: 'unknown', message }));
    if (errors.length > 0) throw invalid(errors, 'body');
    return true;
  }
}

/** The route takes nothing in its body, so that what is sent there is refused (`request.invalid`) instead of ignored. */
export const TakesNoBody = (): MethodDecorator => UseGuards(NoBody);
