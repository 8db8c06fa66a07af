import { Injectable, Logger } from '@nestjs/common';
import { errorCode } from '../../kernel/app-error.js';
import { Outbox } from '../../kernel/outbox.js';
import { currentActor } from '../../kernel/run-context.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import type { EventName } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import type { CrmRecord } from '../crm-sync/index.js';
import { MetricsService } from '../metrics/index.js';
import type { MetricEvent } from '../metrics/index.js';
import { WebhooksService } from '../webhooks/index.js';
import type { EventType } from '../webhooks/index.js';
import { decidedAt, decisions, lastWordAt, mayLeave } from './consent.js';
import type { ConsentRecord } from './consent.js';
import { signatureExpiry } from './guest.attributes.js';
import { HAND_OVER } from './guest.intents.js';
import { isOver, moved } from './guest.js';
import type { Guest } from './guest.js';
import { pointersOfChange } from './guest.patch.js';
import { GuestSettings } from './guest.settings.js';
import { deepEqual } from './merge-patch.js';
import type { Message } from './message.js';
import { ConsentStore } from './ports/consent.store.js';
import { GuestChannel } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';

/** Messages come in bursts: CRM and Genesys hear of what they change this much later, once. */
const SETTLE_MS = 15_000;

export type Change = {
  readonly event: EventName;
  /** For the audit entry: what changed, never values of personal fields. */
  readonly changes: Readonly<Record<string, unknown>>;
  readonly complianceFlags?: { readonly gdprApplicable: boolean; readonly dataMinimized: boolean };
  /** The record by which consent changed; without it a change of consent is recorded as one by flag. */
  readonly decided?: ConsentRecord;
};

/** What follows from every change of a guest, whoever made it. Everything joins the current unit of work. */
@Injectable()
export class GuestChanges {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly guests: GuestStore,
    private readonly consents: ConsentStore,
    private readonly audit: AuditService,
    private readonly metrics: MetricsService,
    private readonly crmSync: CrmSyncService,
    private readonly webhooks: WebhooksService,
    private readonly outbox: Outbox,
    private readonly channel: GuestChannel,
    private readonly work: UnitOfWork,
    private readonly settings: GuestSettings,
  ) {}

  /** Changes one guest, and sees to all that follows; nothing follows when `to` answers the guest it was given. */
  change(id: string, to: (guest: Guest) => Guest, describe: (before: Guest, after: Guest) => Change): Promise<Guest> {
    return this.work.run(async () => {
      let before: Guest | undefined;
      const guest = await this.guests.update(id, (known) => to((before = known)));
      if (before !== undefined && guest !== before) await this.made(before, guest, describe(before, guest));
      return guest;
    }, `guest:${id}`);
  }

  /** A change somebody decided on: it is in the trail, measured, and goes out at once. */
  async made(before: Guest | null, guest: Guest, change: Change): Promise<void> {
    await this.recordConsent(before, guest, change.decided);
    await this.audit.record({
      subject: `guest:${guest.id}`,
      event: change.event,
      changes: { version: guest.version, state: guest.state, ...change.changes },
      ...(change.complianceFlags === undefined ? {} : { complianceFlags: change.complianceFlags }),
    });
    for (const event of measured(before, guest)) await this.metrics.record(event);
    if (before !== null && mayLeave(before, 'genesys.session') && !mayLeave(guest, 'genesys.session'))
      this.work.afterCommit(() => this.hangUp(guest.id));
    if (before !== null && mayLeave(before, 'webhook.event') && !mayLeave(guest, 'webhook.event'))
      await this.webhooks.withdraw(`guest:${guest.id}`);
    const type = eventType(before, guest);
    if (this.isToldOf(guest, type)) await this.tell(type, before, guest);
    await this.sendOn(guest);
  }

  /** A message went by: measured, and reported when the burst is over. */
  async messageSeen(
    before: Guest,
    guest: Guest,
    { from, at, attachmentIds = [] }: Pick<Message, 'from' | 'at' | 'attachmentIds'>,
  ): Promise<void> {
    await this.metrics.record({ guestId: guest.id, type: 'message', from, at });
    const files = attachmentIds.length === 0 ? {} : { attachmentIds };
    if (this.isToldOf(guest, 'guest.message')) await this.tell('guest.message', before, guest, files);
    await this.sendOn(guest, new Date(guest.modifiedDate.getTime() + SETTLE_MS));
  }

  /** Nothing is kept of the guest any more: whoever listens has to let go of it too (GDPR Art. 19), whatever the guest consents to. */
  async erased(guest: Guest, at: Date): Promise<void> {
    if (this.webhooks.hasListeners('guest.erased')) await this.tell('guest.erased', guest, moved(guest, 'erased', at));
  }

  /** What is being said to Genesys at this moment in this process is cut short; the hand-over sees to the rest. */
  private hangUp(guestId: string): void {
    this.channel.leave(guestId).catch((error: unknown) => {
      this.logger.warn('guest socket not given up yet', { guestId, code: errorCode(error) });
    });
  }

  /** The guest's flags are what its newest records say: none changes without one. */
  private async recordConsent(before: Guest | null, guest: Guest, decided: ConsentRecord | undefined): Promise<void> {
    if (decided !== undefined) return this.consents.add(decided);
    if (before?.consent === guest.consent) return;
    const recordedAt = guest.modifiedDate;
    for (const { purpose, decision } of decisions(before?.consent ?? null, guest.consent)) {
      // Of a guest made in this unit nothing can be on record, and looking would cost a round trip.
      const current = before === null ? null : await this.consents.current(guest.id, purpose);
      await this.consents.add({
        id: uuidv7(recordedAt.getTime()),
        guestId: guest.id,
        purpose,
        decision,
        noticeVersion: null,
        method: 'api',
        at: decidedAt(undefined, recordedAt, lastWordAt(guest, current)),
        recordedAt,
        actor: currentActor(),
        keyId: this.settings.receiptKeys[0]!.id,
      });
    }
  }

  /** Whether anybody is to be told. Of a guest without consent nobody is. */
  private isToldOf(guest: Guest, type: EventType): boolean {
    return mayLeave(guest, 'webhook.event') && this.webhooks.hasListeners(type);
  }

  /** What customers' systems are told: that it happened, to whom, and where to look. */
  private async tell(type: EventType, before: Guest | null, guest: Guest, more: object = {}): Promise<void> {
    const { id, version, state, modifiedDate } = guest;
    const data = { guestId: id, version, state, changed: changedNames(before, guest), ...more };
    await this.webhooks.emit({ type, subject: `guest:${id}`, at: modifiedDate, data });
  }

  private async sendOn(guest: Guest, dueAt?: Date): Promise<void> {
    if (mayLeave(guest, 'crm.record'))
      await this.crmSync.put({ guestId: guest.id, version: guest.version, record: crmRecord(guest) }, dueAt);
    else await this.crmSync.withdraw(guest.id);
    const when = handOverDue(guest, dueAt);
    if (when !== 'never')
      await this.outbox.put({ topic: HAND_OVER, subject: guest.id, ...(when === 'now' ? {} : { dueAt: when }) });
  }
}

/**
 * A page's own Messenger begins a widget-led guest's conversation: until it is linked there is nobody to tell. Closed before that, the
 * guest waits for its conversation for as long as one could still prove to be its own.
 */
function handOverDue(guest: Guest, dueAt: Date | undefined): Date | 'now' | 'never' {
  if (guest.mode === 'server' || guest.conversations.length > 0) return dueAt ?? 'now';
  return guest.state === 'closing' ? signatureExpiry(guest) : 'never';
}

function eventType(before: Guest | null, guest: Guest): EventType {
  if (before === null) return 'guest.created';
  if (isOver(guest) && !isOver(before)) return 'guest.closed';
  return guest.conversations.length > before.conversations.length ? 'guest.linked' : 'guest.updated';
}

/** JSON pointers (RFC 6901) into the guest as the API shows it: names, never values. */
function changedNames(before: Guest | null, guest: Guest): string[] {
  if (before === null) return [];
  const names = pointersOfChange(guest);
  if (guest.interactionCount !== before.interactionCount) names.push('/interactionCount');
  if (guest.state !== before.state) names.push('/state');
  if (guest.closeReason !== before.closeReason) names.push('/closeReason', '/closedDate');
  if (!deepEqual(guest.conversations, before.conversations)) names.push('/genesys');
  return names.sort();
}

const crmRecord = (guest: Guest): CrmRecord => ({
  externalId: guest.id,
  emailHash: guest.identity.emailHash,
  phoneHash: guest.identity.phoneHash,
  keyId: guest.identity.keyId,
  consentFlags: guest.consent,
  lastInteraction: guest.modifiedDate.toISOString(),
  channelContext: { ...guest.channelContext },
});

function measured(before: Guest | null, guest: Guest): MetricEvent[] {
  const fact = (type: MetricEvent['type'], at = guest.modifiedDate): MetricEvent => ({ guestId: guest.id, type, at });
  const events = [before === null ? fact('created', guest.createdDate) : fact('modified')];
  const reached = (one: Guest | null): boolean => one?.attributes['converted'] === 'true';
  if (reached(guest) !== reached(before)) events.push(fact(reached(guest) ? 'converted' : 'unconverted'));
  if (guest.closedDate !== null && before?.closedDate === null) events.push(fact('closed', guest.closedDate));
  return events;
}
