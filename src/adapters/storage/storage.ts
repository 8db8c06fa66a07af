import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { Clock, SystemClock } from '../../kernel/clock.js';
import type { ApiKeyUseStore } from '../../http/api-key-use.store.js';
import type { IdempotencyStore } from '../../http/idempotency.store.js';
import type { Gate } from '../../kernel/gate.js';
import type { Leases } from '../../kernel/leases.js';
import type { Outbox } from '../../kernel/outbox.js';
import type { UnitOfWork } from '../../kernel/unit-of-work.js';
import type { Vault } from '../../kernel/vault.js';
import type { AuditStore } from '../../modules/audit/index.js';
import type { CrmStore, ReconciliationStore } from '../../modules/crm-sync/index.js';
import type {
  AttachmentStore,
  ConsentStore,
  ErasureStore,
  GuestNews,
  GuestStore,
  MessageStore,
  SessionStore,
  WidgetTokenStore,
} from '../../modules/guest/index.js';
import type { MetricStore } from '../../modules/metrics/index.js';
import type { WebhookStore } from '../../modules/webhooks/index.js';
import { DataKeys } from './data-keys.js';
import type { DataKey } from './data-keys.js';
import { Database } from './database.js';
import type { Engine } from './database.js';
import { openEmbedded } from './embedded/embedded.engine.js';
import { GroupCommitter } from './group-committer.js';
import type { CommitterOptions } from './group-committer.js';
import { GuestWakers } from './guest-wakers.js';
import { migrate } from './migrations.js';
import { openPostgres } from './postgres.engine.js';
import { PostgresApiKeyUseStore } from './postgres-api-key-use.store.js';
import { PostgresAttachmentStore } from './postgres-attachment.store.js';
import { adoptRestoredEntries, PostgresAuditStore } from './postgres-audit.store.js';
import { PostgresConsentStore } from './postgres-consent.store.js';
import { PostgresCrmStore } from './postgres-crm.store.js';
import { PostgresErasureStore } from './postgres-erasure.store.js';
import { PostgresGate } from './postgres-gate.js';
import { PostgresGuestNews } from './postgres-guest-news.js';
import { PostgresGuestStore } from './postgres-guest.store.js';
import { PostgresIdempotencyStore } from './postgres-idempotency.store.js';
import { PostgresLeases } from './postgres-leases.js';
import { PostgresMessageStore } from './postgres-message.store.js';
import { PostgresMetricStore } from './postgres-metric.store.js';
import { PostgresOutbox } from './postgres-outbox.js';
import { PostgresReconciliationStore } from './postgres-reconciliation.store.js';
import { PostgresSessionStore } from './postgres-session.store.js';
import { PostgresVault } from './postgres-vault.js';
import { PostgresWebhookStore } from './postgres-webhook.store.js';
import { PostgresWidgetTokenStore } from './postgres-widget-token.store.js';
import { SubjectKeys } from './subject-keys.js';

export type StorageOptions = {
  /** Where the embedded database lives; not used when there is a `databaseUrl`. */
  readonly dataDir?: string;
  /** A PostgreSQL server instead of the embedded database. */
  readonly databaseUrl?: string;
  /** Newest first. */
  readonly dataKeys: readonly DataKey[];
  readonly clock?: Clock;
  readonly committer?: CommitterOptions;
};

/** Every port that storage answers, on one database. */
export type Storage = {
  readonly database: Database;
  readonly work: UnitOfWork;
  readonly outbox: Outbox;
  readonly vault: Vault;
  readonly leases: Leases;
  readonly gate: Gate;
  readonly guests: GuestStore;
  readonly sessions: SessionStore;
  readonly messages: MessageStore;
  readonly attachments: AttachmentStore;
  readonly consents: ConsentStore;
  readonly erasures: ErasureStore;
  readonly widgetTokens: WidgetTokenStore;
  readonly news: GuestNews;
  readonly audit: AuditStore;
  readonly metrics: MetricStore;
  readonly crm: CrmStore;
  readonly reconciliations: ReconciliationStore;
  readonly webhooks: WebhookStore;
  readonly idempotency: IdempotencyStore;
  readonly apiKeyUses: ApiKeyUseStore;
  /** Finishes what was begun, lets go of what this process holds, and leaves the database as after a clean shutdown. */
  close(): Promise<void>;
};

/**
 * Opens the database and brings it up to date.
 * @throws Error when it cannot be reached, is another process's, is ahead of this program, or was written under data keys that are not given
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const database = new Database(await openEngine(options));
  try {
    await migrate(database.engine.writes);
    await new DataKeys(options.dataKeys).prove(database);
    await adoptRestoredEntries(database);
    return storageOn(database, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function openEngine({ dataDir, databaseUrl }: StorageOptions): Promise<Engine> {
  if (databaseUrl !== undefined) return openPostgres({ url: databaseUrl });
  if (dataDir !== undefined) return openEmbedded({ dataDir });
  throw new Error('storage needs a dataDir or a databaseUrl');
}

/** The ports, on a database that is open and up to date. Each call is another process as far as leases are concerned. */
export function storageOn(
  database: Database,
  { dataKeys, clock = new SystemClock(), committer }: Omit<StorageOptions, 'dataDir' | 'databaseUrl'>,
): Storage {
  const holder = randomUUID();
  const work = new GroupCommitter(database, committer);
  const sessions = new PostgresSessionStore(work, clock, holder);
  const wakers = new GuestWakers(work);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    // If it fails, what this process holds runs out by itself.
    await sessions.letGo().catch((error: unknown) => new Logger('storage').warn('sessions not let go', { error }));
    await work.close();
    await database.close();
  };
  return {
    database,
    work,
    outbox: new PostgresOutbox(work, clock, holder),
    vault: new PostgresVault(new SubjectKeys(work, new DataKeys(dataKeys))),
    leases: new PostgresLeases(work, clock, holder),
    gate: new PostgresGate(work, clock),
    guests: new PostgresGuestStore(work, wakers),
    sessions,
    attachments: new PostgresAttachmentStore(work),
    consents: new PostgresConsentStore(work),
    erasures: new PostgresErasureStore(work),
    widgetTokens: new PostgresWidgetTokenStore(work),
    messages: new PostgresMessageStore(work, wakers),
    news: new PostgresGuestNews(work, wakers),
    audit: new PostgresAuditStore(work),
    metrics: new PostgresMetricStore(work),
    crm: new PostgresCrmStore(work, clock),
    reconciliations: new PostgresReconciliationStore(work, clock),
    webhooks: new PostgresWebhookStore(work, clock),
    idempotency: new PostgresIdempotencyStore(work),
    apiKeyUses: new PostgresApiKeyUseStore(work),
    close: () => (closing ??= close()),
  };
}
