import { Logger } from '@nestjs/common';
import { wantedGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { NoConversations } from '../../../test/builders/no-conversations.js';
import { PromptRequests } from '../../../test/builders/prompt-requests.js';
import { SilentChannel } from '../../../test/builders/silent-channel.js';
import { eventsOf, trailOf } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { Courier } from '../../kernel/courier.js';
import { withRunContext } from '../../kernel/run-context.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { checkChain } from '../audit/index.js';
import type { Crm, CrmRecord, Erased } from '../crm-sync/index.js';
import { ENDING_MS, stateOf } from './erasure.js';
import type { Erasure } from './erasure.js';
import { ErasureJobs } from './erasure.jobs.js';
import { ERASE, ERASE_PLACE, LINK, MARK } from './guest.intents.js';
import { closed, expired, linked, messageCounted, shown as seenAs } from './guest.js';
import { mayLeave } from './consent.js';
import type { Guest } from './guest.js';
import type { Condition } from './guest.condition.js';

Logger.overrideLogger(false);

const ANY: Condition = { type: 'any' };

/** A CRM that takes everything, and erases as `onErase` says. */
class Taking implements Crm {
  readonly chunkSize = 50;
  readonly held = new Map<string, CrmRecord>();
  readonly asked: [string, string | null][] = [];
  onErase: () => void = () => undefined;
  constructor(
    readonly id: string,
    readonly isErasedLast = false,
  ) {}
  async upsert(records: readonly CrmRecord[]) {
    for (const record of records) this.held.set(record.externalId, record);
    return records.map((_, index) => ({ index, status: 'updated' as const, remoteId: `r-${index}` }));
  }
  async erase(externalId: string, remoteId: string | null): Promise<Erased> {
    this.asked.push([externalId, remoteId]);
    this.onErase();
    return this.held.delete(externalId) ? 'deleted' : 'absent';
  }
  async ping(): Promise<void> {}
}

/** Genesys as far as conversations end and are put with contacts. */
class Contacts extends NoConversations {
  readonly ended: string[] = [];
  contactId: string | undefined = 'contact-2';
  ofMessages: string | null = null;
  override async ofMessage(): Promise<string | null> {
    return this.ofMessages;
  }
  override async disconnect(id?: string): Promise<void> {
    this.ended.push(id!);
  }
  override async read(id: string) {
    const contact = this.contactId === undefined ? {} : { contactId: this.contactId };
    return { id, ended: true, participantId: 'p', attributes: {}, messages: [], ...contact };
  }
}

let storage: TestStorage;
let crm: Taking;
let channel: SilentChannel;
let handless: Crm;
let genesys: Contacts;
let requests: PromptRequests;
let services: ReturnType<typeof guestServices>;
let crms: Crm[];

beforeAll(async () => void (storage = await openTestStorage()), 120_000);
// So that no test does what another has left to do.
afterEach(() => deliver());
beforeEach(() => {
  crm = new Taking('acme');
  handless = {
    id: 'old',
    chunkSize: 50,
    upsert: (records) => crm.upsert.call({ held: new Map() }, records),
    ping: async () => undefined,
  };
  crms = [crm];
  genesys = new Contacts();
  requests = new PromptRequests();
  channel = new SilentChannel();
  const around = { channel, conversations: genesys, requests };
  services = guestServices(storage, { ...around, crms });
});
afterAll(() => storage.close());

const aGuest = (): Promise<Guest> =>
  withRunContext({ id: 'r', actor: 'web', ipAddress: '192.0.2.7', userAgent: 'Browser/1' }, () =>
    services.guests.create(wantedGuest({ email: 'someone@example.com' })),
  );
const change = ({ id }: Guest, to: (known: Guest) => Guest): Promise<Guest> =>
  services.changes.change(id, to, () => ({ event: 'GUEST_UPDATED', changes: {} }));
/** Has a conversation, perhaps seen to be put with a contact; answers its id. */
const converse = async (guest: Guest, parts: { contactId?: string } = {}): Promise<string> => {
  const seen = { id: uuidv7(), participantId: 'p', ...parts };
  await change(guest, (known) => seenAs(linked(known, seen, storage.clock.now()), seen));
  return seen.id;
};
const end = (guest: Guest): Promise<Guest> => change(guest, (known) => closed(known, 'api', storage.clock.now()));
/** Whose CRM has heard of it, and who was closed after a conversation. */
const aPastGuest = async (contactId?: string): Promise<Guest> => {
  const guest = await aGuest();
  await converse(guest, contactId === undefined ? {} : { contactId });
  await services.crmSync.drain();
  return end(guest);
};
/** Whatever is due is delivered, as the jobs do. */
const deliver = async (): Promise<void> => {
  const runner = { run: async (_: string, work: () => Promise<void>) => work() };
  const jobs = new ErasureJobs(
    ...([storage.outbox, new Courier(storage.outbox, storage.clock), runner as never] as const),
    ...([services.erasures, services.erasurePlaces] as const),
  );
  await jobs.erase();
  await jobs.erasePlaces();
  storage.clock.advance(500);
  await jobs.erasePlaces();
};
const later = async (ms: number): Promise<void> => {
  storage.clock.advance(ms);
  await deliver();
};
const now = ({ id }: Erasure): Promise<Erasure> => services.erasures.get(id);
const shown = async (erasure: Erasure) => {
  const known = await now(erasure);
  return [stateOf(known), ...known.places.map(({ name, state, outcome, code }) => [name, state, outcome ?? code])];
};

describe('erasing a guest whose session is over', () => {
  it('keeps nothing of it here from then on, and of its trail what cannot be read any more', async () => {
    const guest = await aPastGuest();
    genesys.contactId = undefined;
    const erasure = await services.erasures.request(guest.id, ANY);
    expect(stateOf(erasure)).toBe('under-way');
    await expect(services.guests.get(guest.id)).rejects.toMatchObject({ code: 'guest.not_found' });
    expect(await services.metrics.current(guest.id)).toBeNull();
    expect(await storage.crm.standings('acme', [guest.id])).toEqual([]);
    const entries = (await storage.audit.list({ subject: `guest:${guest.id}`, limit: 500 })).items;
    expect(checkChain(`guest:${guest.id}`, entries)).toMatchObject({ ok: true });
    expect(await storage.vault.open(`guest:${guest.id}`, 'audit', entries[0]!.sealed!)).toBeNull();
    expect((await eventsOf(storage, `guest:${guest.id}`)).slice(-2)).toEqual(['ERASURE_REQUESTED', 'GUEST_ERASED']);
  });

  it('erases it in the CRMs that were sent something, and at Genesys, which takes its time', async () => {
    const guest = await aPastGuest('contact-1');
    requests.outcome = 'under-way';
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    expect(await shown(erasure)).toEqual(['under-way', ['crm/acme', 'done', 'deleted'], ['genesys', 'asked', null]]);
    expect([crm.asked.filter(([id]) => id === guest.id), crm.held.has(guest.id)]).toEqual([[[guest.id, 'r-0']], false]);
    expect(requests.contacts).toEqual(['contact-1', 'contact-2']);
    await later(3_600_000);
    expect((await shown(erasure))[0]).toBe('under-way');
    requests.outcome = 'erased';
    await later(3_600_000);
    expect(await shown(erasure)).toEqual(['erased', ['crm/acme', 'done', 'deleted'], ['genesys', 'done', 'erased']]);
    expect(requests.contacts).toHaveLength(2);
    const { places } = await now(erasure);
    const asked = [{ requestId: 'request-1' }, { requestId: 'request-2' }];
    expect(places).toMatchObject([{ remoteId: null }, { conversations: [], contacts: asked }]);
    const done = (await trailOf(storage, `guest:${guest.id}`)).filter(({ event }) => event === 'ERASURE_DONE');
    expect(done.map(({ changes }) => changes)).toEqual([
      { erasureId: erasure.id, place: 'crm/acme', outcome: 'deleted' },
      { erasureId: erasure.id, place: 'genesys', outcome: 'erased' },
    ]);
  });

  it('asks Genesys which contacts the conversations are put with now, besides those that were seen', async () => {
    const guest = await aGuest();
    await converse(guest, { contactId: 'contact-1' });
    await converse(guest);
    await end(guest);
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(10_000);
    expect(requests.contacts).toEqual(['contact-1', 'contact-2']);
    expect((await shown(erasure))[0]).toBe('erased');
  });

  it('has nowhere else to erase a guest that nobody else was told of', async () => {
    const guest = await aGuest();
    await services.consents.record(guest.id, {
      ...{ purpose: 'dataProcessing', decision: 'withdrawn', method: 'form', noticeVersion: null },
    } as never);
    await end(guest);
    const erasure = await services.erasures.request(guest.id, ANY);
    expect([stateOf(erasure), erasure.places]).toEqual(['erased', []]);
  });

  it('is one erasure, however often it is asked for, and none of a guest there is not', async () => {
    const guest = await aPastGuest();
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    expect((await services.erasures.request(guest.id, { type: 'version', versions: [999] })).id).toBe(erasure.id);
    await deliver();
    expect(crm.asked.filter(([id]) => id === guest.id)).toHaveLength(1);
    await expect(services.erasures.request(uuidv7(), ANY)).rejects.toMatchObject({ code: 'guest.not_found' });
    await expect(services.erasures.get(uuidv7())).rejects.toMatchObject({ code: 'erasure.not_found' });
  });

  it('changes nothing under a version that is not the current one', async () => {
    const guest = await aPastGuest();
    const stale = services.erasures.request(guest.id, { type: 'version', versions: [1] });
    await expect(stale).rejects.toMatchObject({ code: 'guest.version_mismatch' });
    expect(await storage.erasures.ofGuest(guest.id)).toBeNull();
    await expect(services.guests.get(guest.id)).resolves.toMatchObject({ version: guest.version });
  });
});

describe('erasing in other places', () => {
  it('asks Genesys before the CRM whose records it finds by, however long that takes, and waits for it with no other', async () => {
    const contacts = new Taking('contacts', true);
    crms.push(contacts);
    const guest = await aPastGuest();
    requests.fault = new AppError('unavailable', 'genesys.unavailable', 'No answer.');
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(3_600_000);
    expect(await shown(erasure)).toEqual([
      'under-way',
      ['crm/acme', 'done', 'deleted'],
      ['crm/contacts', 'waiting', 'erasure.genesys_first'],
      ['genesys', 'waiting', 'genesys.unavailable'],
    ]);
    requests.fault = null;
    await later(3_600_000);
    await later(3_600_000);
    expect((await shown(erasure))[0]).toBe('erased');
    requests.isOn = false;
    const other = await services.erasures.request((await aPastGuest()).id, ANY);
    await deliver();
    expect(await shown(other)).toEqual([
      'incomplete',
      ['crm/acme', 'done', 'deleted'],
      ['crm/contacts', 'waiting', 'erasure.genesys_first'],
      ['genesys', 'open', 'genesys.erasure_off'],
    ]);
    expect((await now(other)).places[2]).toMatchObject({ contacts: [{ id: 'contact-2' }] });
    await services.erasures.doneByHand(other.id, 'genesys');
    await deliver();
    expect((await shown(other))[0]).toBe('erased');
  });

  it('looks for a request whose answer was lost, and for none where none was made', async () => {
    const guest = await aPastGuest();
    requests.contacts.length = 0;
    requests.answerIsLost = true;
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    requests.answerIsLost = false;
    await later(10_000);
    await later(3_600_000);
    const [first, ...after] = requests.since;
    expect([first, after.length > 0, after.every((since) => since instanceof Date)]).toEqual([null, true, true]);
    expect((await shown(erasure))[0]).toBe('erased');
  });

  it('goes on while one of them cannot be reached, and says what keeps it', async () => {
    const guest = await aPastGuest();
    crm.onErase = () => {
      throw new AppError('unavailable', 'crm.silent', 'No answer.');
    };
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(10_000);
    expect(await shown(erasure)).toEqual([
      'under-way',
      ['crm/acme', 'waiting', 'crm.silent'],
      ['genesys', 'done', 'erased'],
    ]);
    crm.onErase = () => undefined;
    await later(10_000);
    expect(await shown(erasure)).toEqual(['erased', ['crm/acme', 'done', 'deleted'], ['genesys', 'done', 'erased']]);
  });

  it('leaves open what somebody has to see to, and tries it once more when asked again', async () => {
    const guest = await aPastGuest();
    crm.onErase = () => {
      throw new AppError('refused', 'crm.refused', 'No.');
    };
    genesys.contactId = undefined;
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    expect(await shown(erasure)).toEqual([
      ...['incomplete', ['crm/acme', 'open', 'crm.refused'], ['genesys', 'open', 'genesys.no_contact']],
    ]);
    crm.onErase = () => undefined;
    genesys.contactId = 'contact-3';
    expect(stateOf(await services.erasures.request(guest.id, ANY))).toBe('under-way');
    await deliver();
    await later(3_600_000);
    expect((await shown(erasure))[0]).toBe('erased');
    const again = await trailOf(storage, 'system:erasure');
    expect(again.at(-1)).toMatchObject({ event: 'ERASURE_REQUESTED', changes: { erasureId: erasure.id } });
  });

  it('leaves to people a CRM that is off or cannot erase, and Genesys where it is not to be asked, or does not permit it', async () => {
    crms.push(handless);
    const [first, second] = [await aPastGuest(), await aPastGuest()];
    crms.shift();
    requests.isOn = false;
    const erasure = await services.erasures.request(first.id, ANY);
    await deliver();
    expect(await shown(erasure)).toEqual([
      'incomplete',
      ['crm/acme', 'open', 'crm.not_found'],
      ['crm/old', 'open', 'crm.cannot_erase'],
      ['genesys', 'open', 'genesys.erasure_off'],
    ]);
    requests.isOn = true;
    requests.fault = new AppError('unavailable', 'genesys.forbidden', 'Not permitted.');
    const other = await services.erasures.request(second.id, ANY);
    await deliver();
    expect((await shown(other)).at(-1)).toEqual(['genesys', 'open', 'genesys.forbidden']);
  });

  it('takes the word of whoever has erased by hand, and tries nothing more there', async () => {
    genesys.contactId = undefined;
    const erasure = await services.erasures.request((await aPastGuest()).id, ANY);
    const byHand = (place: string) =>
      withRunContext({ id: 'r', actor: 'officer', ipAddress: '192.0.2.9' }, () =>
        services.erasures.doneByHand(erasure.id, place),
      );
    await deliver();
    expect((await shown(erasure)).at(-1)).toEqual(['genesys', 'open', 'genesys.no_contact']);
    expect(stateOf(await byHand('genesys'))).toBe('erased');
    expect(await byHand('genesys')).toEqual(await now(erasure));
    expect(await byHand('crm/acme')).toEqual(await now(erasure));
    await expect(byHand('crm/none')).rejects.toMatchObject({ code: 'erasure.place_not_found' });
    const away = await services.erasures.request((await aPastGuest('contact-1')).id, ANY);
    expect((await services.erasures.doneByHand(away.id, 'crm/acme')).places[0]).toMatchObject({ outcome: 'by-hand' });
    await deliver();
    expect(crm.asked.filter(([id]) => id === away.guestId)).toEqual([]);
    const told = (await trailOf(storage, 'system:erasure')).filter(
      ({ changes }) => changes['erasureId'] === erasure.id,
    );
    expect(told).toMatchObject([{ event: 'ERASURE_DONE', changes: { place: 'genesys', outcome: 'by-hand' } }]);
  });

  it('asks Genesys anew, once asked again, when its erasure came to nothing', async () => {
    const guest = await aPastGuest();
    requests.outcome = 'failed';
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(10_000);
    expect((await shown(erasure)).at(-1)).toEqual(['genesys', 'open', 'genesys.erasure_failed']);
    requests.outcome = 'erased';
    await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(10_000);
    expect([requests.contacts.length, (await shown(erasure))[0]]).toEqual([2, 'erased']);
  });

  it('waits for what is on its way to Genesys, and asks for the contact it was put with by then', async () => {
    const guest = await aPastGuest('contact-1');
    await storage.outbox.put({ topic: MARK, subject: guest.id, distinct: 'c/contact' });
    const [marking] = await storage.outbox.claim(MARK, 10, 60_000);
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(28_000);
    expect([requests.contacts, (await shown(erasure)).at(-1)]).toEqual([[], ['genesys', 'waiting', null]]);
    genesys.contactId = 'contact-9';
    await storage.outbox.done(marking!);
    await later(3_000);
    await later(10_000);
    expect(requests.contacts).toEqual(['contact-1', 'contact-9']);
    expect((await shown(erasure))[0]).toBe('erased');
  });

  it('asks for a contact too that a conversation was put with while Genesys erased another', async () => {
    const guest = await aPastGuest();
    requests.outcome = 'under-way';
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    genesys.contactId = 'contact-9';
    requests.outcome = 'erased';
    await later(3_600_000);
    await later(3_600_000);
    expect([requests.contacts, (await shown(erasure))[0]]).toEqual([['contact-2', 'contact-9'], 'erased']);
  });

  it('waits for what is on its way to a CRM, so that it does not come after', async () => {
    const guest = await aGuest();
    const sending = await storage.crm.claim('acme', { chunks: 1, size: 50, leaseMs: 60_000 });
    expect(sending).toHaveLength(1);
    await end(guest);
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    await later(31_000);
    expect(crm.asked.filter(([id]) => id === guest.id)).toEqual([]);
    expect(await shown(erasure)).toEqual(['under-way', ['crm/acme', 'waiting', 'crm.still_on_its_way']]);
    await crm.upsert(sending[0]!.records.map(({ record }) => record));
    await later(60_000);
    expect([await shown(erasure), crm.held.size]).toEqual([['erased', ['crm/acme', 'done', 'deleted']], 0]);
  });
});

describe('a conversation that never became known here', () => {
  const unlinked = async (parts: Parameters<typeof wantedGuest>[0]): Promise<Guest> => {
    const { id } = await services.guests.create(wantedGuest(parts));
    return services.guests.get(id);
  };

  it.each([
    ['a page may have had', { mode: 'widget' as const }, (known: Guest) => known],
    ['a guest spoke in', {}, (known: Guest) => messageCounted(known, storage.clock.now())],
  ])('that %s is left open to people', async (_, parts, spoken) => {
    const guest = await unlinked(parts);
    await change(guest, spoken);
    const erasure = await services.erasures.request(guest.id, ANY);
    await later(ENDING_MS);
    expect(await shown(erasure)).toEqual(['incomplete', ['genesys', 'open', 'genesys.no_conversation']]);
  });

  it('may be where a page seems never to have taken its guest up: nobody here would have heard of it', async () => {
    const page = await unlinked({ mode: 'widget' });
    await change(page, (known) => expired(known, storage.clock.now()));
    const erasure = await services.erasures.request(page.id, ANY);
    await later(ENDING_MS);
    expect(await shown(erasure)).toEqual(['incomplete', ['genesys', 'open', 'genesys.no_conversation']]);
  });

  it.each([true, null])('may be where sockets of ours begin one by themselves (%s)', async (joins) => {
    const guest = await unlinked({});
    await end(guest);
    channel.joins = () => joins;
    const erasure = await services.erasures.request(guest.id, ANY);
    expect(stateOf(erasure)).toBe('ending');
    await later(ENDING_MS);
    expect(await shown(erasure)).toEqual(['incomplete', ['genesys', 'open', 'genesys.no_conversation']]);
  });

  it('may be another than those that are known: these are erased, and the rest is left to people', async () => {
    const guest = await aGuest();
    await converse(guest, { contactId: 'contact-2' });
    await end(guest);
    await services.told.heard({ type: 'joined', guestId: guest.id, messageId: 'm-2' });
    const erasure = await services.erasures.request(guest.id, ANY);
    expect(stateOf(erasure)).toBe('ending');
    await later(ENDING_MS);
    await later(10_000);
    expect(requests.contacts).toEqual(['contact-2']);
    expect(await shown(erasure)).toEqual(['incomplete', ['genesys', 'open', 'genesys.no_conversation']]);
    expect(stateOf(await services.erasures.doneByHand(erasure.id, 'genesys'))).toBe('erased');
  });

  it('is none where nothing was said on a socket of ours, which begins none by itself', async () => {
    const silent = await unlinked({});
    await end(silent);
    expect(stateOf(await services.erasures.request(silent.id, ANY))).toBe('erased');
  });

  it('is looked for by the message it began with, though consent was withdrawn or it was given up', async () => {
    const guest = await unlinked({});
    await services.told.heard({ type: 'joined', guestId: guest.id, messageId: 'm-1' });
    await storage.outbox.takeBack(LINK, guest.id);
    await end(guest);
    storage.clock.advance(2 * ENDING_MS);
    const erasure = await services.erasures.request(guest.id, ANY);
    await deliver();
    expect(stateOf(await now(erasure))).toBe('ending');
    const [looked] = await storage.outbox.claim(LINK, 10, 1_000);
    expect(looked).toMatchObject({ subject: guest.id, payload: { messageId: 'm-1' } });
    genesys.ofMessages = 'c-1';
    await services.told.link(guest.id, looked!.payload['messageId']!, 1);
    await storage.outbox.done(looked!);
    await later(1_000);
    await later(10_000);
    expect([await shown(erasure), requests.contacts]).toEqual([
      ['erased', ['genesys', 'done', 'erased']],
      ['contact-2'],
    ]);
  });

  it('is still looked for when consent was withdrawn before, and is erased when it is found', async () => {
    const guest = await unlinked({});
    await change(guest, (known) => messageCounted(known, storage.clock.now()));
    await services.consents.record(guest.id, {
      ...{ purpose: 'dataProcessing', decision: 'withdrawn', method: 'form', noticeVersion: null },
    } as never);
    await end(guest);
    const erasure = await services.erasures.request(guest.id, ANY);
    expect(stateOf(erasure)).toBe('ending');
    genesys.ofMessages = 'c-1';
    await services.told.link(guest.id, 'm-1', 1);
    await later(1_000);
    await later(10_000);
    expect([await shown(erasure), requests.contacts]).toEqual([
      ['erased', ['genesys', 'done', 'erased']],
      ['contact-2'],
    ]);
  });

  it('keeps nothing from stopping: what a closed guest had still to be sent does not leave', async () => {
    const guest = await unlinked({});
    await change(guest, (known) => messageCounted(known, storage.clock.now()));
    await end(guest);
    await services.erasures.request(guest.id, ANY);
    const newest = await services.guests.get(guest.id);
    expect([newest.state, newest.closeReason, mayLeave(newest, 'crm.record')]).toEqual(['closed', 'erased', false]);
    await services.crmSync.drain();
    expect(crm.held.has(guest.id)).toBe(false);
    await later(ENDING_MS);
  });
});

describe('erasing a guest whose session is live', () => {
  it('lets nothing leave any more, ends the session, and then erases it', async () => {
    const guest = await aGuest();
    await converse(guest, { contactId: 'contact-1' });
    const { id: messageId } = await services.messages.send(guest.id, 'on its way');
    const erasure = await services.erasures.request(guest.id, ANY);
    expect(stateOf(erasure)).toBe('ending');
    await expect(services.guests.get(guest.id)).resolves.toMatchObject({ state: 'closing', closeReason: 'erased' });
    await expect(services.messages.send(guest.id, 'more')).rejects.toMatchObject({ code: 'guest.closed' });
    await services.crmSync.drain();
    expect(crm.held.size).toBe(0);
    await deliver();
    expect(stateOf(await now(erasure))).toBe('ending');
    await services.handOvers.send(guest.id, messageId, 1);
    await services.handOvers.handOver(guest.id, 1);
    await expect(services.guests.get(guest.id)).resolves.toMatchObject({ state: 'closed', closeReason: 'erased' });
    await later(1_000);
    expect((await now(erasure)).erasedAt).not.toBeNull();
    await expect(services.guests.get(guest.id)).rejects.toMatchObject({ code: 'guest.not_found' });
    await later(10_000);
    expect([genesys.ended, requests.contacts]).toEqual([[], ['contact-1', 'contact-2']]);
    expect((await shown(erasure))[0]).toBe('erased');
  });

  it('does not wait for ever for an end: after five minutes the organisation ends the conversation', async () => {
    const guest = await aGuest();
    const conversationId = await converse(guest);
    const erasure = await services.erasures.request(guest.id, ANY);
    await later(ENDING_MS - 1_000);
    expect(stateOf(await now(erasure))).toBe('ending');
    await later(2_000);
    expect((await now(erasure)).erasedAt).not.toBeNull();
    expect(genesys.ended).toEqual([conversationId]);
  });

  it('is the same erasure when asked for again meanwhile, and takes over a guest that was closing already', async () => {
    const guest = await aGuest();
    await services.guests.close(guest.id, ANY);
    const erasure = await services.erasures.request(guest.id, ANY);
    expect((await services.guests.get(guest.id)).closeReason).toBe('erased');
    expect(await services.erasures.request(guest.id, ANY)).toEqual(erasure);
    expect(
      (await eventsOf(storage, `guest:${guest.id}`)).filter((event) => event === 'ERASURE_REQUESTED'),
    ).toHaveLength(1);
  });

  it('is taken up again when it was given up, whatever went wrong', async () => {
    const guest = await aGuest();
    await services.erasures.request(guest.id, ANY);
    for (const intent of await storage.outbox.claim(ERASE, 100, 1_000)) await storage.outbox.park(intent, 'bug.Error');
    await later(2 * ENDING_MS);
    expect((await storage.erasures.ofGuest(guest.id))!.erasedAt).toBeNull();
    await services.erasures.goOn();
    await deliver();
    expect((await storage.erasures.ofGuest(guest.id))!.erasedAt).not.toBeNull();
  });

  it('is undone by nothing that kills the process: what is to be done is in the outbox', async () => {
    const guest = await aGuest();
    await services.erasures.request(guest.id, ANY);
    const claimed = await storage.outbox.claim(ERASE, 10, 1_000);
    expect(claimed.map(({ subject }) => subject)).toContain(guest.id);
    storage.clock.advance(ENDING_MS);
    // Whoever had claimed it is gone; another finds it, and what it leaves to do.
    await (await storage.openAnother()).close();
    await later(1_000);
    const erasure = (await storage.erasures.ofGuest(guest.id))!;
    expect(erasure.erasedAt).not.toBeNull();
    expect((await storage.outbox.claim(ERASE_PLACE, 10, 1_000)).length).toBe(0);
  });
});
