import { HttpService } from '@nestjs/axios';
import { Global, Logger, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Crms } from '../../modules/crm-sync/index.js';
import type { Crm } from '../../modules/crm-sync/index.js';
import { CrmHttp } from './crm-http.js';
import { CrmSettingsError } from './define-crm.js';
import type { CrmAdapter } from './define-crm.js';

export type CrmOptions = {
  readonly adapters: readonly CrmAdapter[];
  /** Ids of those that are on. */
  readonly enabled: readonly string[];
  /** Where each adapter finds its own settings. */
  readonly env: Readonly<Record<string, string | undefined>>;
};

@Global()
@Module({})
export class CrmModule {
  /** @throws CrmSettingsError at once, before anything is opened that would have to be closed again */
  static with(options: CrmOptions): DynamicModule {
    const crms = new EnabledCrms(options, new CrmHttp(new HttpService()));
    return { module: CrmModule, providers: [{ provide: Crms, useValue: crms }], exports: [Crms] };
  }
}

class EnabledCrms extends Crms implements OnApplicationBootstrap {
  private readonly logger = new Logger('crm');
  private readonly crms: readonly Crm[];

  constructor({ adapters, enabled, env }: CrmOptions, http: CrmHttp) {
    super();
    this.crms = enabled.map((id) => {
      const adapter = adapters.find((known) => known.id === id);
      if (adapter === undefined)
        throw new CrmSettingsError(
          `CRMS names ${id}; there are adapters for ${adapters.map((known) => known.id).join(', ')}`,
        );
      return adapter.open(env, http);
    });
  }

  /** Says in the log what a CRM lacks of what is mapped, before the first record meets it. A start does not wait for CRMs. */
  onApplicationBootstrap(): void {
    for (const crm of this.crms)
      crm.describe?.().catch((error: unknown) => {
        this.logger.warn('the mapping could not be checked yet', { crm: crm.id, code: errorCode(error) });
      });
  }

  all(): readonly Crm[] {
    return this.crms;
  }
}
