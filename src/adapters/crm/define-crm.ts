import { getMetadataStorage, IsUrl, validateSync } from 'class-validator';
import type { Crm, CrmRecord, Verdict } from '../../modules/crm-sync/index.js';
import type { CrmHttp } from './crm-http.js';

/** What one CRM needs from whoever writes its adapter. */
export type CrmDefinition<Settings extends object> = {
  /** As in `CRMS`. Stable: what was delivered is remembered under it. */
  readonly id: string;
  /** Environment variables of this CRM alone; read and validated only when `CRMS` includes it. */
  readonly settings: new () => Settings;
  /** Most records one call may carry. */
  readonly chunkSize: number;
  readonly connect: (settings: Settings, http: CrmHttp) => Omit<Crm, 'id' | 'chunkSize'>;
};

export type CrmAdapter = {
  readonly id: string;
  /** The names of the variables it reads. */
  readonly variables: readonly string[];
  /** @throws CrmSettingsError naming every variable that is missing or wrong, and no value */
  readonly open: (env: Readonly<Record<string, string | undefined>>, http: CrmHttp) => Crm;
};

/** A CRM that is on cannot be reached as it is set up. Names variables, never values. */
export class CrmSettingsError extends Error {
  override readonly name = 'CrmSettingsError';
}

/** Makes of what a CRM needs, and how it answers, an adapter that reads its own settings. No call names one record twice. */
export function defineCrm<Settings extends object>(definition: CrmDefinition<Settings>): CrmAdapter {
  const { id, chunkSize } = definition;
  return {
    id,
    variables: variablesOf(definition.settings),
    open: (env, http) => {
      const settings = Object.assign(new definition.settings(), env);
      const faults = validateSync(settings).flatMap((fault) => Object.values(fault.constraints ?? {}));
      if (faults.length > 0) throw new CrmSettingsError(`CRM ${id}: ${faults.join('; ')}`);
      const connected = definition.connect(settings, http);
      return { id, chunkSize, ...connected, upsert: (records, key) => withoutTwins(records, key, connected.upsert) };
    },
  };
}

const variablesOf = (settings: new () => object): string[] => [
  ...new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(settings, '', true, false)
      .map(({ propertyName }) => propertyName),
  ),
];

/** A setting that is an address somewhere. */
export const IsHttpUrl = (): PropertyDecorator =>
  IsUrl(
    { require_tld: false, require_protocol: true, protocols: ['http', 'https'] },
    { message: '$property must be an http or https URL' },
  );

/** CRMs refuse a call that names one key twice, or take both in any order: of twins only the last goes, and its verdict is both's. */
async function withoutTwins(records: readonly CrmRecord[], key: string, upsert: Crm['upsert']): Promise<Verdict[]> {
  const last = new Map(records.map((record) => [record.externalId, record]));
  if (last.size === records.length) return upsert(records, key);
  const verdicts = await upsert([...last.values()], key);
  const places = new Map([...last.keys()].map((externalId, index) => [externalId, index]));
  return records.flatMap(({ externalId }, index) => {
    const verdict = verdicts.find((each) => each.index === places.get(externalId));
    return verdict === undefined ? [] : [{ ...verdict, index }];
  });
}
