import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { applyDecorators, Injectable, UseGuards } from '@nestjs/common';
import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fileNameIn } from './file-name.js';
import { bodyTooLarge, unsupportedCoding, unsupportedMediaType } from './http.errors.js';
import { BODY_TYPES, UnreadBody } from './json-body.js';

export const A_MEDIA_TYPE = ['any media type but JSON'];

/** A file as the body of a request. Two are the same when their enumerable members are: that is what repeats are recognised by. */
export class FileBody {
  readonly sha256: string;
  readonly #bytes: Buffer;

  constructor(
    readonly fileName: string,
    /** Without parameters, in lower case. */
    readonly mediaType: string,
    bytes: Buffer,
  ) {
    this.#bytes = bytes;
    this.sha256 = createHash('sha256').update(bytes).digest('hex');
  }

  get bytes(): Buffer {
    return this.#bytes;
  }
}

/** Hands bodies that are no JSON, unread, to the routes that take files; what others make of them is said later (`RequestGuard`). */
export function passFilesOn(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('*', (request, payload, done) => {
    const { takesFile } = request.routeOptions.config as { takesFile?: true };
    if (takesFile === true) done(null, payload);
    else done(null, new UnreadBody(unsupportedMediaType(BODY_TYPES)));
  });
}

/**
 * The body of the route is a file of at most `limit` bytes, as it is: a `FileBody`. It is read when the caller is known, so that nobody else
 * makes us hold anything. Its name stands in `Content-Disposition`.
 */
export const TakesFile = (limit: number): MethodDecorator =>
  applyDecorators(RouteConfig({ takesFile: true }), UseGuards(fileGuard(limit)));

function fileGuard(limit: number): Type<CanActivate> {
  @Injectable()
  class File implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<true> {
      const http = context.switchToHttp();
      const request = http.getRequest<FastifyRequest>();
      request.body = await read(request, limit, http.getResponse<FastifyReply>());
      return true;
    }
  }
  return File;
}

/** Without its parameters; undefined when it is none (RFC 9110 §8.3.1). */
export const mediaTypeIn = (contentType = ''): string | undefined =>
  /^\s*([\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127})\s*(;.*)?$/.exec(contentType)?.[1];

/** @throws AppError `http.unsupported_media_type`, `http.bad_header`, `http.body_too_large` */
async function read({ headers, body, raw }: FastifyRequest, limit: number, reply: FastifyReply): Promise<FileBody> {
  const mediaType = mediaTypeIn(headers['content-type']);
  if (body !== raw || mediaType === undefined) throw unsupportedMediaType(A_MEDIA_TYPE);
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding !== 'identity') throw unsupportedCoding();
  const fileName = fileNameIn(headers['content-disposition']);
  const bytes = await bytesOf(raw, limit, Number(headers['content-length'] ?? 0));
  if (bytes !== null) return new FileBody(fileName, mediaType.toLowerCase(), bytes);
  // What is left of it is not read.
  void reply.header('connection', 'close');
  throw bodyTooLarge(limit);
}

/** Null when there are more than `limit`. */
async function bytesOf(raw: IncomingMessage, limit: number, announced: number): Promise<Buffer | null> {
  if (announced > limit) return null;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
