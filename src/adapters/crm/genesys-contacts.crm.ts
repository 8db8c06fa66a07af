import { Matches } from 'class-validator';
import type { CrmField, CrmPage, CrmRecord, Erased, Verdict } from '../../modules/crm-sync/index.js';
import { meaningless, notTaken, nullIfGone } from './crm-failures.js';
import { defineCrm } from './define-crm.js';
import type { CrmAdapter } from './define-crm.js';
import { faultsAgainst, held, mapped, readMapping } from './field-mapping.js';
import { MappingCheck } from './mapping-check.js';
import { IsMapping } from './mapping-setting.js';

/**
 * The external contacts of our Genesys Cloud organisation, as its Platform API knows them. Whoever holds the organisation's OAuth client answers it.
 * Every call throws AppError with the codes of `Crm.upsert`.
 */
export interface GenesysContacts {
  /** At most 10 operations. Resolves to whatever came as `BulkContactsEnrichResponse`. */
  enrich(operations: readonly object[]): Promise<unknown>;
  /** `DataSchema` of contacts. */
  schema(schemaId: string): Promise<unknown>;
  /** `CursorContactListing`; `limit` from 10 to 200. A cursor is good for a day. */
  scan(cursor: string | null, limit: number): Promise<unknown>;
  /** `ExternalContact` that has this value under this external source; `crm.refused` with the status 404 when there is none. */
  lookUp(externalSourceId: string, value: string): Promise<unknown>;
  /** Resolves to whatever came, which says nothing; `crm.refused` with the status 404 when there is none. */
  remove(contactId: string): Promise<unknown>;
  /** The request `enrich` would send, without credentials. */
  enrichRequest(operations: readonly object[]): {
    method: string;
    url: string;
    headers: Record<string, string>;
    body: unknown;
  };
  ping(): Promise<void>;
}

const AN_ID = { message: '$property must be an id, as 00000000-0000-0000-0000-000000000000' };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

class ContactsSettings {
  @Matches(UUID, AN_ID) GENESYS_CONTACTS_SOURCE_ID: string;
  @Matches(UUID, AN_ID) GENESYS_CONTACTS_SCHEMA_ID: string;
  @IsMapping()
  GENESYS_CONTACTS_FIELDS =
    'email_hash_text:emailHash,phone_hash_text:phoneHash,hash_key_text:keyId,marketing_consent_checkbox:consentFlags.marketing,' +
    'data_consent_checkbox:consentFlags.dataProcessing,last_interaction_datetime:lastInteraction,channel_context_longtext:channelContext';
}

/** Genesys Cloud's own contacts, by bulk enrich: an upsert by an external id under an external source of ours, into custom fields. */
export const genesysContacts = (contacts: GenesysContacts): CrmAdapter =>
  defineCrm({
    id: 'genesys-contacts',
    settings: ContactsSettings,
    chunkSize: 10,
    connect: (settings) => {
      const book = new ContactBook(settings, contacts);
      return {
        isErasedLast: true,
        upsert: (records) => book.upsert(records),
        ping: () => contacts.ping(),
        erase: (externalId, remoteId) => book.erase(externalId, remoteId),
        describe: () => book.check.fields(),
        read: (cursor, limit) => book.read(cursor, limit),
        preview: (records) => contacts.enrichRequest(book.operations(records)),
      };
    },
  });

class ContactBook {
  readonly check = new MappingCheck('genesys-contacts', () => this.described());
  private readonly mapping = readMapping(this.settings.GENESYS_CONTACTS_FIELDS);
  /** Counted up with each change of the schema; learnt from its description. */
  private schemaVersion = 1;

  constructor(
    private readonly settings: ContactsSettings,
    private readonly contacts: GenesysContacts,
  ) {}

  async upsert(records: readonly CrmRecord[]): Promise<Verdict[]> {
    await this.check.passed();
    const answer = await this.contacts.enrich(this.operations(records));
    const results = (answer as { results?: unknown } | null | undefined)?.results;
    if (!Array.isArray(results)) throw meaningless();
    return (results as unknown[]).flatMap((result, position) => verdictOf(records, result, position));
  }

  /** The id we were told is for a contact that is not found by ours: not yet, or not any more. */
  async erase(externalId: string, remoteId: string | null): Promise<Erased> {
    const contactId = (await this.idOf(externalId)) ?? remoteId;
    return contactId !== null && (await this.isRemoved(contactId)) ? 'deleted' : 'absent';
  }

  async read(cursor: string | null, limit: number): Promise<CrmPage> {
    const answer = await this.contacts.scan(cursor, Math.max(10, Math.min(limit, 200)));
    const { entities, cursors } = (answer ?? {}) as { entities?: unknown; cursors?: { after?: unknown } };
    if (!Array.isArray(entities)) throw meaningless();
    const records = (entities as Contact[]).flatMap(({ id, externalIds = [], customFields = {} }) => {
      const ours = externalIds.find(
        ({ externalSource }) => externalSource?.id === this.settings.GENESYS_CONTACTS_SOURCE_ID,
      );
      return ours?.value === undefined ? [] : [held(ours.value, String(id), customFields, this.mapping)];
    });
    return { records, nextCursor: typeof cursors?.after === 'string' ? cursors.after : null };
  }

  operations(records: readonly CrmRecord[]): object[] {
    const externalSource = { id: this.settings.GENESYS_CONTACTS_SOURCE_ID };
    const schema = { id: this.settings.GENESYS_CONTACTS_SCHEMA_ID, version: this.schemaVersion };
    return records.map((record) => ({
      id: record.externalId,
      matchingIdentifiers: [{ type: 'ExternalId', value: record.externalId, externalSource }],
      action: 'Upsert',
      contact: {
        externalIds: [{ externalSource, value: record.externalId }],
        schema,
        customFields: mapped(record, this.mapping),
      },
      fieldRules: { defaultAction: 'AlwaysUseProvided' },
    }));
  }

  private async idOf(externalId: string): Promise<string | null> {
    const looking = this.contacts.lookUp(this.settings.GENESYS_CONTACTS_SOURCE_ID, externalId);
    const found = await nullIfGone(looking.then((contact) => ({ contact: contact as Contact | null | undefined })));
    if (found === null) return null;
    const id = found.contact?.id;
    if (typeof id !== 'string' || id === '') throw meaningless();
    return id;
  }

  /** False when there is no such contact. */
  private async isRemoved(contactId: string): Promise<boolean> {
    const done = await nullIfGone(this.contacts.remove(contactId).then((answer) => ({ answer })));
    // Words, where there should be an empty object or nothing, are not the API's.
    if (typeof done?.answer === 'string' && done.answer !== '') throw meaningless();
    return done !== null;
  }

  private async described() {
    const schema = (await this.contacts.schema(this.settings.GENESYS_CONTACTS_SCHEMA_ID)) as Schema | null | undefined;
    const properties = schema?.jsonSchema?.properties;
    if (typeof properties !== 'object' || properties === null) throw meaningless();
    if (typeof schema?.version === 'number') this.schemaVersion = schema.version;
    const fields = Object.entries(properties).map(([name, property]): CrmField => {
      const core = property?.allOf?.[0]?.$ref;
      return { name, type: typeof core === 'string' ? core.replace(/^.*\//, '') : 'unknown', writable: true };
    });
    const names = this.mapping.map(({ field }) => field);
    const faults = faultsAgainst(fields, names, { crm: 'The contact schema', variable: 'GENESYS_CONTACTS_FIELDS' });
    if (schema?.enabled === false)
      faults.push('the contact schema is not enabled: enable it, or change GENESYS_CONTACTS_SCHEMA_ID');
    return { fields, faults };
  }
}

type Contact = {
  id?: unknown;
  externalIds?: { externalSource?: { id?: unknown }; value?: string }[];
  customFields?: Record<string, unknown>;
};
type Schema = {
  version?: unknown;
  enabled?: unknown;
  jsonSchema?: { properties?: Record<string, { allOf?: { $ref?: unknown }[] } | null> | null };
};
type Result = { id?: unknown; success?: unknown; status?: unknown; entity?: { id?: unknown }; error?: ResultError };
type ResultError = { code?: unknown; retryable?: unknown };

/** Of one operation. `id` repeats ours; one without it stands where its operation stood. */
function verdictOf(records: readonly CrmRecord[], result: unknown, position: number): Verdict[] {
  if (typeof result !== 'object' || result === null) return [];
  const { id, success, status, entity, error } = result as Result;
  const named = records.findIndex(({ externalId }) => externalId === id);
  const index = named >= 0 ? named : position;
  if (records[index] === undefined) return [];
  if (success === true) {
    const done = status === 201 ? 'created' : 'updated';
    return [typeof entity?.id === 'string' ? { index, status: done, remoteId: entity.id } : { index, status: done }];
  }
  if (success !== false) return [];
  return [notTaken(index, error?.retryable === true ? 'retry' : 'refused', error?.code)];
}
