import { isDeepStrictEqual } from 'node:util';
import type { IncomingHttpHeaders } from 'node:http';
import type { Effect } from '../fault.js';
import { isObject, type JsonObject } from '../json.js';
import { Refusal } from '../refusal.js';

const MOST_RECORDS = 50;

/** A batch as it came in, checked as a whole. Its records are judged one by one. */
export type Batch = { readonly idempotencyKey: string; readonly records: readonly JsonObject[] };

/** Reads a batch; the key stands in the header and in the body, and they must agree. */
export function readBatch(headers: IncomingHttpHeaders, body: unknown): Batch {
  if (!isObject(body)) throw new Refusal(400, 'bad_request', 'The body must be a JSON object.');
  const { idempotencyKey, records } = body;
  const header = headers['idempotency-key'];
  if (typeof header !== 'string' || header === '')
    throw new Refusal(400, 'idempotency.missing', 'The header Idempotency-Key is required.');
  if (header !== idempotencyKey)
    throw new Refusal(
      400,
      'idempotency.mismatch',
      'The header Idempotency-Key and the body idempotencyKey must be the same.',
    );
  if (!Array.isArray(records) || records.length === 0 || !records.every(isObject))
    throw new Refusal(400, 'bad_request', 'records must be a list of at least one object.');
  if (records.length > MOST_RECORDS)
    throw new Refusal(413, 'batch.too_large', `A batch holds at most ${MOST_RECORDS} records.`);
  return { idempotencyKey: header, records };
}

/** Whether a record holds every field the effect refuses. A field is named alone, or by its path with dots. */
export function isRefused(record: JsonObject, { refuseRecords = {} }: Effect): boolean {
  const wanted = Object.entries(refuseRecords);
  return wanted.length > 0 && wanted.every(([field, value]) => holds(record, field, value, ''));
}

function holds(inside: unknown, field: string, value: unknown, path: string): boolean {
  if (Array.isArray(inside)) return inside.some((each) => holds(each, field, value, path));
  if (!isObject(inside)) return false;
  return Object.entries(inside).some(([name, inner]) => {
    const full = path === '' ? name : `${path}.${name}`;
    const named = full === field || full.endsWith(`.${field}`);
    return (named && isDeepStrictEqual(inner, value)) || holds(inner, field, value, full);
  });
}
