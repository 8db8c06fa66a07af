import { randomBytes, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AuditService } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import type { Crm, CrmRecord } from '../crm-sync/index.js';
import { IdentityService } from '../identity/index.js';
import { MetricsService } from '../metrics/index.js';
import { WebhooksService } from '../webhooks/index.js';
import { Listeners } from '../webhooks/listeners.js';
import { PURPOSES } from './consent.js';
import type { ConsentRecord, Decision, Purpose } from './consent.js';
import { ConsentStale } from './consent.errors.js';
import { ConsentService } from './consent.service.js';
import type { WantedConsent } from './consent.service.js';
import { AttachmentService } from './attachment.service.js';
import { ConversationService } from './conversation.service.js';
import { GuestChanges } from './guest.changes.js';
import { closed, linked } from './guest.js';
import type { Attributes, Consent, Guest } from './guest.js';
import { GuestService } from './guest.service.js';
import { HandOverService } from './hand-over.service.js';
import { MessageService } from './message.service.js';
import type { ConsentSource } from './ports/consent.source.js';
import { Conversations } from './ports/conversations.js';
import { GuestChannel } from './ports/guest-channel.js';
import type { OutgoingMessage } from './ports/guest-channel.js';

Logger.overrideLogger(false);

/** A CRM that takes everything. */
class Taking implements Crm {
  readonly id = 'taking';
  readonly chunkSize = 50;
  readonly held = new Map<string, CrmRecord>();
  async upsert(records: readonly CrmRecord[]) {
    for (const record of records) this.held.set(record.externalId, record);
    return records.map((_, index) => ({ index, status: 'updated' as const }));
  }
  async ping(): Promise<void> {}
}

/** Genesys as far as it can be told something; while it is reached, `meanwhile` happens. */
class Told extends GuestChannel {
  meanwhile: () => Promise<unknown> = async () => undefined;
  readonly opened: string[] = [];
  readonly left: string[] = [];
  readonly texts: string[] = [];
  listen(): void {}
  onTyping(): void {}
  types(): void {}
  fileRules() {
    return null;
  }
  async upload(): Promise<void> {}
  async open({ guestId }: { readonly guestId: string }): Promise<void> {
    this.opened.push(guestId);
    await this.meanwhile();
  }
  async send(_: unknown, { text }: OutgoingMessage): Promise<{ readonly key: string }> {
    this.texts.push(text);
    return { key: randomUUID() };
  }
  async end() {
    return 'ended' as const;
  }
  async leave(guestId: string): Promise<void> {
    this.left.push(guestId);
  }
  held(): string[] {
    return [];
  }
}

class ToldData extends Conversations {
  readonly told: Attributes[] = [];
  async ofMessage(): Promise<null> {
    return null;
  }
  async read(): Promise<null> {
    return null;
  }
  async setAttributes(_: string, __: string, attributes: Attributes): Promise<void> {
    this.told.push(attributes);
  }
  async disconnect(): Promise<void> {}
  async ping(): Promise<void> {}
}

let storage: TestStorage;
let consents: ConsentService;
let guests: GuestService;
let messages: MessageService;
let crmSync: CrmSyncService;
let handOvers: HandOverService;
const crm = new Taking();
const genesys = new Told();
const data = new ToldData();

beforeAll(async () => {
  storage = await openTestStorage();
  const { work, clock, vault, outbox } = storage;
  const settings = {
    deploymentId: 'd',
    environment: null,
    attributeNames: ['source'],
    personalDataInText: 'refuse' as const,
    widgetKeys: [randomBytes(32)],
    receiptKeys: [{ id: 'k1', seed: randomBytes(32) }],
  };
  const audit = new AuditService(storage.audit, vault, work, clock);
  const metrics = new MetricsService(storage.metrics, audit, work, clock);
  crmSync = new CrmSyncService(storage.crm, { all: () => [crm] }, audit, work, clock);
  const webhooks = new WebhooksService(storage.webhooks, new Listeners(), work, clock);
  const identities = new IdentityService({ keys: [{ id: 'k', secret: randomBytes(32) }], salt: null });
  const changes = new GuestChanges(
    ...([
      storage.guests,
      storage.consents,
      audit,
      metrics,
      crmSync,
      webhooks,
      outbox,
      genesys,
      work,
      settings,
    ] as const),
  );
  consents = new ConsentService(storage.guests, storage.consents, changes, audit, work, clock, settings);
  const declared: ConsentSource = { consentOf: (asking) => asking.declared };
  guests = new GuestService(
    ...([storage.guests, storage.sessions, identities, declared, changes, vault, work, clock, settings] as const),
  );
  messages = new MessageService(
    ...([storage.guests, storage.messages, storage.attachments, outbox, audit, vault, work, clock] as const),
  );
  const told = new ConversationService(
    ...([storage.guests, storage.sessions, storage.messages, data, changes] as const),
    ...([outbox, vault, work, clock, settings] as const),
  );
  const files = new AttachmentService(
    ...([storage.guests, storage.attachments, genesys, outbox, audit, vault, work, clock] as const),
  );
  handOvers = new HandOverService(
    ...([storage.guests, storage.sessions, storage.messages, messages, files, genesys, data] as const),
    ...([told, metrics, vault, clock] as const),
  );
}, 60_000);
afterAll(() => storage.close());
beforeEach(() => void (genesys.meanwhile = async () => undefined));

const aGuest = (consent: Partial<Consent> = {}): Promise<Guest> =>
  guests.create({
    mode: 'server',
    consent: { marketing: false, dataProcessing: true, ...consent },
    channelContext: { campaignId: 'WINTER-2024' },
    attributes: { source: 'website' },
  });
const said = (purpose: Purpose, decision: Decision, parts: Partial<WantedConsent> = {}): WantedConsent => ({
  purpose,
  decision,
  noticeVersion: null,
  method: 'form',
  ...parts,
});
const recordsOf = async (id: string): Promise<readonly ConsentRecord[]> =>
  (await consents.list(id, undefined, 500)).items;
const inSeconds = (seconds: number): Date => new Date(storage.clock.now().getTime() + seconds * 1_000);
const withdraw = (id: string) => consents.record(id, said('dataProcessing', 'withdrawn'));
const trailOf = async (id: string) =>
  (await storage.audit.list({ subject: `guest:${id}`, limit: 100 })).items.map(
    ({ body }) => JSON.parse(body) as { event: string; changes: Record<string, unknown> },
  );

describe('a decision', () => {
  it('changes the flag, the version and the trail in one go', async () => {
    const { id } = await aGuest();
    const record = await consents.record(id, said('marketing', 'granted', { noticeVersion: 'n1', at: inSeconds(0) }));
    expect(await guests.get(id)).toMatchObject({ version: 2, consent: { marketing: true, dataProcessing: true } });
    expect((await trailOf(id)).at(-1)).toMatchObject({
      event: 'CONSENT_RECORDED',
      changes: { version: 2, consentId: record.id, purpose: 'marketing', decision: 'granted', noticeVersion: 'n1' },
    });
  });

  it('that says what is known already is on record and in the trail too, and changes nothing', async () => {
    const { id } = await aGuest();
    await consents.record(id, said('dataProcessing', 'granted', { noticeVersion: 'n2' }));
    expect((await guests.get(id)).version).toBe(1);
    expect((await recordsOf(id)).map(({ noticeVersion }) => noticeVersion)).toEqual([null, 'n2']);
    expect((await trailOf(id)).map(({ event }) => event)).toEqual(['GUEST_CREATED', 'CONSENT_RECORDED']);
  });

  it('is on record when it comes by a flag, at creation or by a patch', async () => {
    const { id } = await aGuest({ marketing: true });
    await guests.patch(id, { consent: { marketing: false }, attributes: { source: 'x' } }, { type: 'any' });
    await guests.patch(id, { attributes: { source: 'y' } }, { type: 'any' });
    expect((await recordsOf(id)).map(({ purpose, decision, method }) => [purpose, decision, method])).toEqual([
      ['dataProcessing', 'granted', 'api'],
      ['marketing', 'granted', 'api'],
      ['marketing', 'withdrawn', 'api'],
    ]);
  });

  it('that is older than what stands is refused, and leaves nothing', async () => {
    const { id } = await aGuest();
    await expect(consents.record(id, said('marketing', 'granted', { at: inSeconds(-1) }))).rejects.toMatchObject({
      code: 'consent.stale',
      current: null,
    });
    const stands = await withdraw(id);
    const late = consents.record(id, said('dataProcessing', 'granted', { at: inSeconds(-1) }));
    const error = await late.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConsentStale);
    expect(error).toMatchObject({ kind: 'conflict', current: stands });
    expect((await guests.get(id)).consent.dataProcessing).toBe(false);
    expect(await recordsOf(id)).toHaveLength(2);
  });

  it('may come from a clock a little ahead, which does not silence whoever decides next', async () => {
    const { id } = await aGuest();
    const { at } = await consents.record(id, said('marketing', 'granted', { at: inSeconds(59) }));
    expect(at).toEqual(storage.clock.now());
    await guests.patch(id, { consent: { marketing: false } }, { type: 'any' });
    expect((await storage.consents.current(id, 'marketing'))!.decision).toBe('withdrawn');
    await expect(consents.record(id, said('marketing', 'granted', { at: inSeconds(61) }))).rejects.toMatchObject({
      kind: 'invalid',
      errors: [{ pointer: '/at', rule: 'notInFuture' }],
    });
  });

  it('comes after all that is known when nobody says when, also from an instance whose clock is behind', async () => {
    const { id } = await aGuest({ marketing: true });
    for (const again of [
      () => guests.patch(id, { consent: { marketing: false } }, { type: 'any' }),
      () => consents.record(id, said('marketing', 'withdrawn')),
    ]) {
      storage.clock.advance(10_000);
      await consents.record(id, said('marketing', 'granted'));
      await consents.record(id, said('marketing', 'granted'));
      storage.clock.advance(-5_000);
      await again();
      expect((await storage.consents.current(id, 'marketing'))!.decision).toBe('withdrawn');
      expect((await guests.get(id)).consent.marketing).toBe(false);
    }
  });

  it('takes no personal data for the name of a notice', async () => {
    const { id } = await aGuest();
    await expect(
      consents.record(id, said('marketing', 'granted', { noticeVersion: '650-555-1212' })),
    ).rejects.toMatchObject({ code: 'consent.invalid', errors: [{ pointer: '/noticeVersion' }] });
  });

  it('can be made after the session is over, as withdrawing must be, but not of an erased guest', async () => {
    const { id } = await aGuest();
    await storage.guests.update(id, (guest) => closed(guest, 'api', storage.clock.now()));
    await withdraw(id);
    expect(await guests.get(id)).toMatchObject({ state: 'closed', consent: { dataProcessing: false } });
    await storage.guests.update(id, (guest) => ({ ...guest, state: 'erased', version: guest.version + 1 }));
    await expect(withdraw(id)).rejects.toMatchObject({ code: 'guest.closed' });
  });

  it('of a guest nobody knows is refused', async () => {
    await expect(withdraw(randomUUID())).rejects.toMatchObject({ code: 'guest.not_found' });
    await expect(consents.list(randomUUID(), undefined, 1)).rejects.toMatchObject({ code: 'guest.not_found' });
    const { id } = await aGuest();
    await expect(consents.receipt(id, randomUUID())).rejects.toMatchObject({ code: 'consent.not_found' });
  });

  it('is what the flags say, whatever was decided by whom and in which order', async () => {
    const step = fc.record({
      how: fc.constantFrom('record', 'patch'),
      purpose: fc.constantFrom(...PURPOSES),
      isLive: fc.boolean(),
      at: fc.option(fc.integer({ min: -5, max: 50 }), { nil: undefined }),
      // Another instance's clock may be behind.
      pause: fc.integer({ min: -3, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const { id } = await aGuest();
        for (const { how, purpose, isLive, at, pause } of steps) {
          storage.clock.advance(pause * 1_000);
          if (how === 'patch') await guests.patch(id, { consent: { [purpose]: isLive } }, { type: 'any' });
          else
            await consents
              .record(
                id,
                said(purpose, isLive ? 'granted' : 'withdrawn', at === undefined ? {} : { at: inSeconds(at) }),
              )
              .catch((error: unknown) => expect(error).toBeInstanceOf(ConsentStale));
          const { consent } = await guests.get(id);
          for (const one of PURPOSES)
            expect([one, (await storage.consents.current(id, one))?.decision === 'granted']).toEqual([
              one,
              consent[one],
            ]);
        }
      }),
      { numRuns: 25 },
    );
  }, 30_000);

  it('is what the flags say when many decide at once', async () => {
    const { id } = await aGuest();
    await Promise.allSettled(
      Array.from({ length: 30 }, (_, n) =>
        n % 3 === 0
          ? guests.patch(id, { consent: { marketing: n % 2 === 0 } }, { type: 'any' })
          : consents.record(id, said('marketing', n % 2 === 0 ? 'granted' : 'withdrawn', { at: inSeconds(-(n % 2)) })),
      ),
    );
    const [{ consent }, stands] = [await guests.get(id), await storage.consents.current(id, 'marketing')];
    expect(stands?.decision === 'granted').toBe(consent.marketing);
  });
});

describe('withdrawing consent to data processing', () => {
  it('stops what waits for a CRM, and giving it again sends the newest state', async () => {
    const { id } = await aGuest();
    await withdraw(id);
    await crmSync.drain();
    expect(crm.held.has(id)).toBe(false);
    await consents.record(id, said('dataProcessing', 'granted'));
    await crmSync.drain();
    expect(crm.held.get(id)).toMatchObject({ consentFlags: { dataProcessing: true } });
  });

  it('stops the hand-over that waits: no session is begun', async () => {
    const { id } = await aGuest();
    await withdraw(id);
    await handOvers.handOver(id, 1);
    expect(genesys.opened).not.toContain(id);
    expect(genesys.left).toContain(id);
  });

  it('stops messages that wait, and those whose session was just being opened', async () => {
    for (const moment of ['before', 'meanwhile'] as const) {
      const { id } = await aGuest();
      const { id: messageId } = await messages.send(id, `a secret, ${moment}`);
      if (moment === 'before') await withdraw(id);
      else genesys.meanwhile = () => withdraw(id);
      await handOvers.send(id, messageId, 1);
      expect((await storage.messages.find(id, messageId))!.status).toBe('failed');
      if (moment === 'meanwhile') expect(genesys.left).toContain(id);
      await expect(messages.send(id, 'more')).rejects.toMatchObject({ kind: 'forbidden', code: 'consent.required' });
    }
    expect(genesys.texts).toEqual([]);
  });

  it('stops attributes and measures from being told, also when it comes while the session is opened', async () => {
    const { id } = await aGuest();
    const link = { id: randomUUID(), participantId: 'p' };
    await storage.guests.update(id, (guest) => linked(guest, link, storage.clock.now()));
    await handOvers.handOver(id, 1);
    expect(data.told).toEqual([expect.objectContaining({ guestSessionId: id, source: 'website' })]);
    await guests.patch(id, { attributes: { source: 'secret' } }, { type: 'any' });
    await storage.guests.update(id, (guest) => ({ ...guest, state: 'created', version: guest.version + 1 }));
    genesys.meanwhile = () => withdraw(id);
    await handOvers.handOver(id, 1);
    expect(genesys.opened).toContain(id);
    expect(data.told).toHaveLength(1);
  });
});
