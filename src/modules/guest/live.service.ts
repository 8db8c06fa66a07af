import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../kernel/app-error.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { mayLeave } from './consent.js';
import { guestNotFound, streamsLeaving, unknownEventId } from './guest.errors.js';
import { isOver } from './guest.js';
import { requireWritable } from './guest.writable.js';
import { closedEvent, erasedEvent, placeOf, stateEvent } from './live.js';
import type { LiveEvent, Place } from './live.js';
import { Watches } from './live.watch.js';
import type { Watch } from './live.watch.js';
import type { Message, ReadableMessage } from './message.js';
import { MessageService } from './message.service.js';
import { GuestChannel } from './ports/guest-channel.js';
import { GuestNews } from './ports/guest-news.js';
import { GuestStore } from './ports/guest.store.js';

/** A page may be open in a few tabs. */
export const STREAMS_PER_GUEST = 5;
/** Each holds a connection and a few kilobytes. */
const STREAMS_PER_PROCESS = 1_000;
/** How often storage is asked what other processes have written. */
export const LOOK_MS = 1_000;
/** Another process writes, and is done in milliseconds. */
const SETTLE_MS = 25;
const PAGE = 20;

/** What is said in a guest's session, as it happens. */
@Injectable()
export class LiveService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('guest');
  private readonly watches = new Watches({ perGuest: STREAMS_PER_GUEST, perProcess: STREAMS_PER_PROCESS });
  private isLeaving = false;
  private heads: ReadonlyMap<string, string> = new Map();
  private looking: NodeJS.Timeout | undefined;

  constructor(
    private readonly guests: GuestStore,
    private readonly news: GuestNews,
    private readonly messages: MessageService,
    private readonly channel: GuestChannel,
    private readonly work: UnitOfWork,
  ) {}

  onApplicationBootstrap(): void {
    this.news.onChange((guestId) => this.watches.wake(guestId));
    this.channel.onTyping((typing) => this.watches.types(typing));
  }

  /** Every stream ends where it stands; its reader goes on elsewhere from the last id it has. */
  onModuleDestroy(): void {
    this.isLeaving = true;
    this.watches.endAll();
  }

  /**
   * The guest types. Nothing is stored and nothing is repeated: it is passed on if this process holds the guest's socket, at most as often as
   * Genesys takes it (`GuestChannel.types`), and else forgotten.
   * @throws AppError `guest.not_found`, `guest.widget_led`, `guest.closed`, `consent.required`
   */
  async types(guestId: string): Promise<void> {
    requireWritable(await this.guests.get(guestId), 'genesys.typing');
    this.work.afterCommit(() => this.channel.types(guestId));
  }

  /**
   * A guest's events from `lastEventId` on, or from now on when that is null. Null when that was the last there will ever be. Events are made
   * when they are asked for and none is kept for a reader that does not ask; no unit of work and no connection is held in between.
   *
   * Stored changes are found by their position: at once after a commit of this process, and within a second when another process made them.
   * `gone` says when the reader is.
   * @throws AppError `guest.not_found`, `events.unknown_id`, `events.too_many_streams`, `events.leaving`
   */
  async follow(
    guestId: string,
    lastEventId: string | null,
    gone: AbortSignal,
  ): Promise<AsyncGenerator<LiveEvent, void> | null> {
    const known = lastEventId === null ? null : placeOf(lastEventId);
    const guest = await this.guests.find(guestId);
    if (guest === null) throw guestNotFound(guestId);
    if (known !== null && known.version > guest.version) throw unknownEventId();
    const place = { position: await this.news.start(known?.position ?? null), version: known?.version ?? 0 };
    if (isOver(guest) && place.version === guest.version && !(await this.hasChanges(guestId, place))) return null;
    if (this.isLeaving) throw streamsLeaving();
    const watch = this.watches.add(guestId);
    // A generator that was never asked for anything has no end to speak of.
    if (gone.aborted) this.watches.remove(watch);
    gone.addEventListener('abort', () => this.watches.remove(watch), { once: true });
    this.look();
    return this.events(watch, place);
  }

  private async *events(watch: Watch, from: Place): AsyncGenerator<LiveEvent, void> {
    let place = from;
    try {
      for (;;) {
        const heard = await watch.next();
        if (heard === 'over') return;
        if (heard !== 'news') {
          yield { type: 'typing', from: heard.from, durationMs: heard.durationMs };
          continue;
        }
        for await (const event of this.since(watch, place)) {
          if ('place' in event) place = event.place;
          yield event;
          if (event.type === 'closed') return;
        }
      }
    } finally {
      this.watches.remove(watch);
    }
  }

  /** Everything stored after a place. The guest is read before its messages, so that none is left when its end is told. */
  private async *since(watch: Watch, from: Place): AsyncGenerator<LiveEvent, void> {
    const { guestId } = watch;
    let place = from;
    while (!watch.isOver) {
      const guest = await this.guests.find(guestId);
      const { items, rest } = await this.news.changes(guestId, place.position, PAGE);
      for (const { message, position } of items) {
        place = { ...place, position };
        yield { type: 'message', place, message: await this.underConsent(message) };
      }
      if (rest === 'settling') await sleep(SETTLE_MS);
      if (rest !== 'none') continue;
      if (guest === null) yield erasedEvent(place);
      else if (isOver(guest)) yield closedEvent(guest, place.position);
      else if (guest.version > place.version) yield stateEvent(guest, place.position);
      return;
    }
  }

  /** Asked at the moment of telling: consent may have been withdrawn while the message waited for a slow reader. */
  private async underConsent(message: Message): Promise<ReadableMessage> {
    const guest = await this.guests.find(message.guestId);
    return this.messages.shown(message, guest !== null && mayLeave(guest, 'events.text'));
  }

  private async hasChanges(guestId: string, { position }: Place): Promise<boolean> {
    const { items, rest } = await this.news.changes(guestId, position, 1);
    return items.length > 0 || rest !== 'none';
  }

  /** One look a second for all streams together, for as long as there are any. */
  private look(): void {
    this.looking ??= setTimeout(() => {
      void this.wakeChanged().finally(() => {
        this.looking = undefined;
        if (this.watches.size > 0) this.look();
      });
    }, LOOK_MS).unref();
  }

  private async wakeChanged(): Promise<void> {
    const guestIds = this.watches.guestIds;
    try {
      const heads = await this.news.heads(guestIds);
      for (const id of guestIds) if (!this.heads.has(id) || heads.get(id) !== this.heads.get(id)) this.watches.wake(id);
      this.heads = heads;
    } catch (error) {
      this.logger.warn('streams not looked after', { streams: this.watches.size, code: errorCode(error) });
    }
  }
}
