import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Effect } from '../fault.js';
import type { Faults } from '../faults.js';
import { isObject, isTextMap, type JsonObject } from '../json.js';
import { Refusal } from '../refusal.js';
import type { Crm } from './crm.js';
import { refusalOf, refuseWhole } from './refused-records.js';
import { isRefused } from './rest-batch.js';
import { Shelf } from './shelf.js';

const TOKEN = 'sandbox-hubspot-token';
const MOST_RECORDS = 100;
const KEY = 'guest_id';
const PROPERTIES: Readonly<Record<string, string>> = {
  [KEY]: 'string',
  guest_email_hash: 'string',
  guest_phone_hash: 'string',
  guest_hash_key: 'string',
  guest_marketing_consent: 'bool',
  guest_data_consent: 'bool',
  guest_last_interaction: 'datetime',
  guest_channel_context: 'string',
};

type Contact = ReturnType<Shelf['list']>[number];
type Input = { readonly id: string; readonly properties: Record<string, string>; readonly objectWriteTraceId?: string };
type ByContact = { Params: { id: string }; Querystring: { idProperty?: string; properties?: string } };
type Page = { Querystring: { limit?: string; after?: string; properties?: string } };

/** A HubSpot portal with contacts by a unique property of ours. */
export class HubSpotCrm implements Crm {
  readonly name = 'hubspot';
  private readonly shelf = new Shelf((number) => String(51_000 + number));

  constructor(private readonly faults: Faults) {}

  connection(url: string) {
    return { url: `${url}/crm/hubspot`, token: TOKEN };
  }

  environment(url: string) {
    return { HUBSPOT_URL: `${url}/crm/hubspot`, HUBSPOT_ACCESS_TOKEN: TOKEN };
  }

  serve(app: FastifyInstance): void {
    app.get('/crm/hubspot/account-info/v3/details', async (request, reply) => {
      enter(request, reply);
      return { portalId: 1, accountType: 'STANDARD', timeZone: 'US/Eastern', utcOffset: '-05:00' };
    });
    app.get('/crm/hubspot/crm/v3/properties/contacts', async (request, reply) => {
      enter(request, reply);
      return { results: Object.entries(PROPERTIES).map(property) };
    });
    app.get<{ Params: { name: string } }>('/crm/hubspot/crm/v3/properties/contacts/:name', async (request, reply) => {
      enter(request, reply);
      const found = Object.entries(PROPERTIES).find(([name]) => name === request.params.name);
      if (found === undefined) throw new Refusal(404, 'OBJECT_NOT_FOUND', 'The property does not exist.');
      return property(found);
    });
    app.get<Page>('/crm/hubspot/crm/v3/objects/contacts', async (request, reply) => {
      enter(request, reply);
      return this.page(request.query);
    });
    app.post('/crm/hubspot/crm/v3/objects/contacts/batch/upsert', async (request, reply) => {
      enter(request, reply);
      const inputs = readInputs(request.body);
      const refusal = refusalOf(this.faults, request, inputs);
      // One conflict takes the whole batch with it.
      refuseWhole(inputs, refusal, 409);
      return this.upsert(inputs, refusal, reply);
    });
    app.get<ByContact>('/crm/hubspot/crm/v3/objects/contacts/:id', async (request, reply) => {
      enter(request, reply);
      const { idProperty, properties = '' } = request.query;
      return shown(this.contact(request.params.id, idProperty), properties.split(','));
    });
    app.post('/crm/hubspot/crm/v3/objects/contacts/gdpr-delete', async (request, reply) => {
      enter(request, reply);
      const { objectId, idProperty } = readPurge(request.body);
      this.shelf.remove(this.contact(objectId, idProperty).id);
      return reply.code(204).send();
    });
  }

  records(): readonly JsonObject[] {
    return this.shelf.records();
  }

  reset(): void {
    this.shelf.clear();
  }

  private upsert(inputs: readonly Input[], refusal: Effect | null, reply: FastifyReply): FastifyReply {
    const startedAt = new Date().toISOString();
    const bad = inputs.filter((input) => refusal !== null && isRefused(input, refusal));
    const results = inputs.filter((input) => !bad.includes(input)).map((input) => this.upsertOne(input));
    const answer = { status: 'COMPLETE', results, startedAt, completedAt: new Date().toISOString() };
    if (bad.length === 0) return reply.send(answer);
    // Neither list stands in the order of the inputs.
    return reply
      .code(207)
      .send({ ...answer, results: results.toReversed(), numErrors: bad.length, errors: bad.map(fault) });
  }

  private upsertOne({ id: key, properties, objectWriteTraceId }: Input): object {
    const { id, change, at } = this.shelf.put(key, { ...properties, [KEY]: key });
    return {
      id,
      new: change === 'created',
      properties: { ...properties, [KEY]: key, hs_object_id: id },
      createdAt: at,
      updatedAt: at,
      archived: false,
      ...(objectWriteTraceId === undefined ? {} : { objectWriteTraceId }),
    };
  }

  /** By HubSpot's own id, or by the one property with unique values. */
  private contact(id: string, idProperty: string | undefined): Contact {
    if (idProperty !== undefined && idProperty !== KEY)
      throw new Refusal(400, 'VALIDATION_ERROR', 'The property does not have unique values.');
    const found = this.shelf.list().find((each) => (idProperty === KEY ? each.externalId : each.id) === id);
    if (found === undefined) throw new Refusal(404, 'OBJECT_NOT_FOUND', 'resource not found');
    return found;
  }

  private page({ limit = '10', after = '0', properties = '' }: Page['Querystring']): object {
    if (Number(limit) > 100) throw new Refusal(400, 'VALIDATION_ERROR', 'limit is at most 100');
    const rows = this.shelf.list().slice(Number(after), Number(after) + Number(limit));
    const end = Number(after) + rows.length;
    const names = properties.split(',');
    return {
      results: rows.map((row) => shown(row, names)),
      ...(end < this.shelf.list().length ? { paging: { next: { after: String(end), link: '' } } } : {}),
    };
  }
}

function enter({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers.authorization !== `Bearer ${TOKEN}`)
    throw new Refusal(401, 'INVALID_AUTHENTICATION', 'Authentication credentials not found.');
  reply.headers({
    'X-HubSpot-RateLimit-Max': 190,
    'X-HubSpot-RateLimit-Remaining': 189,
    'X-HubSpot-RateLimit-Interval-Milliseconds': 10_000,
  });
}

function readInputs(body: unknown): readonly Input[] {
  const inputs = isObject(body) ? body['inputs'] : null;
  if (!Array.isArray(inputs) || !inputs.every(isInput))
    throw new Refusal(400, 'VALIDATION_ERROR', 'Invalid input JSON');
  if (inputs.length > MOST_RECORDS)
    throw new Refusal(400, 'VALIDATION_ERROR', `A batch holds at most ${MOST_RECORDS} inputs`);
  const ids = new Set(inputs.map(({ id }) => id));
  if (ids.size < inputs.length) throw new Refusal(400, 'VALIDATION_ERROR', 'Duplicate ids found in batch input');
  const unknown = inputs
    .flatMap(({ properties }) => Object.keys(properties))
    .some((name) => !Object.hasOwn(PROPERTIES, name));
  if (unknown) throw new Refusal(400, 'VALIDATION_ERROR', 'Property values were not valid: a property does not exist');
  return inputs;
}

const shown = ({ id, values }: Contact, names: readonly string[]): object => ({
  id,
  properties: { hs_object_id: id, ...Object.fromEntries(names.map((name) => [name, values[name] || null])) },
  archived: false,
});

function readPurge(body: unknown): { readonly objectId: string; readonly idProperty?: string } {
  const { objectId, idProperty } = isObject(body) ? body : {};
  if (typeof objectId !== 'string' || objectId === '' || (idProperty !== undefined && typeof idProperty !== 'string'))
    throw new Refusal(400, 'VALIDATION_ERROR', 'Invalid input JSON');
  return { objectId, ...(idProperty === undefined ? {} : { idProperty }) };
}

const isInput = (input: unknown): input is Input =>
  isObject(input) && typeof input['id'] === 'string' && input['idProperty'] === KEY && isTextMap(input['properties']);

const fault = ({ objectWriteTraceId = '' }: Input): object => ({
  status: 'error',
  category: 'VALIDATION_ERROR',
  message: 'The record was refused.',
  context: { objectWriteTraceId: [objectWriteTraceId] },
  links: {},
  errors: [],
});

const property = ([name, type]: [string, string]): object => ({
  name,
  label: name,
  type,
  fieldType: type === 'bool' ? 'booleancheckbox' : 'text',
  hasUniqueValue: name === KEY,
  modificationMetadata: { archivable: true, readOnlyDefinition: false, readOnlyValue: false },
});
