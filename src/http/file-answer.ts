import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { errorCode } from '../kernel/app-error.js';
import { dispositionOf } from './file-name.js';

/** Media types that files are answered as. None of them can act in a page; whatever else a file says it is, it is `application/octet-stream`. */
export const FILE_TYPES = [
  'application/octet-stream',
  'application/pdf',
  'audio/mpeg',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'text/plain',
  'video/mp4',
] as const;

/** As what a file of this media type is answered. */
export const answeredAs = (mediaType: string): string =>
  (FILE_TYPES as readonly string[]).includes(mediaType) ? mediaType : FILE_TYPES[0];

export type FileAnswer = {
  readonly fileName: string;
  readonly mediaType: string;
  /** Bytes; null when that is not known beforehand. */
  readonly size: number | null;
  readonly bytes: AsyncGenerator<Uint8Array, void>;
};

/**
 * Answers with a file, to be saved and not shown (RFC 6266), as fast as the reader takes it. Errors have to be thrown before: once the file has
 * begun all that can be done about one is to break it off, and the reader sees that it is not whole.
 */
export async function sendFile(reply: FastifyReply, { fileName, mediaType, size, bytes }: FileAnswer): Promise<void> {
  void reply.headers({
    'content-type': answeredAs(mediaType),
    'content-disposition': dispositionOf(fileName),
    'cache-control': 'private, no-store',
    ...(size === null ? {} : { 'content-length': size }),
  });
  // Fastify would read all of it to send nothing.
  const file = Readable.from(reply.request.method === 'HEAD' ? [] : bytes, { objectMode: false });
  file.on('error', (error) => new Logger('http').warn('file broken off', { code: errorCode(error) }));
  await reply.send(file);
}
