import { randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import type { Storage } from '../../adapters/storage/storage.js';
import { Courier } from '../../kernel/courier.js';
import { AuditService } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { IdentityService } from '../identity/index.js';
import { MetricsService } from '../metrics/index.js';
import { WebhooksService } from '../webhooks/index.js';
import { Listeners } from '../webhooks/listeners.js';
import { AttachmentService } from './attachment.service.js';
import { ConversationService } from './conversation.service.js';
import { GuestChanges, HAND_OVER } from './guest.changes.js';
import { GuestService } from './guest.service.js';
import { HandOverService, HOLD_MS } from './hand-over.service.js';
import { MessageService, SEND } from './message.service.js';
import { Conversations } from './ports/conversations.js';
import { GuestChannel } from './ports/guest-channel.js';
import type { ChannelSession, OutgoingMessage } from './ports/guest-channel.js';

Logger.overrideLogger(false);

/** Sockets that open at once. */
class Sockets extends GuestChannel {
  readonly tokens = new Map<string, string>();
  readonly sent: string[] = [];

  listen(): void {}
  onTyping(): void {}
  types(): void {}
  fileRules() {
    return null;
  }
  async upload(): Promise<void> {}
  async open({ guestId, token }: ChannelSession): Promise<void> {
    this.tokens.set(guestId, token);
  }
  async send(_session: ChannelSession, { text }: OutgoingMessage): Promise<{ readonly key: string }> {
    this.sent.push(text);
    return { key: `key of ${text}` };
  }
  async end(): Promise<'ended'> {
    return 'ended';
  }
  async leave(guestId: string): Promise<void> {
    this.tokens.delete(guestId);
  }
  held(): string[] {
    return [...this.tokens.keys()];
  }
}

class NoConversations extends Conversations {
  async ofMessage(): Promise<null> {
    return null;
  }
  async read(): Promise<null> {
    return null;
  }
  async setAttributes(): Promise<void> {}
  async disconnect(): Promise<void> {}
  async ping(): Promise<void> {}
}

const settings = {
  deploymentId: 'd',
  environment: null,
  attributeNames: [],
  personalDataInText: 'refuse' as const,
  widgetKeys: [randomBytes(32)],
  receiptKeys: [{ id: 'k', seed: randomBytes(32) }],
};
const identities = new IdentityService({ keys: [{ id: 'k', secret: randomBytes(32) }], salt: null });

/** Everything that brings guests to Genesys, as one process has it. */
function processOn(storage: Storage, clock: TestStorage['clock']) {
  const { work, vault, outbox } = storage;
  const sockets = new Sockets();
  const conversations = new NoConversations();
  const audit = new AuditService(storage.audit, vault, work, clock);
  const metrics = new MetricsService(storage.metrics, audit, work, clock);
  const crmSync = new CrmSyncService(storage.crm, { all: () => [] }, audit, work, clock);
  const webhooks = new WebhooksService(storage.webhooks, new Listeners(), work, clock);
  const changes = new GuestChanges(
    ...([
      storage.guests,
      storage.consents,
      audit,
      metrics,
      crmSync,
      webhooks,
      outbox,
      sockets,
      work,
      settings,
    ] as const),
  );
  const consents = {
    consentOf: ({ declared }: { declared: { marketing: boolean; dataProcessing: boolean } }) => declared,
  };
  const guests = new GuestService(
    ...([storage.guests, storage.sessions, identities, consents, changes, vault, work, clock, settings] as const),
  );
  const messages = new MessageService(
    ...([storage.guests, storage.messages, storage.attachments, outbox, audit, vault, work, clock] as const),
  );
  const told = new ConversationService(
    ...([storage.guests, storage.sessions, storage.messages, conversations, changes, outbox, vault] as const),
    ...([work, clock, settings] as const),
  );
  const files = new AttachmentService(
    ...([storage.guests, storage.attachments, sockets, outbox, audit, vault, work, clock] as const),
  );
  const handOvers = new HandOverService(
    ...([storage.guests, storage.sessions, storage.messages, messages, files, sockets, conversations, told] as const),
    ...([metrics, vault, clock] as const),
  );
  const courier = new Courier(outbox, clock);
  const deliver = async (): Promise<void> => {
    await courier.drain({
      ...{ topic: HAND_OVER, by: 'holder', concurrency: 8 },
      deliver: ({ subject, attempt }) => handOvers.handOver(subject, attempt),
    });
    await courier.drain({
      ...{ topic: SEND, by: 'holder', concurrency: 8 },
      deliver: ({ subject, payload, attempt }) => handOvers.send(subject, payload['messageId']!, attempt),
    });
  };
  return { guests, messages, handOvers, sockets, deliver };
}

describe('a guest whose socket one of two processes holds', () => {
  let storage: TestStorage;
  let one: ReturnType<typeof processOn>;
  let two: ReturnType<typeof processOn>;

  beforeAll(async () => {
    storage = await openTestStorage();
    one = processOn(storage, storage.clock);
    two = processOn(await storage.openAnother(), storage.clock);
  }, 60_000);
  afterAll(() => storage.close());

  const aGuestOfOne = async (): Promise<string> => {
    const { id } = await one.guests.create({
      ...{ mode: 'server', channelContext: {}, attributes: {} },
      consent: { marketing: false, dataProcessing: true },
    });
    await one.deliver();
    expect(one.sockets.held()).toContain(id);
    return id;
  };

  it('has its messages sent there, whichever process took them, and no second socket', async () => {
    const id = await aGuestOfOne();
    await two.messages.send(id, 'asked of two');
    await two.deliver();
    expect(two.sockets.held()).not.toContain(id);
    await one.deliver();
    expect(one.sockets.sent).toContain('asked of two');
    expect(two.sockets.sent).toEqual([]);
  });

  it('is refused for a while to a process that tries all the same', async () => {
    const id = await aGuestOfOne();
    await expect(two.handOvers.handOver(id, 1)).rejects.toMatchObject({
      kind: 'unavailable',
      code: 'guest.held_elsewhere',
    });
    await two.guests.close(id, { type: 'any' });
    await expect(two.handOvers.handOver(id, 1)).rejects.toMatchObject({ code: 'guest.held_elsewhere' });
    expect(two.sockets.held()).not.toContain(id);
  });

  it('is taken over with its own token when its holder was silent for too long; the holder lets go when it is back', async () => {
    const id = await aGuestOfOne();
    const token = one.sockets.tokens.get(id);
    await two.handOvers.takeOver();
    expect(two.sockets.held()).not.toContain(id);
    storage.clock.advance(HOLD_MS);
    await two.handOvers.takeOver();
    expect(two.sockets.tokens.get(id)).toBe(token);
    await one.handOvers.keepSockets();
    expect(one.sockets.held()).not.toContain(id);
    await one.messages.send(id, 'asked of one');
    await one.deliver();
    await two.deliver();
    expect(two.sockets.sent).toContain('asked of one');
  });

  it('is kept for as long as its holder says so, and left when the session is over by what the other was told', async () => {
    const id = await aGuestOfOne();
    for (let times = 0; times < 3; times++) {
      storage.clock.advance(HOLD_MS - 1);
      await one.handOvers.keepSockets();
      await two.handOvers.takeOver();
    }
    expect([one.sockets.held().includes(id), two.sockets.held().includes(id)]).toEqual([true, false]);
    await storage.sessions.remove(id);
    await one.handOvers.keepSockets();
    expect(one.sockets.held()).not.toContain(id);
  });
});
