import { Injectable, Logger } from '@nestjs/common';
import { errorCode, isPassing } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { mayLeave } from './consent.js';
import { ConversationService } from './conversation.service.js';
import { FollowService } from './follow.service.js';
import { linkedConversation, MODES } from './guest.js';
import type { Guest } from './guest.js';
import { ReconcileSettings } from './guest.settings.js';
import { ConversationRecords } from './ports/conversation-records.js';
import type { Claim, ConversationRecord, Interval } from './ports/conversation-records.js';
import { GuestStore } from './ports/guest.store.js';
import { lastConversation, nextLook, stepFor } from './reconciliation.js';

/** How many guests one run looks at, at most. */
const BATCH = 500;
/** Calls one run may spend: a fifth of what an organisation grants in a minute, which is how often it runs. */
export const CALLS_A_RUN = 60;
/** And of these so many to search participant data: in a busy organisation one search takes many runs. */
export const SEARCHES_A_RUN = 20;
/** What is on record is so far behind. */
const LAG_MS = 15 * 60_000;
/** Participant data are searched this often, and this far back at most. */
const SEARCH_MS = 10 * 60_000;
const SEARCHED_MS = 24 * 3_600_000;
/** How far back conversations are looked for in analytics; a session lasts three days by default. */
const ANALYSED_MS = 7 * 24 * 3_600_000;

/** Counts the calls of one run. */
class Share {
  private left = CALLS_A_RUN;

  /** False when it is used up. */
  take(): boolean {
    return this.left-- > 0;
  }
}

/** Asks Genesys what became of guests of whom nothing is heard: events are lost, pages are closed, contacts are merged. */
@Injectable()
export class ReconciliationService {
  private readonly logger = new Logger('guest');
  private searchedUntil: Date | null = null;
  /** A search that goes on with the next run. */
  private search: { readonly interval: Interval; readonly cursor: string | null } | null = null;
  /** Found, and not looked at yet. */
  private readonly claims: Claim[] = [];

  constructor(
    private readonly guests: GuestStore,
    private readonly records: ConversationRecords,
    private readonly told: ConversationService,
    private readonly followed: FollowService,
    private readonly clock: Clock,
    private readonly settings: ReconcileSettings,
  ) {}

  /** Whoever is not reached within the run's share of calls is first in the next. Answers how many guests were looked at. */
  async sweep(leaving?: AbortSignal): Promise<number> {
    if (this.settings.silenceMs === 0) return 0;
    const due = await this.due();
    const share = new Share();
    const looked = new Set<string>();
    try {
      await this.lookAll(due, share, looked, leaving);
      await this.findLost(due, share);
    } catch (error) {
      // Genesys is out of reach, or wants to be left alone: the next run goes on.
      if (!isPassing(error)) throw error;
      this.logger.warn('reconciliation stopped', { code: errorCode(error), looked: looked.size, of: due.length });
    }
    return looked.size;
  }

  /** Those who are silent for long enough. The others are put off. */
  private async due(): Promise<Guest[]> {
    const now = this.clock.now();
    const ids = await this.guests.toLookAt(now, BATCH);
    const found = await Promise.all(ids.map((id) => this.guests.find(id)));
    const due: Guest[] = [];
    for (const guest of found) {
      if (guest === null) continue;
      const isSilent = now.getTime() - guest.modifiedDate.getTime() >= this.settings.silenceMs;
      if (isSilent && mayLeave(guest, 'genesys.link')) due.push(guest);
      else await this.putOff(guest);
    }
    return due;
  }

  private async lookAll(
    due: readonly Guest[],
    share: Share,
    looked: Set<string>,
    leaving?: AbortSignal,
  ): Promise<void> {
    for (let at = 0; at < due.length && leaving?.aborted !== true; at += this.records.most) {
      const guests = due.slice(at, at + this.records.most);
      const ids = guests.flatMap((guest) => lastConversation(guest)?.id ?? []);
      if (ids.length > 0 && !share.take()) return;
      const records = ids.length === 0 ? [] : ((await this.records.of(ids)) ?? []);
      const byId = new Map(records.map((record) => [record.id, record]));
      for (const guest of guests) {
        if (!(await this.isLookedAt(guest, byId, share))) continue;
        await this.putOff(guest);
        looked.add(guest.id);
      }
    }
  }

  /** What goes wrong with one guest for good holds up no other. */
  private async isLookedAt(
    guest: Guest,
    records: ReadonlyMap<string, ConversationRecord>,
    share: Share,
  ): Promise<boolean> {
    try {
      return await this.lookAt(guest, records, share);
    } catch (error) {
      if (isPassing(error)) throw error;
      this.logger.error('guest not reconciled', { guestId: guest.id, code: errorCode(error) });
      return true;
    }
  }

  /** False when the share did not suffice: the guest stays due. */
  private async lookAt(guest: Guest, records: ReadonlyMap<string, ConversationRecord>, share: Share): Promise<boolean> {
    const conversation = lastConversation(guest);
    if (conversation === null) return true;
    const record = records.get(conversation.id);
    const step = stepFor(guest, conversation, record);
    if (step === 'read') {
      if (!share.take()) return false;
      const view = await this.followed.read(conversation.id, Infinity);
      if (view === null) await this.told.ended(guest.id, conversation.id);
      else if (view !== 'hidden') await this.told.linkTo(guest.id, view);
      return true;
    }
    if (step === 'end') await this.told.ended(guest.id, conversation.id);
    if (record?.contactId !== undefined)
      await this.told.seen(guest.id, { ...conversation, contactId: record.contactId });
    return true;
  }

  /** Looks for conversations of those who have none that goes on. */
  private async findLost(due: readonly Guest[], share: Share): Promise<void> {
    const alone = due.filter((guest) => linkedConversation(guest) === null);
    if (alone.some(({ mode }) => mode === 'widget')) this.beginSearch();
    // What was found is looked at before more is looked for.
    if (this.claims.length === 0) {
      await this.searchOn(share);
      this.claims.push(...(await this.analysed(alone, share)));
    }
    while (this.claims.length > 0 && (await this.follow(this.claims[0]!, share))) this.claims.shift();
  }

  /** Analytics are asked once for many: who came by our sockets is known by its journey, and anybody by a tag that a flow has put on. */
  private async analysed(alone: readonly Guest[], share: Share): Promise<Claim[]> {
    const claims: Claim[] = [];
    for (let at = 0; at < alone.length; at += this.records.most) {
      const guests = alone.slice(at, at + this.records.most);
      const interval = this.sinceCreation(guests);
      for (const mode of MODES) {
        const ids = guests.filter((guest) => guest.mode === mode).map(({ id }) => id);
        if (ids.length === 0 || !share.take()) continue;
        const found = await (mode === 'server'
          ? this.records.begunFor(ids, interval)
          : this.records.taggedFor(ids, interval));
        claims.push(...(found ?? []).filter(({ guestId }) => ids.includes(guestId)));
      }
    }
    return claims;
  }

  /** For everything that names a guest since the last search, unless that was just now or is still going on. */
  private beginSearch(): void {
    const until = this.clock.now();
    const last = this.searchedUntil?.getTime() ?? 0;
    if (this.search !== null || until.getTime() - last < SEARCH_MS) return;
    const from = new Date(Math.max(last - LAG_MS, until.getTime() - SEARCHED_MS));
    this.search = { interval: { from, until }, cursor: null };
  }

  private async searchOn(share: Share): Promise<void> {
    for (let calls = 0; this.search !== null && calls < SEARCHES_A_RUN && share.take(); calls++) {
      const { interval, cursor } = this.search;
      const page = await this.records.naming(interval, cursor).catch((error: unknown) => {
        // A place in a search does not live for ever: from the beginning, then.
        if (!isPassing(error)) this.search = null;
        throw error;
      });
      this.claims.push(...(page?.claims ?? []));
      const next = page?.cursor ?? null;
      this.search = next === null ? null : { interval, cursor: next };
      if (this.search === null) this.searchedUntil = interval.until;
    }
  }

  /** False when the share did not suffice. What goes wrong with one claim for good holds up no other. */
  private async follow({ conversationId, guestId }: Claim, share: Share): Promise<boolean> {
    if ((await this.guests.ofConversation(conversationId)) !== null) return true;
    if (!share.take()) return false;
    try {
      await this.followed.follow({ conversationId, guestId, ended: false }, Infinity);
    } catch (error) {
      if (isPassing(error)) throw error;
      this.logger.error('conversation not reconciled', { conversationId, code: errorCode(error) });
    }
    return true;
  }

  private sinceCreation(guests: readonly Guest[]): Interval {
    const until = this.clock.now();
    const first = Math.min(...guests.map(({ createdDate }) => createdDate.getTime()));
    return { from: new Date(Math.max(first, until.getTime() - ANALYSED_MS)), until };
  }

  private putOff(guest: Guest): Promise<void> {
    return this.guests.lookAgain(guest.id, nextLook(guest, this.settings.silenceMs, this.clock.now()));
  }
}
