import { Injectable, Logger } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { erasureNotFound } from './erasure.errors.js';
import { ENDING_MS, isEnded, placesOf, reopened, withPlace } from './erasure.js';
import type { Erasure, GenesysPlace, Place, Standing } from './erasure.js';
import { checkCondition } from './guest.condition.js';
import type { Condition } from './guest.condition.js';
import { GuestChanges } from './guest.changes.js';
import { ERASE, ERASE_PLACE } from './guest.intents.js';
import { erasing } from './guest.js';
import type { Guest } from './guest.js';
import { GuestRemoval } from './guest-removal.service.js';
import { Conversations } from './ports/conversations.js';
import { DataSubjectRequests } from './ports/data-subject-requests.js';
import { ErasureStore } from './ports/erasure.store.js';
import { GuestChannel } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';

/** What may still be on its way to a CRM has arrived by then, or never will. */
const ARRIVAL_MS = 30_000;
/** How often the end of a session is looked for, or what goes before something else. */
const LOOK_MS = 500;
/** For how long CRMs wait for Genesys to be asked. */
const GENESYS_FIRST_MS = 60_000;
/** Genesys takes days to erase. It is asked at growing intervals, up to this. */
const LONGEST_WAIT_MS = 3_600_000;

/** Erases guests: here, and wherever else something about them is. */
@Injectable()
export class ErasureService {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly guests: GuestStore,
    private readonly erasures: ErasureStore,
    private readonly channel: GuestChannel,
    private readonly conversations: Conversations,
    private readonly requests: DataSubjectRequests,
    private readonly changes: GuestChanges,
    private readonly removal: GuestRemoval,
    private readonly crmSync: CrmSyncService,
    private readonly outbox: Outbox,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /**
   * A guest whose session is over is erased here when this resolves; of one that is live nothing leaves any more, and it is erased as soon as its session
   * is ended. Other places follow. Asked again it is the same erasure, and what was left open is tried once more.
   * @throws AppError `guest.not_found`; `guest.version_mismatch` with the current guest
   */
  request(guestId: string, condition: Condition): Promise<Erasure> {
    return this.work.run(async () => {
      const known = await this.erasures.ofGuest(guestId);
      if (known?.erasedAt) return this.requestAgain(known);
      const guest = await this.changes.change(
        guestId,
        (before) => {
          if (known === null) checkCondition(before, {}, condition);
          return erasing(before, this.clock.now());
        },
        (before) => ({ event: 'GUEST_CLOSING', changes: { from: before.state, closeReason: 'erased' } }),
      );
      if (known !== null) return known;
      const erasure = await this.begun(guest);
      if (isEnded(guest, this.clock.now())) return this.erase(guest, erasure);
      await this.outbox.put({ topic: ERASE, subject: guestId });
      return erasure;
    }, `guest:${guestId}`);
  }

  /** @throws AppError `erasure.not_found` */
  async get(id: string): Promise<Erasure> {
    const erasure = await this.erasures.find(id);
    if (erasure === null) throw erasureNotFound(id);
    return erasure;
  }

  /** Erases a guest whose session has ended, or was waited for long enough. Answers when to look again if not. */
  async eraseWhenEnded(guestId: string): Promise<Date | void> {
    const erasure = await this.erasures.ofGuest(guestId);
    if (erasure === null || erasure.erasedAt !== null) return;
    const now = this.clock.now();
    const isInTime = now.getTime() < erasure.requestedAt.getTime() + ENDING_MS;
    if (isInTime && !isEnded(await this.guests.get(guestId), now)) return new Date(now.getTime() + LOOK_MS);
    await this.work.run(async () => {
      // Locked, so that nothing that is still heard of it can be written beside its removal.
      const guest = await this.guests.update(guestId, (known) => known);
      await this.erase(guest, erasure);
    }, `guest:${guestId}`);
  }

  /** Erases what there is in one other place. Answers when to look again if that takes its time. */
  async eraseIn(erasureId: string, name: string, attempt: number): Promise<Date | void> {
    const erasure = await this.erasures.find(erasureId);
    const place = erasure?.places.find((one) => one.name === name);
    if (erasure === null || place === undefined || place.state === 'done' || place.state === 'open') return;
    if (place.kind === 'crm' && this.isGenesysFirst(erasure)) return new Date(this.clock.now().getTime() + LOOK_MS);
    try {
      const standing = await (place.kind === 'crm' ? this.inCrm(erasure, place) : this.atGenesys(erasure, place));
      await this.settle(erasureId, name, standing);
      if (standing.state !== 'asked') return;
      return new Date(this.clock.now().getTime() + Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** Math.min(attempt, 12)));
    } catch (error) {
      const code = errorCode(error);
      // A permission that is missing is for people to give; nobody is helped by asking again and again.
      if (code === 'genesys.forbidden') return this.leftOpen(erasureId, name, code);
      if (place.code !== code) await this.settle(erasureId, name, { state: place.state, code });
      throw error;
    }
  }

  /** It will not be done by itself any more: somebody has to see to it. */
  async leftOpen(erasureId: string, name: string, code: string): Promise<void> {
    this.logger.error('erasure left open', { erasureId, place: name, code });
    await this.settle(erasureId, name, { state: 'open', code });
  }

  private async begun(guest: Guest): Promise<Erasure> {
    const requestedAt = this.clock.now();
    const id = uuidv7(requestedAt.getTime());
    const erasure: Erasure = { id, guestId: guest.id, requestedAt, erasedAt: null, places: [] };
    await this.erasures.add(erasure);
    await this.audit.record({
      subject: `guest:${guest.id}`,
      event: 'ERASURE_REQUESTED',
      changes: { erasureId: id, state: guest.state, version: guest.version },
    });
    return erasure;
  }

  /** The guest's key is gone, and with it what its chain could say of who asks from where: that stands in the service's own. */
  private async requestAgain(known: Erasure): Promise<Erasure> {
    const at = this.clock.now();
    const erasure = (await this.erasures.update(known.id, (newest) => reopened(newest, at)))!;
    await this.audit.record({
      subject: 'system:erasure',
      event: 'ERASURE_REQUESTED',
      changes: { erasureId: known.id, guestId: known.guestId },
    });
    for (const place of erasure.places) if (place.state === 'waiting') await this.send(erasure, place);
    return erasure;
  }

  /** All there is here goes, in the unit of work that also remembers where else something is. */
  private async erase(guest: Guest, begun: Erasure): Promise<Erasure> {
    const erasedAt = this.clock.now();
    const places = placesOf(guest, await this.crmSync.holding(guest.id), erasedAt);
    await this.audit.record({
      subject: `guest:${guest.id}`,
      event: 'GUEST_ERASED',
      changes: { erasureId: begun.id, places: places.map(({ name }) => name) },
    });
    await this.removal.remove(guest);
    const erasure = (await this.erasures.update(begun.id, (known) => ({ ...known, erasedAt, places })))!;
    for (const place of places) await this.send(erasure, place);
    this.work.afterCommit(() => void this.channel.leave(guest.id).catch(() => undefined));
    return erasure;
  }

  /** Each place by itself: one that cannot be reached holds up no other. */
  private async send({ id, erasedAt }: Erasure, place: Place): Promise<void> {
    const arrivesAt = new Date(erasedAt!.getTime() + ARRIVAL_MS);
    await this.outbox.put({
      topic: ERASE_PLACE,
      subject: `${id}/${place.name}`,
      payload: { erasureId: id, place: place.name },
      ...(place.kind === 'crm' && place.isUnderWay ? { dueAt: arrivesAt } : {}),
    });
  }

  /**
   * A CRM may be Genesys's own contacts, and of what was deleted there Genesys may not find the conversations any more. So Genesys is asked before,
   * if it can be for now.
   */
  private isGenesysFirst({ erasedAt, places }: Erasure): boolean {
    const isToBeAsked = places.some(({ kind, state }) => kind === 'genesys' && state === 'waiting');
    return isToBeAsked && this.clock.now().getTime() < erasedAt!.getTime() + GENESYS_FIRST_MS;
  }

  private async inCrm(
    { guestId }: Erasure,
    { crm, remoteId }: Extract<Place, { kind: 'crm' }>,
  ): Promise<Pick<Standing, 'state' | 'outcome'>> {
    return { state: 'done', outcome: await this.crmSync.erase(crm, guestId, remoteId) };
  }

  /** Conversations are ended, and Genesys is asked to erase the contacts they were put with. */
  private async atGenesys(erasure: Erasure, place: GenesysPlace): Promise<Partial<Place> & Pick<Standing, 'state'>> {
    for (const { id, isOpen } of place.conversations) if (isOpen) await this.conversations.disconnect(id);
    if (!this.requests.isOn) return { state: 'open', code: 'genesys.erasure_off' };
    const contacts = place.contacts.length > 0 ? place.contacts : await this.contactsOf(place);
    if (contacts.length === 0) return { state: 'open', code: 'genesys.no_contact' };
    const asked: GenesysPlace['contacts'][number][] = [];
    const outcomes: string[] = [];
    for (const contact of contacts) {
      const requestId = contact.requestId ?? (await this.requests.eraseContact(contact.id, erasure.requestedAt));
      asked.push({ id: contact.id, requestId });
      outcomes.push(contact.requestId === null ? 'under-way' : await this.requests.outcomeOf(requestId));
    }
    const conversations = place.conversations.map((one) => ({ ...one, isOpen: false }));
    if (outcomes.includes('under-way')) return { state: 'asked', contacts: asked, conversations };
    if (!outcomes.includes('failed')) return { state: 'done', outcome: 'erased', contacts: asked, conversations };
    // Asked for again it is asked anew.
    const anew = asked.map(({ id, requestId }, at) => ({
      id,
      requestId: outcomes[at] === 'failed' ? null : requestId,
    }));
    return { state: 'open', code: 'genesys.erasure_failed', contacts: anew, conversations };
  }

  private async contactsOf({ conversations }: GenesysPlace): Promise<GenesysPlace['contacts']> {
    const ids = new Set<string>();
    for (const { id, contactId: seen } of conversations) {
      // One that was seen early may have been the visitor's own, before the conversation was put with another.
      const now = (await this.conversations.read(id))?.contactId ?? null;
      for (const contactId of [seen, now]) if (contactId !== null) ids.add(contactId);
    }
    return [...ids].map((id) => ({ id, requestId: null }));
  }

  private async settle(erasureId: string, name: string, news: Partial<Place> & Pick<Standing, 'state'>): Promise<void> {
    const at = this.clock.now().toISOString();
    await this.work.run(async () => {
      const erasure = await this.erasures.update(erasureId, (known) => {
        const place = known.places.find((one) => one.name === name)!;
        return withPlace(known, { ...place, code: null, ...news, at } as Place);
      });
      if (erasure === null || (news.state !== 'done' && news.state !== 'open')) return;
      await this.audit.record({
        subject: `guest:${erasure.guestId}`,
        event: news.state === 'done' ? 'ERASURE_DONE' : 'ERASURE_LEFT_OPEN',
        changes: { erasureId, place: name, ...(news.outcome ? { outcome: news.outcome } : { code: news.code }) },
      });
    });
  }
}
