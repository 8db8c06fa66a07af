import { IsNotEmpty, Matches } from 'class-validator';
import type { CrmPage, CrmRecord, Erased, Verdict } from '../../modules/crm-sync/index.js';
import { meaningless, nullIfGone } from './crm-failures.js';
import { readable } from './crm-http.js';
import type { CrmCall, CrmHttp, CrmReply } from './crm-http.js';
import { defineCrm, IsHttpUrl } from './define-crm.js';
import { faultsAgainst, held, mapped, readMapping } from './field-mapping.js';
import { hubspotVerdicts } from './hubspot-verdicts.js';
import { HubSpotQuota } from './hubspot-quota.js';
import { MappingCheck } from './mapping-check.js';
import { IsMapping } from './mapping-setting.js';

class HubSpotSettings {
  /** A private app's. */
  @IsNotEmpty({ message: '$property is required' }) HUBSPOT_ACCESS_TOKEN: string;
  @IsHttpUrl() HUBSPOT_URL = 'https://api.hubapi.com';
  @Matches(/^[a-z]\w{0,99}$/, { message: '$property must be the internal name of a property, as guest_id' })
  HUBSPOT_ID_PROPERTY = 'guest_id';
  @IsMapping()
  HUBSPOT_PROPERTIES =
    'guest_email_hash:emailHash,guest_phone_hash:phoneHash,guest_hash_key:keyId,guest_marketing_consent:consentFlags.marketing,' +
    'guest_data_consent:consentFlags.dataProcessing,guest_last_interaction:lastInteraction,guest_channel_context:channelContext';
}

/** HubSpot's contacts, by batch upsert over a unique property of our own. */
export const hubspot = defineCrm({
  id: 'hubspot',
  settings: HubSpotSettings,
  chunkSize: 100,
  connect: (settings, http) => {
    const portal = new HubSpotPortal(settings, http);
    return {
      upsert: (records) => portal.upsert(records),
      ping: () => portal.ping(),
      erase: (externalId, remoteId) => portal.erase(externalId, remoteId),
      describe: () => portal.check.fields(),
      read: (cursor, limit) => portal.read(cursor, limit),
      preview: (records) => ({ body: null, ...portal.batch(records, '[redacted]') }),
    };
  },
});

class HubSpotPortal {
  readonly check = new MappingCheck('hubspot', () => this.described());
  private readonly quota: HubSpotQuota;
  private readonly mapping = readMapping(this.settings.HUBSPOT_PROPERTIES);
  private readonly url = this.settings.HUBSPOT_URL.replace(/\/+$/, '');
  private readonly key = this.settings.HUBSPOT_ID_PROPERTY;

  constructor(
    private readonly settings: HubSpotSettings,
    private readonly http: CrmHttp,
  ) {
    this.quota = new HubSpotQuota(http, this.url, () => this.headers());
  }

  async upsert(records: readonly CrmRecord[]): Promise<Verdict[]> {
    await this.check.passed();
    const { body } = await this.call(this.batch(records));
    return hubspotVerdicts(records, body, this.key);
  }

  async ping(): Promise<void> {
    await this.get(`/crm/v3/properties/contacts/${this.key}`);
  }

  /**
   * For good, where HubSpot's other way to delete keeps a contact to be restored. By HubSpot's own id: an e-mail address it does not know would
   * be put on a list of those it never takes again. The id we were told is for a contact that is not found by our property any more.
   */
  async erase(externalId: string, remoteId: string | null): Promise<Erased> {
    const objectId = (await this.idOf(externalId)) ?? remoteId;
    if (objectId !== null && (await this.isPurged(objectId))) return 'deleted';
    await this.check.passedNow();
    return 'absent';
  }

  async read(cursor: string | null, limit: number): Promise<CrmPage> {
    const query = new URLSearchParams({ limit: String(Math.min(limit, 100)), properties: this.names().join(',') });
    if (cursor !== null) query.set('after', cursor);
    const { body } = await this.get(`/crm/v3/objects/contacts?${query.toString()}`);
    const { results, paging } = (body ?? {}) as { results?: unknown; paging?: { next?: { after?: unknown } } };
    if (!Array.isArray(results)) throw meaningless();
    const records = (results as Contact[]).flatMap(({ id, properties = {} }) => {
      const externalId = properties[this.key];
      // A portal has contacts of its own beside those we made.
      return typeof externalId === 'string' && externalId !== ''
        ? [held(externalId, String(id), properties, this.mapping)]
        : [];
    });
    const after = paging?.next?.after;
    return { records, nextCursor: typeof after === 'string' || typeof after === 'number' ? String(after) : null };
  }

  batch(records: readonly CrmRecord[], token?: string): CrmCall {
    const inputs = records.map((record, index) => ({
      id: record.externalId,
      idProperty: this.key,
      objectWriteTraceId: String(index),
      properties: Object.fromEntries(
        Object.entries(mapped(record, this.mapping)).map(([name, value]) => [
          name,
          value === null ? '' : String(value),
        ]),
      ),
    }));
    return {
      method: 'POST',
      url: `${this.url}/crm/v3/objects/contacts/batch/upsert`,
      headers: this.headers(token),
      body: { inputs },
    };
  }

  private async described() {
    const [{ body }] = await Promise.all([this.get('/crm/v3/properties/contacts'), this.quota.learn()]);
    const { results } = (body ?? {}) as { results?: unknown };
    if (!Array.isArray(results)) throw meaningless();
    const properties = results as Property[];
    const fields = properties.map(({ name, type, modificationMetadata }) => ({
      name: String(name),
      type: String(type),
      writable: modificationMetadata?.readOnlyValue !== true,
    }));
    const faults = faultsAgainst(fields, this.names(), { crm: 'HubSpot', variable: 'HUBSPOT_PROPERTIES' });
    const key = properties.find(({ name }) => name === this.key);
    if (key !== undefined && key.hasUniqueValue !== true)
      faults.push(
        `HubSpot's property ${this.key} does not have unique values: make one that has, or change HUBSPOT_ID_PROPERTY`,
      );
    return { fields, faults };
  }

  private async idOf(externalId: string): Promise<string | null> {
    const found = await nullIfGone(
      this.get(`/crm/v3/objects/contacts/${encodeURIComponent(externalId)}?idProperty=${this.key}`),
    );
    if (found === null) return null;
    const { id } = (found.body ?? {}) as Contact;
    if (typeof id !== 'string' || id === '') throw meaningless();
    return id;
  }

  /** False when HubSpot has no such contact. */
  private async isPurged(objectId: string): Promise<boolean> {
    const url = `${this.url}/crm/v3/objects/contacts/gdpr-delete`;
    const purge: CrmCall = { method: 'POST', url, headers: this.headers(), body: { objectId } };
    return (await nullIfGone(this.call(purge))) !== null;
  }

  private names(): string[] {
    return [...new Set([this.key, ...this.mapping.map(({ field }) => field)])];
  }

  private get(path: string): Promise<CrmReply> {
    return this.call({ method: 'GET', url: `${this.url}${path}`, headers: this.headers() });
  }

  private async call(call: CrmCall): Promise<CrmReply> {
    const reply = await this.http.exchange(call);
    if (reply.status < 200 || reply.status >= 300) throw this.quota.refusal(reply);
    return readable(reply);
  }

  private headers(token = this.settings.HUBSPOT_ACCESS_TOKEN): Record<string, string> {
    return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  }
}

type Contact = { id?: unknown; properties?: Record<string, unknown> };
type Property = {
  name?: unknown;
  type?: unknown;
  hasUniqueValue?: unknown;
  modificationMetadata?: { readOnlyValue?: unknown };
};
