import { randomBytes } from 'node:crypto';
import { DeclaredConsent } from '../../src/adapters/consent/declared-consent.js';
import { AuditService } from '../../src/modules/audit/audit.service.js';
import type { Crm } from '../../src/modules/crm-sync/ports/crm.js';
import { CrmSyncService } from '../../src/modules/crm-sync/crm-sync.service.js';
import { AttachmentService } from '../../src/modules/guest/attachment.service.js';
import { ConsentService } from '../../src/modules/guest/consent.service.js';
import { ConversationService } from '../../src/modules/guest/conversation.service.js';
import { ErasurePlaces } from '../../src/modules/guest/erasure-places.service.js';
import { ErasureService } from '../../src/modules/guest/erasure.service.js';
import { GuestChanges } from '../../src/modules/guest/guest.changes.js';
import { GuestRemoval } from '../../src/modules/guest/guest-removal.service.js';
import { GuestService } from '../../src/modules/guest/guest.service.js';
import type { GuestSettings } from '../../src/modules/guest/guest.settings.js';
import { HandOverService } from '../../src/modules/guest/hand-over.service.js';
import { MessageService } from '../../src/modules/guest/message.service.js';
import type { Conversations } from '../../src/modules/guest/ports/conversations.js';
import type { DataSubjectRequests } from '../../src/modules/guest/ports/data-subject-requests.js';
import type { GuestChannel } from '../../src/modules/guest/ports/guest-channel.js';
import { IdentityService } from '../../src/modules/identity/identity.service.js';
import { MetricsService } from '../../src/modules/metrics/metrics.service.js';
import { Listeners } from '../../src/modules/webhooks/listeners.js';
import { WebhooksService } from '../../src/modules/webhooks/webhooks.service.js';
import type { ProcessStorage } from '../storage/test-storage.js';
import { NoConversations } from './no-conversations.js';
import { PromptRequests } from './prompt-requests.js';
import { SilentChannel } from './silent-channel.js';

const KEY = randomBytes(32);

const SETTINGS: GuestSettings = {
  deploymentId: 'd',
  environment: null,
  attributeNames: ['source'],
  personalDataInText: 'refuse',
  afterReadOnly: 'new-conversation',
  widgetKeys: [KEY],
  receiptKeys: [{ id: 'k', seed: KEY }],
};

/** What is around the services of a process: nobody, unless said otherwise. */
export type Around = {
  readonly channel?: GuestChannel;
  readonly conversations?: Conversations;
  readonly requests?: DataSubjectRequests;
  readonly crms?: readonly Crm[];
  readonly attributeNames?: readonly string[];
};

/** The services of guests as one process has them on its storage, with all they call. Processes share their keys. */
export function guestServices(
  storage: ProcessStorage,
  {
    channel = new SilentChannel(),
    conversations = new NoConversations(),
    requests = new PromptRequests(),
    crms = [],
    ...names
  }: Around = {},
) {
  const { work, clock, vault, outbox } = storage;
  const settings = { ...SETTINGS, ...names };
  const audit = new AuditService(storage.audit, vault, work, clock);
  const metrics = new MetricsService(storage.metrics, audit, work, clock);
  const crmSync = new CrmSyncService(storage.crm, { all: () => crms }, audit, work, clock);
  const webhooks = new WebhooksService(storage.webhooks, new Listeners(), work, clock);
  const identities = new IdentityService({ keys: [{ id: 'k', secret: KEY }], salt: null });
  const changes = new GuestChanges(
    ...([storage.guests, storage.consents, audit, metrics, crmSync, webhooks, outbox] as const),
    ...([channel, work, settings] as const),
  );
  const guests = new GuestService(
    ...([storage.guests, storage.sessions, identities, new DeclaredConsent(), changes] as const),
    ...([vault, work, clock, settings] as const),
  );
  const consents = new ConsentService(storage.guests, storage.consents, changes, audit, work, clock, settings);
  const messages = new MessageService(
    ...([storage.guests, storage.messages, storage.attachments, outbox, audit, vault, work, clock] as const),
  );
  const attachments = new AttachmentService(
    ...([storage.guests, storage.attachments, channel, outbox, audit, vault, work, clock] as const),
  );
  const told = new ConversationService(
    ...([storage.guests, storage.sessions, storage.messages, storage.attachments, conversations] as const),
    ...([changes, outbox, vault, work, clock, settings] as const),
  );
  const handOvers = new HandOverService(
    ...([storage.guests, storage.sessions, storage.messages, messages, attachments, channel] as const),
    ...([conversations, told, metrics, vault, clock, settings] as const),
  );
  const removal = new GuestRemoval(
    ...([storage.guests, storage.sessions, storage.messages, storage.attachments, storage.widgetTokens] as const),
    ...([metrics, crmSync, webhooks, changes, outbox, vault, clock] as const),
  );
  const erasures = new ErasureService(
    ...([storage.guests, storage.erasures, channel, changes, removal] as const),
    ...([crmSync, outbox, audit, work, clock] as const),
  );
  const erasurePlaces = new ErasurePlaces(
    ...([storage.erasures, conversations, requests, crmSync, outbox, audit, work, clock] as const),
  );
  return {
    ...{ settings, audit, metrics, crmSync, webhooks, changes, removal },
    ...{ guests, consents, messages, attachments, told, handOvers, erasures, erasurePlaces },
  };
}

export type GuestServices = ReturnType<typeof guestServices>;
