import { HttpModule, HttpService } from '@nestjs/axios';
import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
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
  static with(options: CrmOptions): DynamicModule {
    return {
      module: CrmModule,
      imports: [HttpModule],
      providers: [
        {
          provide: Crms,
          useFactory: (http: HttpService) => new EnabledCrms(options, new CrmHttp(http)),
          inject: [HttpService],
        },
      ],
      exports: [Crms],
    };
  }
}

class EnabledCrms extends Crms {
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

  all(): readonly Crm[] {
    return this.crms;
  }
}
