import { Injectable, Logger } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { withPlace } from './erasure.js';
import type { CrmPlace, DueContact, Erasure, GenesysPlace, Place, Standing } from './erasure.js';
import { intentOf } from './erasure.intent.js';
import { Conversations } from './ports/conversations.js';
import { DataSubjectRequests } from './ports/data-subject-requests.js';
import { ErasureStore } from './ports/erasure.store.js';

/** Genesys takes days to erase. It is asked at growing intervals, up to this; and so is whether it was asked. */
const LONGEST_WAIT_MS = 6 * 3_600_000;

type News = Partial<Place> & Pick<Standing, 'state'>;

/** There may be one that did not become known here. */
const UNKNOWN_CONVERSATION: News = { state: 'open', code: 'genesys.no_conversation' };

/** Erases what there is of a guest elsewhere: each place by an intent of its own, until it is done or left to people. */
@Injectable()
export class ErasurePlaces {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly erasures: ErasureStore,
    private readonly conversations: Conversations,
    private readonly requests: DataSubjectRequests,
    private readonly crmSync: CrmSyncService,
    private readonly outbox: Outbox,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Answers when to look again if that takes its time. */
  async erase(erasureId: string, name: string, attempt: number): Promise<Date | void> {
    const erasure = await this.erasures.find(erasureId);
    const place = erasure?.places.find((one) => one.name === name);
    if (erasure === null || place === undefined || place.state === 'done' || place.state === 'open') return;
    const again = new Date(this.clock.now().getTime() + Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** Math.min(attempt, 15)));
    try {
      if (place.kind === 'crm') {
        if (this.isLast(erasure, place)) {
          const code = 'erasure.genesys_first';
          if (place.code !== code) await this.settle(erasureId, name, { state: 'waiting', code });
          return again;
        }
        await this.settle(erasureId, name, await this.inCrm(erasure, place));
        return;
      }
      const standing = await this.atGenesys(erasure, place);
      await this.settle(erasureId, name, standing);
      return standing.state === 'asked' ? again : undefined;
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
    await this.settle(erasureId, name, { state: 'open', code });
  }

  /** Of what was deleted there Genesys may find nothing any more: it waits until Genesys was asked, or people have done it. */
  private isLast({ places }: Erasure, { crm }: CrmPlace): boolean {
    const isToBeAsked = places.some(
      ({ kind, state }) => kind === 'genesys' && (state === 'waiting' || state === 'open'),
    );
    return isToBeAsked && this.crmSync.isErasedLast(crm);
  }

  private async inCrm({ guestId }: Erasure, { crm, remoteId }: CrmPlace): Promise<News> {
    return { state: 'done', outcome: await this.crmSync.erase(crm, guestId, remoteId) };
  }

  /** Conversations are ended, and Genesys is asked to erase the contacts they were put with. */
  private async atGenesys(erasure: Erasure, place: GenesysPlace): Promise<News> {
    if (place.conversations.length === 0) return UNKNOWN_CONVERSATION;
    for (const { id, isOpen } of place.conversations) if (isOpen) await this.conversations.disconnect(id);
    const contacts = place.contacts.length > 0 ? place.contacts : await this.contactsOf(place);
    const known = { contacts, conversations: place.conversations.map((one) => ({ ...one, isOpen: false })) };
    if (contacts.length === 0) return { ...known, state: 'open', code: 'genesys.no_contact' };
    if (!this.requests.isOn) return { ...known, state: 'open', code: 'genesys.erasure_off' };
    const isNew = contacts.some(({ requestId }) => requestId === null);
    return isNew ? this.ask(erasure, { ...place, ...known }) : this.follow(erasure, { ...place, ...known });
  }

  /** Remembered before it is asked, so that a request whose answer is lost is looked for, and only then. */
  private async ask({ id }: Erasure, place: GenesysPlace): Promise<News> {
    const at = this.clock.now().toISOString();
    const contacts = place.contacts.map((one) => ({ ...one, askedAt: one.askedAt ?? at }));
    if (!(await this.settle(id, place.name, { ...place, state: 'waiting', contacts }))) return { state: 'done' };
    const asked: DueContact[] = [];
    for (const [index, contact] of contacts.entries()) {
      const before = place.contacts[index]!.askedAt;
      const since = before === null ? null : new Date(before);
      const requestId = contact.requestId ?? (await this.requests.eraseContact(contact.id, since));
      asked.push({ ...contact, requestId });
    }
    return { state: 'asked', contacts: asked };
  }

  private async follow(erasure: Erasure, place: GenesysPlace): Promise<News> {
    const { contacts, mayBeMore } = place;
    const outcomes: string[] = [];
    for (const { requestId } of contacts) outcomes.push(await this.requests.outcomeOf(requestId!));
    if (outcomes.includes('under-way')) return { state: 'asked' };
    if (!outcomes.includes('failed')) {
      // It may have been put with another meanwhile, by people or by what was on its way.
      const others = (await this.contactsOf(place)).filter(({ id }) => contacts.every((known) => known.id !== id));
      if (others.length > 0) return this.ask(erasure, { ...place, contacts: [...contacts, ...others] });
      return mayBeMore ? UNKNOWN_CONVERSATION : { state: 'done', outcome: 'erased' };
    }
    // Asked for again it is asked anew.
    const anew = contacts.map((one, at) =>
      outcomes[at] === 'failed' ? { id: one.id, requestId: null, askedAt: null } : one,
    );
    return { state: 'open', code: 'genesys.erasure_failed', contacts: anew };
  }

  private async contactsOf({ conversations }: GenesysPlace): Promise<DueContact[]> {
    const ids = new Set<string>();
    for (const { id, contactId: seen } of conversations) {
      // One that was seen early may have been the visitor's own, before the conversation was put with another.
      const now = (await this.conversations.read(id))?.contactId ?? null;
      for (const contactId of [seen, now]) if (contactId !== null) ids.add(contactId);
    }
    return [...ids].map((id) => ({ id, requestId: null, askedAt: null }));
  }

  /** False when it was done by hand meanwhile. */
  private async settle(erasureId: string, name: string, news: News): Promise<boolean> {
    const at = this.clock.now().toISOString();
    return this.work.run(async () => {
      let isDone = false;
      let isNews = false;
      const erasure = await this.erasures.update(erasureId, (known) => {
        const place = known.places.find((one) => one.name === name)!;
        isDone = place.state === 'done';
        const next = { ...place, code: null, ...news } as Place;
        isNews = next.state !== place.state || next.code !== place.code;
        return isDone ? known : withPlace(known, isNews ? { ...next, at } : next);
      });
      if (erasure === null || isDone) return false;
      if (news.state === 'done' || news.state === 'open')
        await this.audit.record({
          subject: `guest:${erasure.guestId}`,
          event: news.state === 'done' ? 'ERASURE_DONE' : 'ERASURE_LEFT_OPEN',
          changes: { erasureId, place: name, ...(news.outcome ? { outcome: news.outcome } : { code: news.code }) },
        });
      if (news.state === 'open')
        this.work.afterCommit(() => this.logger.warn('erasure left open', { erasureId, place: name, code: news.code }));
      if (name === 'genesys' && news.state === 'asked' && isNews)
        for (const place of erasure.places)
          if (place.state === 'waiting') await this.outbox.put(intentOf(erasure, place));
      return true;
    });
  }
}
