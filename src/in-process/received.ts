import { notSendable } from '../client/errors.js';
import type { FileToSend, UpdateCondition } from '../client/index.js';
import { requireIfMatch } from '../http/etag.js';
import { A_MEDIA_TYPE, FileBody, mediaTypeIn } from '../http/file-body.js';
import { dispositionOf, fileNameIn } from '../http/file-name.js';
import { bodyTooLarge, unsupportedMediaType } from '../http/http.errors.js';
import { IdPath } from '../http/id-path.js';
import { BODY_LIMIT, parseJsonBody } from '../http/json-body.js';
import { parse, parseQuery } from '../http/validation.js';
import { conditionOf, PatchQuery } from '../modules/guest/index.js';

export const known = (id: string): string => parse(IdPath, { id }, 'path').id;

/** What would have arrived at the REST API, within its limits. */
export function received(value: unknown): unknown {
  const bytes = Buffer.from(asJson(value));
  if (bytes.length > BODY_LIMIT) throw bodyTooLarge(BODY_LIMIT);
  return parseJsonBody(bytes);
}

/** Nothing at all is an empty body. */
function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    throw notSendable();
  }
}

/** A file as it would have arrived, with a name and a type as they would have been taken. */
export async function fileFrom({ fileName, mediaType, content }: FileToSend): Promise<FileBody> {
  const type = mediaTypeIn(mediaType ?? 'application/octet-stream');
  if (type === undefined) throw unsupportedMediaType(A_MEDIA_TYPE);
  const bytes = Buffer.from(await new Blob([content]).arrayBuffer());
  return new FileBody(fileNameIn(dispositionOf(fileName)), type.toLowerCase(), bytes);
}

export const conditionFrom = (given: UpdateCondition): ReturnType<typeof conditionOf> =>
  'etag' in given
    ? conditionOf(requireIfMatch(given.etag))
    : conditionOf('*', given.base === null ? undefined : parseQuery(PatchQuery, { base: String(given.base) }).base);
