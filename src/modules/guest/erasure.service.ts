import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import type { EventName } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { erasureNotFound, placeNotOpen } from './erasure.errors.js';
import { ENDING_MS, isEnded, placesOf, reopened, withPlace } from './erasure.js';
import type { Erasure, Place } from './erasure.js';
import { checkCondition } from './guest.condition.js';
import type { Condition } from './guest.condition.js';
import { GuestChanges } from './guest.changes.js';
import { ERASE, ERASE_PLACE } from './guest.intents.js';
import { erasing } from './guest.js';
import type { Guest } from './guest.js';
import { GuestRemoval } from './guest-removal.service.js';
import { ErasureStore } from './ports/erasure.store.js';
import { GuestChannel } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';

/** What may still be on its way to a CRM has arrived by then, or never will. */
const ARRIVAL_MS = 30_000;
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

  /**
   * Somebody has erased by hand what was left open. Told again it changes nothing.
   * @throws AppError `erasure.not_found`, `erasure.place_not_open`
   */
  doneByHand(id: string, name: string): Promise<Erasure> {
    const at = this.clock.now().toISOString();
    return this.work.run(async () => {
      const changed = await this.changed(id, (known) => {
        const place = known.places.find((one) => one.name === name);
        if (place?.outcome === 'by-hand') return known;
        if (place?.state !== 'open') throw placeNotOpen(id, name);
        return withPlace(known, { ...place, state: 'done', outcome: 'by-hand', code: null, at });
      });
      if (changed !== null) await this.recordOfGone(changed, 'ERASURE_DONE', { place: name, outcome: 'by-hand' });
      return this.get(id);
    });
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

  private async requestAgain(known: Erasure): Promise<Erasure> {
    const at = this.clock.now();
    const erasure = (await this.erasures.update(known.id, (newest) => reopened(newest, at)))!;
    await this.recordOfGone(erasure, 'ERASURE_REQUESTED', {});
    for (const place of erasure.places) if (place.state === 'waiting') await this.send(erasure, place);
    return erasure;
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

  /** The erasure after a change; null when that changed nothing. */
  private async changed(id: string, to: (known: Erasure) => Erasure): Promise<Erasure | null> {
    let before: Erasure | null = null;
    const after = await this.erasures.update(id, (known) => to((before = known)));
    return after === before ? null : after;
  }
}
