import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { arrivalOf } from '../arrival.js';
import type { Effect } from '../fault.js';
import type { Faults } from '../faults.js';
import { isObject, type JsonObject } from '../json.js';
import { Refusal } from '../refusal.js';
import type { Crm } from './crm.js';
import { refusalOf, refuseWhole } from './refused-records.js';
import { isRefused } from './rest-batch.js';
import { SalesforceQueries } from './salesforce-query.js';
import { Shelf } from './shelf.js';

const CLIENT = { id: 'sandbox-salesforce-client', secret: 'sandbox-salesforce-secret' };
const MOST_RECORDS = 200;
const CALLS_A_DAY = 5_000_000;
const OBJECT = 'Guest__c';
const KEY = 'Guest_Id__c';
const FIELDS: Readonly<Record<string, string>> = {
  [KEY]: 'string',
  Email_Hash__c: 'string',
  Phone_Hash__c: 'string',
  Hash_Key__c: 'string',
  Marketing_Consent__c: 'boolean',
  Data_Consent__c: 'boolean',
  Last_Interaction__c: 'datetime',
  Channel_Context__c: 'textarea',
};
const BASE = '/crm/salesforce/services/data/:version';

type ByObject = { Params: { object: string; field: string } };
type ByValue = { Params: ByObject['Params'] & { value: string } };

/** A Salesforce org with one custom object: login, description, upsert and delete by external id, query. */
export class SalesforceCrm implements Crm {
  readonly name = 'salesforce';
  private readonly shelf = new Shelf((number) => `a01${String(number).padStart(15, '0')}`);
  private queries = new SalesforceQueries(OBJECT, KEY, this.shelf);
  private sessions = new Set<string>();
  private used = 0;

  constructor(
    private readonly faults: Faults,
    private readonly url: () => string,
  ) {}

  connection(url: string) {
    return { url: `${url}/crm/salesforce`, clientId: CLIENT.id, clientSecret: CLIENT.secret };
  }

  environment(url: string) {
    return {
      SALESFORCE_LOGIN_URL: `${url}/crm/salesforce`,
      SALESFORCE_CLIENT_ID: CLIENT.id,
      SALESFORCE_CLIENT_SECRET: CLIENT.secret,
    };
  }

  serve(app: FastifyInstance): void {
    app.post('/crm/salesforce/services/oauth2/token', async (request, reply) => this.logIn(request, reply));
    app.get(`${BASE}/limits`, async (request, reply) => {
      this.enter(request, reply);
      return { DailyApiRequests: { Max: CALLS_A_DAY, Remaining: CALLS_A_DAY - this.used } };
    });
    app.get<ByObject>(`${BASE}/sobjects/:object/describe`, async (request, reply) => {
      this.enter(request, reply);
      requireObject(request.params.object);
      return { name: OBJECT, fields: Object.entries(FIELDS).map(describedField) };
    });
    app.get<{ Querystring: { q?: string } }>(`${BASE}/query`, async (request, reply) => {
      this.enter(request, reply);
      return this.queries.answer(request.query.q ?? '');
    });
    app.get<{ Params: { locator: string } }>(`${BASE}/query/:locator`, async (request, reply) => {
      this.enter(request, reply);
      return this.queries.resume(request.params.locator);
    });
    app.patch<ByObject>(`${BASE}/composite/sobjects/:object/:field`, async (request, reply) => {
      this.enter(request, reply);
      requireObject(request.params.object);
      if (request.params.field !== KEY) throw new Refusal(404, 'NOT_FOUND', 'The field is no external id.');
      return this.upsert(readRecords(request.body), request);
    });
    app.delete<ByValue>(`${BASE}/sobjects/:object/:field/:value`, async (request, reply) => {
      this.enter(request, reply);
      this.remove(request.params, arrivalOf(request).effect);
      return reply.code(204).send();
    });
  }

  records(): readonly JsonObject[] {
    return this.shelf.records();
  }

  reset(): void {
    this.shelf.clear();
    this.queries = new SalesforceQueries(OBJECT, KEY, this.shelf);
    this.sessions.clear();
    this.used = 0;
  }

  private async logIn({ body }: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const form = new URLSearchParams(typeof body === 'string' ? body : '');
    const isKnown = form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret;
    if (form.get('grant_type') !== 'client_credentials')
      return reply.code(400).send({ error: 'unsupported_grant_type', error_description: 'grant type not supported' });
    if (!isKnown)
      return reply.code(400).send({ error: 'invalid_client', error_description: 'invalid client credentials' });
    const token = `00D${randomBytes(24).toString('base64url')}`;
    this.sessions.add(token);
    return {
      access_token: token,
      signature: randomBytes(32).toString('base64'),
      scope: 'api',
      instance_url: `${this.url()}/crm/salesforce`,
      id: `${this.url()}/crm/salesforce/id/00D000000000001/005000000000001`,
      token_type: 'Bearer',
      issued_at: String(Date.now()),
    };
  }

  /** A live session, and its share of the day's calls. */
  private enter(request: FastifyRequest, reply: FastifyReply): void {
    const token = /^bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (arrivalOf(request).effect?.expireToken) this.sessions.delete(token);
    if (!this.sessions.has(token)) throw new Refusal(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
    this.used += 1;
    reply.header('Sforce-Limit-Info', `api-usage=${this.used}/${CALLS_A_DAY}`);
  }

  private upsert(records: readonly JsonObject[], request: FastifyRequest): object[] {
    const refusal = refusalOf(this.faults, request, records);
    refuseWhole(records, refusal);
    const seen = new Map<unknown, number>();
    for (const record of records) seen.set(record[KEY], (seen.get(record[KEY]) ?? 0) + 1);
    const isLocked = arrivalOf(request).effect?.lockRecords === true;
    return records.map((record, index) => {
      if (Number(seen.get(record[KEY])) > 1) return failed('DUPLICATE_EXTERNAL_ID', [KEY]);
      // Another transaction holds the parent of some of the rows.
      if (isLocked && index % 2 === 0) return failed('UNABLE_TO_LOCK_ROW');
      return this.upsertOne(record, refusal);
    });
  }

  /** What is missing, the field or the row, is told apart by the words alone. */
  private remove({ object, field, value }: ByValue['Params'], effect: Effect | null): void {
    requireObject(object);
    if (field !== KEY)
      throw new Refusal(404, 'NOT_FOUND', `Provided external ID field does not exist or is not accessible: ${field}`);
    if (effect?.lockRecords)
      throw new Refusal(400, 'UNABLE_TO_LOCK_ROW', 'unable to obtain exclusive access to this record', { fields: [] });
    const row = this.shelf.list().find(({ externalId }) => externalId === value);
    if (row === undefined || !this.shelf.remove(row.id))
      throw new Refusal(404, 'NOT_FOUND', 'The requested resource does not exist');
  }

  private upsertOne({ attributes, ...record }: JsonObject, refusal: Effect | null): object {
    if (!isObject(attributes) || attributes['type'] !== OBJECT) return failed('INVALID_TYPE');
    const unknown = Object.keys(record).filter((name) => !Object.hasOwn(FIELDS, name));
    if (unknown.length > 0) return failed('INVALID_FIELD', unknown);
    const key = record[KEY];
    if (typeof key !== 'string' || key === '') return failed('MISSING_ARGUMENT', [KEY]);
    if (refusal !== null && isRefused(record, refusal)) return failed('FIELD_CUSTOM_VALIDATION_EXCEPTION');
    const { id, change } = this.shelf.put(key, record);
    return { id, success: true, errors: [], created: change === 'created' };
  }
}

function readRecords(body: unknown): readonly JsonObject[] {
  const records = isObject(body) ? body['records'] : null;
  if (!Array.isArray(records) || !records.every(isObject))
    throw new Refusal(400, 'JSON_PARSER_ERROR', 'records must be a list of objects.');
  if (records.length > MOST_RECORDS)
    throw new Refusal(400, 'EXCEEDED_MAX_SIZE_REQUEST', `A request holds at most ${MOST_RECORDS} records.`);
  return records;
}

function requireObject(name: string): void {
  if (name !== OBJECT) throw new Refusal(404, 'NOT_FOUND', 'The requested resource does not exist');
}

const failed = (statusCode: string, fields: string[] = []): object => ({
  success: false,
  errors: [{ statusCode, message: 'The record was refused.', fields }],
});

const describedField = ([name, type]: [string, string]): object => ({
  name,
  type,
  createable: true,
  updateable: true,
  externalId: name === KEY,
  idLookup: name === KEY,
});
