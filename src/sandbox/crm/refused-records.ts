import type { FastifyRequest } from 'fastify';
import { arrivalOf } from '../arrival.js';
import { statusWords } from '../error-answer.js';
import type { Effect } from '../fault.js';
import type { Faults } from '../faults.js';
import type { JsonObject } from '../json.js';
import { Refusal } from '../refusal.js';
import { isRefused } from './rest-batch.js';

/** The refusal a batch meets, if any: one that came with the request, or one that waits for such records. Throws when it is too large. */
export function refusalOf(faults: Faults, request: FastifyRequest, records: readonly JsonObject[]): Effect | null {
  const { target, operation, effect } = arrivalOf(request);
  const isTooLarge = (each: Effect): boolean => each.mostRecords !== undefined && records.length > each.mostRecords;
  const call = { target: target ?? '', operation, path: request.url };
  const met =
    effect?.refuseRecords || effect?.mostRecords !== undefined
      ? effect
      : faults.take('records', call, (each) => isTooLarge(each) || records.some((record) => isRefused(record, each)));
  if (met !== null && isTooLarge(met)) throw new Refusal(413, ...statusWords(413));
  return met;
}

/** Throws when one bad record takes the whole batch with it. */
export function refuseWhole(records: readonly JsonObject[], refusal: Effect | null, status = 400): void {
  if (refusal?.wholeBatch && records.some((record) => isRefused(record, refusal)))
    throw new Refusal(status, 'batch.refused', 'The batch was refused.');
}
