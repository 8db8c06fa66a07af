import { Global, Inject, Module } from '@nestjs/common';
import type { Abstract, DynamicModule, FactoryProvider, OnApplicationShutdown } from '@nestjs/common';
import { ApiKeyUseStore } from '../../http/api-key-use.store.js';
import { IdempotencyStore } from '../../http/idempotency.store.js';
import { Gate } from '../../kernel/gate.js';
import { Leases } from '../../kernel/leases.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { Vault } from '../../kernel/vault.js';
import { AuditStore } from '../../modules/audit/index.js';
import { CrmStore, ReconciliationStore } from '../../modules/crm-sync/index.js';
import {
  AttachmentStore,
  ConsentStore,
  ErasureStore,
  GuestNews,
  GuestStore,
  MessageStore,
  SessionStore,
  WidgetTokenStore,
} from '../../modules/guest/index.js';
import { MetricStore } from '../../modules/metrics/index.js';
import { WebhookStore } from '../../modules/webhooks/index.js';
import { Database } from './database.js';
import { openStorage } from './storage.js';
import type { Storage, StorageOptions } from './storage.js';

const STORAGE = Symbol('Storage');

const port = <Port>(token: Abstract<Port>, of: (storage: Storage) => Port): FactoryProvider<Port> => ({
  provide: token,
  useFactory: of,
  inject: [STORAGE],
});

const PORTS = [
  port(Database, (storage) => storage.database),
  port(UnitOfWork, (storage) => storage.work),
  port(Outbox, (storage) => storage.outbox),
  port(Vault, (storage) => storage.vault),
  port(Leases, (storage) => storage.leases),
  port(Gate, (storage) => storage.gate),
  port(GuestStore, (storage) => storage.guests),
  port(SessionStore, (storage) => storage.sessions),
  port(MessageStore, (storage) => storage.messages),
  port(AttachmentStore, (storage) => storage.attachments),
  port(ConsentStore, (storage) => storage.consents),
  port(ErasureStore, (storage) => storage.erasures),
  port(WidgetTokenStore, (storage) => storage.widgetTokens),
  port(GuestNews, (storage) => storage.news),
  port(AuditStore, (storage) => storage.audit),
  port(MetricStore, (storage) => storage.metrics),
  port(CrmStore, (storage) => storage.crm),
  port(ReconciliationStore, (storage) => storage.reconciliations),
  port(WebhookStore, (storage) => storage.webhooks),
  port(IdempotencyStore, (storage) => storage.idempotency),
  port(ApiKeyUseStore, (storage) => storage.apiKeyUses),
];

/** Everything that is kept, on the embedded database or on a PostgreSQL. The clock is an argument; this module provides none. */
@Global()
@Module({})
export class StorageModule implements OnApplicationShutdown {
  static with(options: StorageOptions): DynamicModule {
    return {
      module: StorageModule,
      providers: [{ provide: STORAGE, useFactory: () => openStorage(options) }, ...PORTS],
      exports: PORTS.map((provider) => provider.provide),
    };
  }

  constructor(@Inject(STORAGE) private readonly storage: Storage) {}

  async onApplicationShutdown(): Promise<void> {
    await this.storage.close();
  }
}
