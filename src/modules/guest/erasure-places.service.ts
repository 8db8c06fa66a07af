import { Injectable, Logger } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { withPlace } from './erasure.js';
import type { Erasure, GenesysPlace, Place, Standing } from './erasure.js';
import { Conversations } from './ports/conversations.js';
import { DataSubjectRequests } from './ports/data-subject-requests.js';
import { ErasureStore } from './ports/erasure.store.js';

/** For how long CRMs wait for Genesys to be asked. */
const GENESYS_FIRST_MS = 60_000;
/** Genesys takes days to erase. It is asked at growing intervals, up to this. */
const LONGEST_WAIT_MS = 3_600_000;
/** How often it is looked whether it has been. */
const LOOK_MS = 500;

/** Erases what there is of a guest elsewhere: each place by an intent of its own, until it is done or left to people. */
@Injectable()
export class ErasurePlaces {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly erasures: ErasureStore,
    private readonly conversations: Conversations,
    private readonly requests: DataSubjectRequests,
    private readonly crmSync: CrmSyncService,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Answers when to look again if that takes its time. */
  async erase(erasureId: string, name: string, attempt: number): Promise<Date | void> {
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
      let isDone = false;
      const erasure = await this.erasures.update(erasureId, (known) => {
        const place = known.places.find((one) => one.name === name)!;
        // By hand, meanwhile.
        isDone = place.state === 'done';
        return isDone ? known : withPlace(known, { ...place, code: null, ...news, at } as Place);
      });
      if (erasure === null || isDone || (news.state !== 'done' && news.state !== 'open')) return;
      await this.audit.record({
        subject: `guest:${erasure.guestId}`,
        event: news.state === 'done' ? 'ERASURE_DONE' : 'ERASURE_LEFT_OPEN',
        changes: { erasureId, place: name, ...(news.outcome ? { outcome: news.outcome } : { code: news.code }) },
      });
    });
  }
}
