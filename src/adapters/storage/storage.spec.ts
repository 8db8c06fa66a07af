import { Logger } from '@nestjs/common';
import { aGuest } from '../../../test/builders/guest.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { apiKeyUseStoreContract } from '../../http/api-key-use.store.contract.js';
import { gateContract } from '../../kernel/gate.contract.js';
import { leasesContract } from '../../kernel/leases.contract.js';
import { outboxContract } from '../../kernel/outbox.contract.js';
import { unitOfWorkContract } from '../../kernel/unit-of-work.contract.js';
import { vaultContract } from '../../kernel/vault.contract.js';
import type { Subject } from '../../modules/audit/index.js';
import { auditStoreContract } from '../../modules/audit/ports/audit.store.contract.js';
import { crmStoreContract } from '../../modules/crm-sync/ports/crm.store.contract.js';
import { attachmentStoreContract } from '../../modules/guest/ports/attachment.store.contract.js';
import { consentStoreContract } from '../../modules/guest/ports/consent.store.contract.js';
import { erasureStoreContract } from '../../modules/guest/ports/erasure.store.contract.js';
import { guestNewsContract } from '../../modules/guest/ports/guest-news.contract.js';
import { guestStoreContract } from '../../modules/guest/ports/guest.store.contract.js';
import { messageStoreContract } from '../../modules/guest/ports/message.store.contract.js';
import { sessionStoreContract } from '../../modules/guest/ports/session.store.contract.js';
import { widgetTokenStoreContract } from '../../modules/guest/ports/widget-token.store.contract.js';
import { metricStoreContract } from '../../modules/metrics/ports/metric.store.contract.js';
import { webhookStoreContract } from '../../modules/webhooks/ports/webhook.store.contract.js';
import type { Storage } from './storage.js';

// Some of these tests make storage log errors, rightly.
Logger.overrideLogger(false);

const engines =
  process.env['TEST_DATABASE_URL'] === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const);

describe.each(engines)('storage, %s', (engine) => {
  let one: TestStorage;
  /** Another process on the same database; where there can be only one, another holder in it. */
  let two: Storage;

  beforeAll(async () => {
    one = await openTestStorage(engine);
    two = await one.openAnother();
  }, 120_000);

  afterAll(async () => {
    await two.close();
    await one.close();
  });

  const close = async (): Promise<void> => undefined;
  const advance = (ms: number): void => one.clock.advance(ms);
  const now = (): Date => one.clock.now();

  describe('UnitOfWork', () =>
    unitOfWorkContract(async () => {
      const notes = (topic: string): Promise<string[]> =>
        one.audit
          .list({ subject: subjectOf(topic), limit: 500 })
          .then(({ items }) =>
            items.map(({ body }) => (JSON.parse(body) as { changes: { text: string } }).changes.text),
          );
      const subjectOf = (topic: string): Subject => `system:${topic}`;
      return {
        work: one.work,
        note: (topic, text) =>
          one.audit.append({
            subject: subjectOf(topic),
            event: 'AUDIT_READ',
            actor: 'test',
            at: now(),
            runId: null,
            changes: { text },
            sealed: null,
          }),
        notes,
        noteInvalid: () => one.metrics.append({ guestId: 'no uuid', type: 'created', at: now() }),
        close,
      };
    }));
  describe('Outbox', () =>
    outboxContract(async () => ({
      ...{ outbox: one.outbox, another: two.outbox, work: one.work, now, advance, close },
      async hold(guestId, ms) {
        if ((await one.sessions.find(guestId)) === null) await one.sessions.add({ guestId, sealedToken: 'v1.x' });
        await one.sessions.hold([guestId], ms);
      },
    })));
  describe('Vault', () => vaultContract(async () => ({ vault: one.vault, another: two.vault, work: one.work, close })));
  describe('Leases', () => leasesContract(async () => ({ leases: one.leases, others: two.leases, advance, close })));
  describe('Gate', () => gateContract(async () => ({ gate: one.gate, others: two.gate, advance, close })));
  describe('GuestStore', () =>
    guestStoreContract(async () => ({ store: one.guests, another: two.guests, work: one.work, close })));
  describe('SessionStore', () =>
    sessionStoreContract(async () => ({ store: one.sessions, another: two.sessions, work: one.work, advance, close })));
  describe('MessageStore', () =>
    messageStoreContract(async () => ({ store: one.messages, another: two.messages, work: one.work, close })));
  describe('AttachmentStore', () =>
    attachmentStoreContract(async () => ({
      ...{ store: one.attachments, another: two.attachments, work: one.work, close },
    })));
  describe('ConsentStore', () =>
    consentStoreContract(async () => ({ store: one.consents, another: two.consents, work: one.work, close })));
  describe('ErasureStore', () =>
    erasureStoreContract(async () => ({ store: one.erasures, another: two.erasures, work: one.work, close })));
  describe('WidgetTokenStore', () =>
    widgetTokenStoreContract(async () => ({
      store: one.widgetTokens,
      another: two.widgetTokens,
      guests: one.guests,
      work: one.work,
      close,
    })));
  describe('GuestNews', () =>
    guestNewsContract(async () => ({ ...one, another: two, aGuest, close }), engine === 'postgres'));
  describe('AuditStore', () =>
    auditStoreContract(async () => ({
      store: one.audit,
      work: one.work,
      another: { store: two.audit, work: two.work },
      close,
    })));
  apiKeyUseStoreContract(() => one.apiKeyUses);
  describe('MetricStore', () => metricStoreContract(async () => ({ store: one.metrics, work: one.work, close })));
  describe('CrmStore', () =>
    crmStoreContract(async () => ({ store: one.crm, another: two.crm, work: one.work, now, advance, close })));
  describe('WebhookStore', () =>
    webhookStoreContract(async () => ({
      store: one.webhooks,
      another: two.webhooks,
      work: one.work,
      now,
      advance,
      close,
    })));
});
