import { validateSync } from 'class-validator';
import type { Crm } from '../../modules/crm-sync/index.js';
import type { CrmHttp } from './crm-http.js';

/** What one CRM needs from whoever writes its adapter. */
export type CrmDefinition<Settings extends object> = {
  /** As in `CRMS`. Stable: what was delivered is remembered under it. */
  readonly id: string;
  /** Environment variables of this CRM alone; read and validated only when `CRMS` includes it. */
  readonly settings: new () => Settings;
  /** Most records one call may carry. */
  readonly chunkSize: number;
  readonly connect: (settings: Settings, http: CrmHttp) => Pick<Crm, 'upsert' | 'ping'>;
};

export type CrmAdapter = {
  readonly id: string;
  /** @throws CrmSettingsError naming every variable that is missing or wrong, and no value */
  readonly open: (env: Readonly<Record<string, string | undefined>>, http: CrmHttp) => Crm;
};

export class CrmSettingsError extends Error {
  override readonly name = 'CrmSettingsError';
}

export function defineCrm<Settings extends object>(definition: CrmDefinition<Settings>): CrmAdapter {
  const { id, chunkSize } = definition;
  return {
    id,
    open: (env, http) => {
      const settings = Object.assign(new definition.settings(), env);
      const faults = validateSync(settings).flatMap((fault) => Object.values(fault.constraints ?? {}));
      if (faults.length > 0) throw new CrmSettingsError(`CRM ${id}: ${faults.join('; ')}`);
      return { id, chunkSize, ...definition.connect(settings, http) };
    },
  };
}
