import { ArgumentsHost, Catch, ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../kernel/app-error.js';
import {
  bodyTooLarge,
  malformedJson,
  malformedRequest,
  malformedUrl,
  methodNotAllowed,
  routeNotFound,
  unsupportedMediaType,
  urlTooLong,
} from './http.errors.js';
import { BODY_LIMIT, BODY_TYPES } from './json-body.js';
import { foreignProblem, internalProblem, problemOf, PROBLEM_TYPE } from './problem.js';
import type { ProblemAnswer } from './problem.js';

/** What a handler may have promised about its answer before it failed. */
const OF_THE_ANSWER = [
  'etag',
  'location',
  'last-modified',
  'content-disposition',
  'content-encoding',
  'idempotent-replayed',
];

const FASTIFY_ERRORS: Readonly<Record<string, (cause: unknown) => AppError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => bodyTooLarge(BODY_LIMIT),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => unsupportedMediaType(BODY_TYPES),
  FST_ERR_CTP_INVALID_JSON_BODY: malformedJson,
  FST_ERR_CTP_EMPTY_JSON_BODY: malformedJson,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: (cause) =>
    malformedRequest('The body is not as long as Content-Length says.', cause),
  FST_ERR_BAD_URL: malformedUrl,
  FST_ERR_MAX_PARAM_LENGTH: urlTooLong,
};

/**
 * Every error on its way out, ours, Nest's and Fastify's alike, leaves as `application/problem+json`. Statuses are decided in
 * `problem.ts` alone. What is nobody's doing is a bug: 500, with everything in the log and nothing in the answer.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('http');

  /** `methodsAt` says which methods a path takes, so that a wrong method is told from a wrong path. */
  constructor(private readonly methodsAt: (path: string) => readonly string[] = () => []) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (reply.raw.headersSent) {
      // Half an answer cannot be taken back; cutting it off is the only way left to say that it failed.
      this.logger.error('answer failed half-way', { error });
      reply.raw.destroy();
      return;
    }
    send(reply, this.answer(error, request));
  }

  private answer(error: unknown, request: FastifyRequest): ProblemAnswer {
    const path = pathOf(request.raw.url);
    const instance = referenceTo(path);
    const known = this.understood(error, request, path);
    if (known) return problemOf(known, instance);
    if (error instanceof HttpException && error.getStatus() < 500) return foreignProblem(error.getStatus(), instance);
    if (isAborted(error, request)) return foreignProblem(400, instance);
    this.logger.error('request failed', { method: request.method, route: request.routeOptions?.url, error });
    return internalProblem(instance);
  }

  /** Null when the error is neither ours nor one of those whose meaning we know. */
  private understood(error: unknown, request: FastifyRequest, path: string): AppError | null {
    if (error instanceof AppError) return error;
    if (!(error instanceof HttpException)) return fastifyError(error);
    if (error.getStatus() === 404 && request.is404) {
      const allowed = this.methodsAt(path);
      return allowed.length > 0 ? methodNotAllowed(allowed) : routeNotFound();
    }
    return fastifyError(error.cause);
  }
}

/** For errors that Fastify answers before Nest is asked. */
export function answerFrameworkError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const instance = referenceTo(pathOf(request.raw.url));
  const known = fastifyError(error);
  void reply.header('x-request-id', request.id);
  send(reply, known ? problemOf(known, instance) : foreignProblem(400, instance));
}

function send(reply: FastifyReply, { problem, headers }: ProblemAnswer): void {
  for (const name of OF_THE_ANSWER) reply.removeHeader(name);
  // As bytes: to text Fastify would add a charset, which this media type does not have.
  void reply
    .status(problem.status)
    .headers(headers)
    .type(PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problem)));
}

function fastifyError(error: unknown): AppError | null {
  const code = codeOf(error);
  return typeof code === 'string' && Object.hasOwn(FASTIFY_ERRORS, code) ? FASTIFY_ERRORS[code]!(error) : null;
}

/** The client went away while it was still sending. Nobody reads the answer, and it is not a bug. */
const isAborted = (error: unknown, request: FastifyRequest): boolean =>
  codeOf(error) === 'ECONNRESET' && !request.raw.complete;

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** A path as a URI reference (RFC 3986) can hold it, which `instance` is (RFC 9457 §3.1.5): a request line can hold more. */
const referenceTo = (path: string): string =>
  path.replaceAll(/%(?![0-9a-f]{2})|[^\w!$&'()*+,./:;=@~%-]/gi, (character) => encodeURIComponent(character));

const pathOf = (url: string | undefined): string => /^[^?#]*/.exec(url ?? '')![0];
