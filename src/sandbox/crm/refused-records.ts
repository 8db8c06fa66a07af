import type { FastifyRequest } from 'fastify';
import { arrivalOf } from '../arrival.js';
import type { Effect } from '../fault.js';
import type { Faults } from '../faults.js';
import type { JsonObject } from '../json.js';
import { Refusal } from '../refusal.js';
import { isRefused } from './rest-batch.js';

/** The refusal a batch meets, if any: one that came with the request, or one that waits for such records. */
export function refusalOf(faults: Faults, request: FastifyRequest, records: readonly JsonObject[]): Effect | null {
  const { target, operation, effect } = arrivalOf(request);
  if (effect?.refuseRecords) return effect;
  const call = { target: target ?? '', operation, path: request.url };
  return faults.take('records', call, (each) => records.some((record) => isRefused(record, each)));
}

/** Throws when one bad record takes the whole batch with it. */
export function refuseWhole(records: readonly JsonObject[], refusal: Effect | null, status = 400): void {
  if (refusal?.wholeBatch && records.some((record) => isRefused(record, refusal)))
    throw new Refusal(status, 'batch.refused', 'The batch was refused.');
}
