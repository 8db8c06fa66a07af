import { DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, DiscoveryModule } from '@nestjs/core';
import { Denials } from './access-log.js';
import { ApiKeys, Callers } from './api-keys.js';
import type { ApiKey } from './api-keys.js';
import { AuthGuard } from './auth.guard.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyRetention } from './idempotency.retention.js';

/**
 * Authentication and idempotency for every controller. `AccessLog`, `IdempotencyStore` and the kernel's ports come from
 * whoever provides them globally. What belongs to the server rather than to a module is in `configureHttp`.
 */
@Module({})
export class HttpModule {
  static with(apiKeys: readonly ApiKey[]): DynamicModule {
    return {
      module: HttpModule,
      imports: [DiscoveryModule],
      providers: [
        { provide: Callers, useValue: new ApiKeys(apiKeys) },
        Denials,
        IdempotencyRetention,
        { provide: APP_GUARD, useClass: AuthGuard },
        { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
      ],
      exports: [Callers],
    };
  }
}
