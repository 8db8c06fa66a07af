import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Crm } from '../../crm/crm.js';
import { refusalOf, refuseWhole } from '../../crm/refused-records.js';
import { isRefused } from '../../crm/rest-batch.js';
import { Shelf } from '../../crm/shelf.js';
import type { Effect } from '../../fault.js';
import type { Faults } from '../../faults.js';
import { isObject, type JsonObject } from '../../json.js';
import { Refusal } from '../../refusal.js';

const MOST_OPERATIONS = 10;
const SOURCE_ID = '5a4d0b0c-0000-4000-8000-00000000e001';
const SCHEMA_ID = '5a4d0b0c-0000-4000-8000-00000000e002';
const SCHEMA_VERSION = 3;
const FIELDS = [
  'email_hash_text',
  'phone_hash_text',
  'hash_key_text',
  'marketing_consent_checkbox',
  'data_consent_checkbox',
  'last_interaction_datetime',
  'channel_context_longtext',
];

type Page = { Querystring: { limit?: string; cursor?: string } };
type ById = { Params: { id: string } };

/** The organisation's external contacts, which are a CRM like others to whoever keeps records in them. */
export class ExternalContacts implements Crm {
  readonly name = 'genesys-contacts';
  private readonly shelf = new Shelf(() => randomUUID());

  constructor(private readonly faults: Faults) {}

  connection(url: string) {
    return { url, sourceId: SOURCE_ID, schemaId: SCHEMA_ID };
  }

  environment() {
    return { GENESYS_CONTACTS_SOURCE_ID: SOURCE_ID, GENESYS_CONTACTS_SCHEMA_ID: SCHEMA_ID };
  }

  /** `api` is under `/api/v2` and asks for a token. */
  serve(api: FastifyInstance): void {
    api.get<ById>('/externalcontacts/contacts/schemas/:id', async ({ params }) => {
      if (params.id !== SCHEMA_ID) throw new Refusal(404, 'not.found', 'The schema was not found.');
      return dataSchema();
    });
    api.get<Page>('/externalcontacts/scan/contacts', async ({ query }) => this.page(query));
    api.post('/externalcontacts/identifierlookup/contacts', async ({ body }) => this.lookUp(body));
    api.delete<ById>('/externalcontacts/contacts/:id', async ({ params }) => {
      if (!this.erase(params.id)) throw new Refusal(404, 'not.found', 'The contact was not found.');
      return {};
    });
    api.post('/externalcontacts/bulk/contacts/enrich', async (request) => this.enrich(request));
  }

  records(): readonly JsonObject[] {
    return this.shelf.records();
  }

  reset(): void {
    this.shelf.clear();
  }

  /** False when there is no such contact. */
  erase(contactId: string): boolean {
    return this.shelf.remove(contactId);
  }

  private lookUp(identifier: unknown): object {
    const { type, value, externalSource } = isObject(identifier) ? identifier : {};
    if (typeof type !== 'string' || typeof value !== 'string')
      throw new Refusal(400, 'bad.request', 'type and value are required.');
    const isOurs = type === 'ExternalId' && isObject(externalSource) && externalSource['id'] === SOURCE_ID;
    const found = isOurs ? this.shelf.list().find(({ externalId }) => externalId === value) : undefined;
    if (found === undefined) throw new Refusal(404, 'not.found', 'No contact has this identifier.');
    return this.view(found);
  }

  private enrich(request: FastifyRequest): object {
    const operations = isObject(request.body) ? request.body['entities'] : null;
    if (!Array.isArray(operations) || operations.length === 0 || !operations.every(isObject))
      throw new Refusal(400, 'bad.request', 'entities must be a list of operations.');
    if (operations.length > MOST_OPERATIONS)
      throw new Refusal(400, 'bad.request', `A request holds at most ${MOST_OPERATIONS} operations.`);
    const refusal = refusalOf(this.faults, request, operations);
    refuseWhole(operations, refusal);
    const results = operations.map((operation) => this.enrichOne(operation, refusal));
    const errorIndexes = results.flatMap(({ success }, index) => (success ? [] : [index]));
    return { results, errorCount: errorIndexes.length, errorIndexes };
  }

  private enrichOne(operation: JsonObject, refusal: Effect | null): { success: boolean } {
    const { id, contact, matchingIdentifiers } = operation;
    const [match] = Array.isArray(matchingIdentifiers) ? (matchingIdentifiers as JsonObject[]) : [];
    const source = isObject(match?.['externalSource']) ? match['externalSource']['id'] : null;
    const key = match?.['value'];
    const schema = isObject(contact) ? contact['schema'] : null;
    if (operation['action'] !== 'Upsert' || match?.['type'] !== 'ExternalId' || typeof key !== 'string')
      return failed(id, 'bad.request');
    if (source !== SOURCE_ID) return failed(id, 'external.source.not.found');
    if (!isObject(contact) || !isObject(schema) || schema['id'] !== SCHEMA_ID || schema['version'] !== SCHEMA_VERSION)
      return failed(id, 'schema.invalid');
    const fields = isObject(contact['customFields']) ? contact['customFields'] : {};
    if (Object.keys(fields).some((name) => !FIELDS.includes(name))) return failed(id, 'custom.field.invalid');
    if (refusal !== null && isRefused(operation, refusal)) return failed(id, 'contact.refused');
    const placed = this.shelf.put(key, fields);
    const entity = this.view({ externalId: key, id: placed.id, values: fields });
    return {
      ...(id === undefined ? {} : { id }),
      success: true,
      entity,
      status: placed.change === 'created' ? 201 : 200,
    } as never;
  }

  private page({ limit = '100', cursor = '0' }: Page['Querystring']): object {
    if (Number(limit) < 10 || Number(limit) > 200)
      throw new Refusal(400, 'bad.request', 'limit must be from 10 to 200.');
    const all = this.shelf.list();
    const rows = all.slice(Number(cursor), Number(cursor) + Number(limit));
    const end = Number(cursor) + rows.length;
    return { entities: rows.map((row) => this.view(row)), cursors: end < all.length ? { after: String(end) } : {} };
  }

  private view({ externalId, id, values }: { externalId: string; id: string; values: JsonObject }): object {
    return {
      id,
      type: 'Curated',
      externalIds: [{ externalSource: { id: SOURCE_ID, name: 'Guests' }, value: externalId }],
      schema: { id: SCHEMA_ID, version: SCHEMA_VERSION },
      customFields: values,
    };
  }
}

const failed = (id: unknown, code: string): { success: boolean } =>
  ({
    ...(id === undefined ? {} : { id }),
    success: false,
    error: { code, message: 'The contact was refused.', status: 400, retryable: false, details: [] },
    status: 400,
  }) as never;

const dataSchema = (): object => ({
  id: SCHEMA_ID,
  name: 'Guests',
  version: SCHEMA_VERSION,
  appliesTo: ['CONTACT'],
  enabled: true,
  jsonSchema: {
    $schema: 'http://json-schema.org/draft-04/schema#',
    title: 'Guests',
    type: 'object',
    properties: Object.fromEntries(
      FIELDS.map((name) => [name, { allOf: [{ $ref: `#/definitions/${name.split('_').at(-1)}` }], title: name }]),
    ),
  },
});
