import { IsNotEmpty, Matches } from 'class-validator';
import type { CrmField, CrmPage, CrmRecord, Erased, Verdict } from '../../modules/crm-sync/index.js';
import { meaningless, notTaken, nullIfGone } from './crm-failures.js';
import type { CrmHttp } from './crm-http.js';
import { defineCrm, IsHttpUrl } from './define-crm.js';
import { faultsAgainst, held, mapped, readMapping } from './field-mapping.js';
import { IsMapping } from './mapping-setting.js';
import { MappingCheck } from './mapping-check.js';
import { LOCKED, SalesforceSession } from './salesforce-session.js';

const NAME = { message: '$property must be an API name, as Guest__c' };

class SalesforceSettings {
  @IsHttpUrl() SALESFORCE_LOGIN_URL: string;
  @IsNotEmpty({ message: '$property is required' }) SALESFORCE_CLIENT_ID: string;
  @IsNotEmpty({ message: '$property is required' }) SALESFORCE_CLIENT_SECRET: string;
  @Matches(/^\d{2,3}\.0$/, { message: '$property must be a version of the REST API, as 62.0' })
  SALESFORCE_API_VERSION = '62.0';
  /** An object of its own by default: nothing people wrote into a Contact is overwritten, and it needs no name. */
  @Matches(/^[A-Za-z]\w{0,79}$/, NAME) SALESFORCE_OBJECT = 'Guest__c';
  @Matches(/^[A-Za-z]\w{0,79}$/, NAME) SALESFORCE_EXTERNAL_ID_FIELD = 'Guest_Id__c';
  @IsMapping()
  SALESFORCE_FIELDS =
    'Email_Hash__c:emailHash,Phone_Hash__c:phoneHash,Hash_Key__c:keyId,Marketing_Consent__c:consentFlags.marketing,' +
    'Data_Consent__c:consentFlags.dataProcessing,Last_Interaction__c:lastInteraction,Channel_Context__c:channelContext';
}

/** How many rows go together when the first time another transaction held their parent: fewer hold fewer locks. */
const LOCKED_AT_ONCE = 10;

/** Salesforce, by sObject Collections: upsert by an external id, at most 200 records of one object, results in the order of the request. */
export const salesforce = defineCrm({
  id: 'salesforce',
  settings: SalesforceSettings,
  chunkSize: 200,
  connect: (settings, http) => {
    const org = new SalesforceOrg(settings, http);
    return {
      upsert: (records) => org.upsert(records),
      ping: () => org.ping(),
      erase: (externalId) => org.erase(externalId),
      describe: () => org.check.fields(),
      read: (cursor, limit) => org.read(cursor, limit),
      preview: (records) => org.preview(records),
    };
  },
});

class SalesforceOrg {
  readonly check = new MappingCheck('salesforce', () => this.described());
  private readonly session: SalesforceSession;
  private readonly mapping = readMapping(this.settings.SALESFORCE_FIELDS);
  private readonly base = `/services/data/v${this.settings.SALESFORCE_API_VERSION}`;
  private readonly loginUrl = this.settings.SALESFORCE_LOGIN_URL.replace(/\/+$/, '');
  private readonly object = this.settings.SALESFORCE_OBJECT;
  private readonly key = this.settings.SALESFORCE_EXTERNAL_ID_FIELD;

  constructor(
    private readonly settings: SalesforceSettings,
    http: CrmHttp,
  ) {
    const { SALESFORCE_CLIENT_ID: clientId, SALESFORCE_CLIENT_SECRET: clientSecret } = settings;
    this.session = new SalesforceSession(http, { loginUrl: this.loginUrl, clientId, clientSecret });
  }

  async upsert(records: readonly CrmRecord[]): Promise<Verdict[]> {
    await this.check.passed();
    const verdicts = new Map((await this.send(records)).map((verdict) => [verdict.index, verdict]));
    const locked = [...verdicts.values()].filter(isLocked).map(({ index }) => index);
    for (let at = 0; at < locked.length; at += LOCKED_AT_ONCE) {
      const part = locked.slice(at, at + LOCKED_AT_ONCE);
      const again = await this.send(part.map((index) => records[index]!)).catch(() => null);
      // What the first answer said of the others must not be lost; these are tried again later.
      if (again === null) break;
      for (const verdict of again) verdicts.set(part[verdict.index]!, { ...verdict, index: part[verdict.index]! });
    }
    return [...verdicts.values()];
  }

  async ping(): Promise<void> {
    await this.session.call({ method: 'GET', path: `${this.base}/limits` });
  }

  /** By the external id, which is there whether or not we were told Salesforce's own. */
  async erase(externalId: string): Promise<Erased> {
    const path = `${this.base}/sobjects/${this.object}/${this.key}/${encodeURIComponent(externalId)}`;
    if ((await nullIfGone(this.session.call({ method: 'DELETE', path }))) !== null) return 'deleted';
    // An object or a field that is not there, or is hidden from us, is the same 404 as a record that is not.
    await this.check.passedNow();
    return 'absent';
  }

  /** Page by page by the external id itself: a cursor of Salesforce's is gone after two days, and a resumed reading may be older. */
  async read(cursor: string | null, limit: number): Promise<CrmPage> {
    const fields = ['Id', this.key, ...this.mapping.map(({ field }) => field)];
    const from = cursor === null ? `${this.key} != null` : `${this.key} > '${soqlText(cursor)}'`;
    const soql = `SELECT ${[...new Set(fields)].join(', ')} FROM ${this.object} WHERE ${from} ORDER BY ${this.key} LIMIT ${limit}`;
    let path: string | null = `${this.base}/query?q=${encodeURIComponent(soql)}`;
    const rows: Record<string, unknown>[] = [];
    while (path !== null) {
      const { body } = await this.session.call({ method: 'GET', path });
      const answer = body as { records?: unknown; nextRecordsUrl?: unknown } | null | undefined;
      if (!Array.isArray(answer?.records)) throw meaningless();
      rows.push(...(answer.records as Record<string, unknown>[]));
      path = nextPath(answer.nextRecordsUrl);
    }
    const records = rows.map((row) => held(String(row[this.key]), String(row['Id']), row, this.mapping));
    return { records, nextCursor: records.length < limit ? null : records.at(-1)!.externalId };
  }

  preview(records: readonly CrmRecord[]) {
    const headers = { authorization: 'Bearer [redacted]', 'content-type': 'application/json' };
    return { ...this.request(records), url: `${this.loginUrl}${this.path()}`, headers };
  }

  private async described() {
    const { body } = await this.session.call({ method: 'GET', path: `${this.base}/sobjects/${this.object}/describe` });
    const listed = (body as { fields?: unknown } | null | undefined)?.fields;
    if (!Array.isArray(listed)) throw meaningless();
    const all = (listed as DescribedField[]).map(crmField);
    const names = [this.key, ...this.mapping.map(({ field }) => field)];
    const faults = faultsAgainst(all, names, { crm: `Salesforce's ${this.object}`, variable: 'SALESFORCE_FIELDS' });
    const key = (listed as DescribedField[]).find(({ name }) => name === this.key);
    if (key !== undefined && key.externalId !== true && key.idLookup !== true)
      faults.push(
        `Salesforce's field ${this.key} is not marked as External ID: mark it, or change SALESFORCE_EXTERNAL_ID_FIELD`,
      );
    return { fields: all, faults };
  }

  private async send(records: readonly CrmRecord[]): Promise<Verdict[]> {
    const { body } = await this.session.call({ ...this.request(records), path: this.path() });
    if (!Array.isArray(body)) throw meaningless();
    return records.flatMap((_, index) => verdictOf(index, (body as unknown[])[index]));
  }

  private path(): string {
    return `${this.base}/composite/sobjects/${this.object}/${this.key}`;
  }

  private request(records: readonly CrmRecord[]) {
    const rows = records.map((record) => ({
      attributes: { type: this.object },
      ...mapped(record, this.mapping),
      [this.key]: record.externalId,
    }));
    return { method: 'PATCH' as const, body: { allOrNone: false, records: rows } };
  }
}

type DescribedField = {
  name?: unknown;
  type?: unknown;
  createable?: unknown;
  updateable?: unknown;
  externalId?: unknown;
  idLookup?: unknown;
};

const crmField = ({ name, type, createable, updateable }: DescribedField): CrmField => ({
  name: String(name),
  type: String(type),
  writable: createable === true && updateable === true,
});

const isLocked = ({ status }: Verdict): boolean => status === 'retry';

/** Of one row: `{ id, success, created, errors: [{ statusCode, message, fields }] }`; some answers say `errorCode`. */
function verdictOf(index: number, result: unknown): Verdict[] {
  if (typeof result !== 'object' || result === null) return [];
  const { id, success, created, errors } = result as Record<string, unknown>;
  if (success === true) {
    const status = created === true ? 'created' : 'updated';
    return [typeof id === 'string' ? { index, status, remoteId: id } : { index, status }];
  }
  if (success !== false) return [];
  const [first] = (Array.isArray(errors) ? errors : []) as ({ statusCode?: unknown; errorCode?: unknown } | null)[];
  const code = first?.statusCode ?? first?.errorCode;
  return [notTaken(index, code === LOCKED ? 'retry' : 'refused', code)];
}

/** Within the org only: a path of the API, and no other address. */
const nextPath = (url: unknown): string | null =>
  typeof url === 'string' && /^\/services\/data\/v[\d.]+\/query\/[\w-]+$/.test(url) ? url : null;

const soqlText = (text: string): string => text.replace(/[\\']/g, (mark) => `\\${mark}`);
