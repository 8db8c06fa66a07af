import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import fc from 'fast-check';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { NoConversations } from '../../../test/builders/no-conversations.js';
import { SilentChannel } from '../../../test/builders/silent-channel.js';
import { trailOf as trail } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import type { Crm, CrmRecord, CrmSyncService } from '../crm-sync/index.js';
import { PURPOSES } from './consent.js';
import type { ConsentRecord, Decision, Purpose } from './consent.js';
import { ConsentStale } from './consent.errors.js';
import type { ConsentService } from './consent.service.js';
import type { WantedConsent } from './consent.service.js';
import { closed, linked } from './guest.js';
import type { Attributes, Consent, Guest } from './guest.js';
import type { GuestService } from './guest.service.js';
import type { HandOverService } from './hand-over.service.js';
import type { MessageService } from './message.service.js';
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
class Told extends SilentChannel {
  meanwhile: () => Promise<unknown> = async () => undefined;
  readonly opened: string[] = [];
  readonly left: string[] = [];
  readonly texts: string[] = [];
  override async upload() {
    return { url: null };
  }
  override async open({ guestId }: { readonly guestId: string }): Promise<void> {
    this.opened.push(guestId);
    await this.meanwhile();
  }
  override async send(_: unknown, { text }: OutgoingMessage) {
    this.texts.push(text);
    return { key: randomUUID() };
  }
  override async end(): Promise<'ended'> {
    return 'ended';
  }
  override async leave(guestId: string): Promise<void> {
    this.left.push(guestId);
  }
}

class ToldData extends NoConversations {
  readonly told: Attributes[] = [];
  override async setAttributes(_: string, __: string, attributes: Attributes): Promise<void> {
    this.told.push(attributes);
  }
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
  const services = guestServices(storage, { channel: genesys, conversations: data, crms: [crm] });
  ({ consents, guests, messages, crmSync, handOvers } = services);
}, 60_000);
afterAll(() => storage.close());
beforeEach(() => void (genesys.meanwhile = async () => undefined));

const aGuest = (consent: Partial<Consent> = {}): Promise<Guest> =>
  guests.create(
    wantedGuest({
      consent: { marketing: false, dataProcessing: true, ...consent },
      channelContext: { campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
    }),
  );
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
const trailOf = (id: string) => trail(storage, `guest:${id}`);

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
