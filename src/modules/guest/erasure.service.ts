import { Injectable } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import type { EventName } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { intentOf } from './erasure.intent.js';
import { erasureNotFound, placeNotFound } from './erasure.errors.js';
import { ENDING_MS, isEnded, placesOf, reopened, withPlace } from './erasure.js';
import type { Erasure } from './erasure.js';
import { checkVersion } from './guest.condition.js';
import type { Condition } from './guest.condition.js';
import { GuestChanges } from './guest.changes.js';
import { ERASE, GUEST_TOPICS, LINK } from './guest.intents.js';
import { erasing } from './guest.js';
import type { Guest } from './guest.js';
import { GuestRemoval } from './guest-removal.service.js';
import { ErasureStore } from './ports/erasure.store.js';
import type { ErasurePage, ErasureQuery } from './ports/erasure.store.js';
import { GuestChannel } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';

/** How often the end of a session is looked for. */
const LOOK_MS = 500;

/** What can be asked of erasure, and what it does here. `ErasurePlaces` sees to the rest. */
@Injectable()
export class ErasureService {
  constructor(
    private readonly guests: GuestStore,
    private readonly erasures: ErasureStore,
    private readonly channel: GuestChannel,
    private readonly changes: GuestChanges,
    private readonly removal: GuestRemoval,
    private readonly crmSync: CrmSyncService,
    private readonly outbox: Outbox,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /**
   * Nothing of the guest leaves any more when this resolves. One whose session is over, and whose conversations are known, is erased here by then; any other as
   * soon as that is so. Other places follow. Asked again it is the same erasure, and what was left open is tried once more.
   * @throws AppError `guest.not_found`; `guest.version_mismatch` with the current guest
   */
  request(guestId: string, condition: Condition): Promise<Erasure> {
    return this.work
      .run(async () => {
        const known = await this.erasures.ofGuest(guestId);
        if (known !== null) return this.requestAgain(known);
        let isOver = false;
        const guest = await this.changes.change(
          guestId,
          (before) => {
            checkVersion(before, condition);
            const now = this.clock.now();
            isOver = isEnded(before, this.channel.joins(), now);
            return isOver ? before : erasing(before, now);
          },
          ({ state }, after) => ({
            event: state === after.state ? 'GUEST_UPDATED' : 'GUEST_CLOSING',
            changes: { from: state, closeReason: 'erased' },
          }),
        );
        const erasure = await this.begun(guest);
        if (isOver) return this.erase(guest, erasure);
        // It may have been given up, or not been begun for want of consent.
        if (guest.beganWith !== null)
          await this.outbox.put({ topic: LINK, subject: guestId, payload: { messageId: guest.beganWith } });
        await this.outbox.put({ topic: ERASE, subject: guestId });
        return erasure;
      }, `guest:${guestId}`)
      .catch((error: unknown) => this.unlessErased(guestId, error));
  }

  /** @throws AppError `erasure.not_found` */
  async get(id: string): Promise<Erasure> {
    const erasure = await this.erasures.find(id);
    if (erasure === null) throw erasureNotFound(id);
    return erasure;
  }

  /** Newest first. @throws AppError `request.invalid` for a cursor of another list */
  list(query: ErasureQuery): Promise<ErasurePage> {
    return this.erasures.list(query);
  }

  /**
   * Somebody has erased by hand, and nothing more is tried there. Told again, or of what is done already, it changes nothing.
   * @throws AppError `erasure.not_found`, `erasure.place_not_found`
   */
  doneByHand(id: string, name: string): Promise<Erasure> {
    const at = this.clock.now().toISOString();
    return this.work.run(async () => {
      await this.get(id);
      const changed = await this.changed(id, (known) => {
        const place = known.places.find((one) => one.name === name);
        if (place === undefined) throw placeNotFound(id, name);
        if (place.state === 'done') return known;
        return withPlace(known, { ...place, state: 'done', outcome: 'by-hand', code: null, at });
      });
      if (changed === null) return this.get(id);
      await this.recordOfGone(changed, 'ERASURE_DONE', { place: name, outcome: 'by-hand' });
      // What waited for it goes on.
      for (const place of changed.places)
        if (place.state === 'waiting') await this.outbox.put(intentOf(changed, place));
      return changed;
    });
  }

  /** Erases a guest whose session has ended, or was waited for long enough. Answers when to look again if not. */
  async eraseWhenEnded(guestId: string): Promise<Date | void> {
    const erasure = await this.erasures.ofGuest(guestId);
    if (erasure === null || erasure.erasedAt !== null) return;
    const now = this.clock.now();
    const isInTime = now.getTime() < erasure.requestedAt.getTime() + ENDING_MS;
    if (isInTime && !isEnded(await this.guests.get(guestId), this.channel.joins(), now))
      return new Date(now.getTime() + LOOK_MS);
    await this.work.run(async () => {
      // Locked, so that nothing that is still heard of it can be written beside its removal.
      const guest = await this.guests.lock(guestId);
      await this.erase(guest, erasure);
    }, `guest:${guestId}`);
  }

  /** Takes up again every erasure that has not come so far that nothing is kept here. */
  async goOn(): Promise<void> {
    let cursor: string | null = null;
    do {
      const page: ErasurePage = await this.erasures.list({ state: 'ending', limit: 100, ...(cursor && { cursor }) });
      for (const { guestId } of page.items) await this.outbox.put({ topic: ERASE, subject: guestId });
      cursor = page.nextCursor;
    } while (cursor !== null);
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

  /** What is open is tried once more, and whatever was given up. */
  private async requestAgain(known: Erasure): Promise<Erasure> {
    if (known.erasedAt === null) {
      await this.outbox.put({ topic: ERASE, subject: known.guestId });
      return known;
    }
    const at = this.clock.now();
    const erasure = (await this.erasures.update(known.id, (newest) => reopened(newest, at)))!;
    await this.recordOfGone(erasure, 'ERASURE_REQUESTED', {});
    for (const place of erasure.places) if (place.state === 'waiting') await this.outbox.put(intentOf(erasure, place));
    return erasure;
  }

  /** Two may ask at once, in two processes: whoever comes too late finds no guest, but the erasure of it. */
  private async unlessErased(guestId: string, error: unknown): Promise<Erasure> {
    const known = errorCode(error) === 'guest.not_found' ? await this.erasures.ofGuest(guestId) : null;
    if (known === null) throw error;
    return known;
  }

  /** Of who asks for what, and from where. A guest's chain cannot keep that when its key is gone: it stands in the service's own. */
  private recordOfGone(
    { id, guestId }: Erasure,
    event: EventName,
    changes: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.audit.record({ subject: 'system:erasure', event, changes: { erasureId: id, guestId, ...changes } });
  }

  /** All there is here goes, in the unit of work that also remembers where else something is. */
  private async erase(guest: Guest, begun: Erasure): Promise<Erasure> {
    const erasedAt = this.clock.now();
    const isUnderWay = await this.outbox.isUnderWay(GUEST_TOPICS, guest.id);
    const joins = this.channel.joins();
    const places = placesOf(guest, await this.crmSync.holding(guest.id), { joins, isUnderWay }, erasedAt);
    await this.audit.record({
      subject: `guest:${guest.id}`,
      event: 'GUEST_ERASED',
      changes: { erasureId: begun.id, places: places.map(({ name }) => name) },
    });
    await this.removal.remove(guest);
    const erasure = (await this.erasures.update(begun.id, (known) => ({ ...known, erasedAt, places })))!;
    for (const place of places) await this.outbox.put(intentOf(erasure, place));
    this.work.afterCommit(() => void this.channel.leave(guest.id).catch(() => undefined));
    return erasure;
  }

  /** The erasure after a change; null when that changed nothing. */
  private async changed(id: string, to: (known: Erasure) => Erasure): Promise<Erasure | null> {
    let before: Erasure | null = null;
    const after = await this.erasures.update(id, (known) => to((before = known)));
    return after === before ? null : after;
  }
}
