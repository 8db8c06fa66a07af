import { DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { Clock } from '../kernel/clock.js';
import { Denials } from './access-log.js';
import { ApiKeyUseStore } from './api-key-use.store.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeysJobs } from './api-keys.jobs.js';
import { ApiKeys } from './api-keys.js';
import type { ApiKey } from './api-keys.js';
import { AuthGuard } from './auth.guard.js';
import { AnyOf, Callers } from './callers.js';
import { Idempotency } from './idempotency.js';
import { IdempotencyRetention } from './idempotency.retention.js';
import { Quotas } from './quotas.js';
import { RequestGuard } from './request.guard.js';
import { ScrapeController } from './scrape.controller.js';
import { Scrape } from './scrape.js';
import { Signatures, SigningSecrets } from './signatures.js';
import { WidgetCallers, WidgetTokens } from './widget-tokens.js';

/** Who may call, and how often. */
export type Access = {
  readonly apiKeys: readonly ApiKey[];
  /** Who else may know a token. */
  readonly callers?: readonly Callers[];
  /** Requests a minute; null for as many as anybody likes. */
  readonly rateLimit: number | null;
  /** Of those who sign what they send us; nobody's when absent. */
  readonly signingSecrets?: readonly string[];
};

/**
 * Authentication and idempotency for every controller. `AccessLog`, `WidgetTokens`, `IdempotencyStore`, `ApiKeyUseStore`, `Measures` and the kernel's ports come from
 * whoever provides them globally. What belongs to the server rather than to a module is in `configureHttp`.
 */
@Module({})
export class HttpModule {
  static with({ apiKeys, callers = [], rateLimit, signingSecrets = [] }: Access): DynamicModule {
    return {
      module: HttpModule,
      imports: [DiscoveryModule],
      controllers: [ApiKeysController, ScrapeController],
      providers: [
        {
          provide: ApiKeys,
          inject: [ApiKeyUseStore, Clock],
          useFactory: (uses: ApiKeyUseStore, clock: Clock) => new ApiKeys(apiKeys, uses, clock),
        },
        ApiKeysJobs,
        {
          provide: Callers,
          inject: [ApiKeys, WidgetTokens],
          useFactory: (keys: ApiKeys, tokens: WidgetTokens) => new AnyOf([keys, new WidgetCallers(tokens), ...callers]),
        },
        { provide: Quotas, useFactory: (clock: Clock) => new Quotas(rateLimit, clock), inject: [Clock] },
        { provide: SigningSecrets, useValue: { secrets: signingSecrets } satisfies SigningSecrets },
        Signatures,
        Denials,
        Idempotency,
        IdempotencyRetention,
        Scrape,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_GUARD, useClass: RequestGuard },
      ],
      exports: [Callers, Idempotency],
    };
  }
}
