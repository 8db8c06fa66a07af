import { Global, Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationShutdown, Provider } from '@nestjs/common';
import { IdempotencyStore } from '../../http/idempotency.store.js';
import { Leases } from '../../kernel/leases.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { Vault } from '../../kernel/vault.js';
import { AuditStore } from '../../modules/audit/index.js';
import { CrmStore } from '../../modules/crm-sync/index.js';
import { GuestStore, MessageStore, SessionStore } from '../../modules/guest/index.js';
import { MetricStore } from '../../modules/metrics/index.js';
import { Database } from './database.js';
import { openStorage } from './storage.js';
import type { Storage, StorageOptions } from './storage.js';

const STORAGE = Symbol('Storage');

const port = (token: Provider & object, of: (storage: Storage) => unknown): Provider =>
  ({ provide: token, useFactory: of, inject: [STORAGE] }) as Provider;

const PORTS: readonly Provider[] = [
  port(Database, (storage) => storage.database),
  port(UnitOfWork as never, (storage) => storage.work),
  port(Outbox as never, (storage) => storage.outbox),
  port(Vault as never, (storage) => storage.vault),
  port(Leases as never, (storage) => storage.leases),
  port(GuestStore as never, (storage) => storage.guests),
  port(SessionStore as never, (storage) => storage.sessions),
  port(MessageStore as never, (storage) => storage.messages),
  port(AuditStore as never, (storage) => storage.audit),
  port(MetricStore as never, (storage) => storage.metrics),
  port(CrmStore as never, (storage) => storage.crm),
  port(IdempotencyStore as never, (storage) => storage.idempotency),
];

/** Everything that is kept, on the embedded database or on a PostgreSQL. The clock is an argument; this module provides none. */
@Global()
@Module({})
export class StorageModule implements OnApplicationShutdown {
  static with(options: StorageOptions): DynamicModule {
    return {
      module: StorageModule,
      providers: [{ provide: STORAGE, useFactory: () => openStorage(options) }, ...PORTS],
      exports: PORTS.map((provider) => (provider as { provide: symbol }).provide),
    };
  }

  constructor(@Inject(STORAGE) private readonly storage: Storage) {}

  async onApplicationShutdown(): Promise<void> {
    await this.storage.close();
  }
}
