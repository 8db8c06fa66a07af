import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Effect } from '../fault.js';
import type { Faults } from '../faults.js';
import { canonical, type JsonObject } from '../json.js';
import { Refusal } from '../refusal.js';
import type { Crm } from './crm.js';
import { refusalOf, refuseWhole } from './refused-records.js';
import { isRefused, readBatch, type Batch } from './rest-batch.js';

const TOKEN = 'sandbox-crm-token';
const MOST_KEYS = 20_000;

type Result = { readonly externalId: unknown; readonly status: string; readonly id?: string; readonly error?: object };
type Answer = { readonly status: 200 | 207; readonly results: readonly Result[] };

/**
 * A generic CRM with one batch upsert, and a delete. It holds each `externalId` once and merges field by field: what a record does not name stays as
 * it was, what it names as null is emptied.
 */
export class RestCrm implements Crm {
  readonly name = 'rest';
  private held = new Map<string, JsonObject>();
  private given = 0;
  /** What each idempotency key was used for. The answer is null while some of its records are refused: they are judged again each time. */
  private keys = new Map<string, { readonly body: string; answer: Answer | null }>();

  constructor(private readonly faults: Faults) {}

  connection(url: string): { url: string; token: string } {
    return { url: `${url}/crm/rest/batch`, token: TOKEN };
  }

  environment(url: string): Readonly<Record<string, string>> {
    return {
      CRM_BATCH_UPSERT_URL: `${url}/crm/rest/batch`,
      CRM_AUTH_TOKEN: TOKEN,
      CRM_DELETE_URL: `${url}/crm/rest/records/{externalId}`,
    };
  }

  serve(app: FastifyInstance): void {
    app.get('/crm/rest/health', async (request) => {
      authenticate(request);
      return { status: 'ok', records: this.held.size };
    });
    app.post('/crm/rest/batch', async (request, reply) => {
      authenticate(request);
      const batch = readBatch(request.headers, request.body);
      const { status, results } = this.upsertOnce(batch, refusalOf(this.faults, request, batch.records));
      return reply.code(status).send({ results });
    });
    app.delete<{ Params: { externalId: string } }>('/crm/rest/records/:externalId', async (request, reply) => {
      authenticate(request);
      if (!this.held.delete(request.params.externalId))
        throw new Refusal(404, 'record.not_found', 'There is no record with this externalId.');
      return reply.code(204).send();
    });
  }

  records(): readonly JsonObject[] {
    return [...this.held.values()];
  }

  reset(): void {
    this.held.clear();
    this.keys.clear();
    this.given = 0;
  }

  private upsertOnce(batch: Batch, refusal: Effect | null): Answer {
    const body = canonical(batch.records);
    const known = this.keys.get(batch.idempotencyKey);
    if (known !== undefined && known.body !== body)
      throw new Refusal(409, 'idempotency.conflict', 'This idempotency key was used with another body.');
    if (known?.answer) return known.answer;
    refuseWhole(batch.records, refusal);

    const results = batch.records.map((record) => this.upsert(record, refusal));
    const complete = results.every((result) => result.error === undefined);
    const answer: Answer = { status: complete ? 200 : 207, results };
    this.remember(batch.idempotencyKey, body, complete ? answer : null);
    return answer;
  }

  private upsert(record: JsonObject, refusal: Effect | null): Result {
    const { externalId } = record;
    if (typeof externalId !== 'string' || externalId === '')
      return {
        externalId: externalId ?? null,
        status: 'error',
        error: { code: 'external_id.missing', message: 'A record needs an externalId.' },
      };
    if (refusal !== null && isRefused(record, refusal))
      return { externalId, status: 'error', error: { code: 'record.refused', message: 'The record was refused.' } };

    const former = this.held.get(externalId);
    const id = former === undefined ? `crm-${(this.given += 1)}` : String(former['id']);
    const next = { ...former, ...record, id };
    if (former !== undefined && isDeepStrictEqual(former, next)) return { externalId, status: 'unchanged', id };
    this.held.set(externalId, next);
    return { externalId, status: former === undefined ? 'created' : 'updated', id };
  }

  private remember(key: string, body: string, answer: Answer | null): void {
    this.keys.set(key, { body, answer });
    const [oldest] = this.keys.keys();
    if (this.keys.size > MOST_KEYS && oldest !== undefined) this.keys.delete(oldest);
  }
}

function authenticate({ headers }: FastifyRequest): void {
  if (headers.authorization !== `Bearer ${TOKEN}`)
    throw new Refusal(401, 'unauthorized', 'A valid bearer token is required.');
}
