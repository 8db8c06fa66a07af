import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import { AuditService } from '../audit/index.js';
import { mayLeave, purposeOf } from './consent.js';
import type { WayOut } from './consent.js';
import { consentNotLive } from './consent.errors.js';
import { cannotBeNamed } from './attachment.errors.js';
import { guestClosed, queueFull, TEXT_MAX_BYTES, tooLong, widgetLed } from './guest.errors.js';
import { isOver } from './guest.js';
import type { Guest } from './guest.js';
import type { Message } from './message.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';

/** Topic of the intent "send this message as the guest". */
export const SEND = 'genesys.send';

/** Where message texts stand in the vault. */
export const TEXT_PLACE = 'message.text';

/** How many messages of one guest may wait for Genesys: about what a session may send in a minute (60 requests a connection). */
export const MOST_QUEUED = 50;
/** When there is room again if Genesys takes messages at that rate; no promise. */
const QUEUE_MOVES_MS = 5_000;

/** A message with its text readable. Null when the text was never known, or was erased. */
export type ReadableMessage = Message & { readonly text: string | null };
export type ReadableMessagePage = { readonly items: readonly ReadableMessage[]; readonly nextCursor: string | null };

/** What can be asked of a guest's messages. */
@Injectable()
export class MessageService {
  constructor(
    private readonly guests: GuestStore,
    private readonly messages: MessageStore,
    private readonly attachments: AttachmentStore,
    private readonly outbox: Outbox,
    private readonly audit: AuditService,
    private readonly vault: Vault,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /**
   * Accepts a text to be sent as the guest; it is on its way when this resolves, and closing the guest waits for it. Genesys' own limits are met
   * by waiting, so what they hold back shows as a queue; a full one takes no more.
   * @throws AppError `guest.not_found`, `guest.widget_led`, `guest.closed`, `consent.required`, `message.too_long`,
   * `message.queue_full`, `message.attachment_refused`
   */
  async send(guestId: string, text: string, attachmentIds: readonly string[] = []): Promise<ReadableMessage> {
    const excess = Buffer.byteLength(text, 'utf8') - TEXT_MAX_BYTES;
    if (excess > 0) throw tooLong(excess);
    return this.work.run(async () => {
      requireWritable(await this.guests.get(guestId), 'genesys.message');
      if ((await this.messages.queued(guestId)).length >= MOST_QUEUED)
        throw queueFull(guestId, MOST_QUEUED, QUEUE_MOVES_MS);
      const message: Message = {
        id: uuidv7(this.clock.now().getTime()),
        guestId,
        key: null,
        from: 'guest',
        status: 'queued',
        sealedText: await this.vault.seal(`guest:${guestId}`, TEXT_PLACE, text),
        at: this.clock.now(),
        ...(attachmentIds.length === 0 ? {} : { attachmentIds }),
      };
      await this.carry(message);
      await this.messages.add(message);
      await this.outbox.put({
        topic: SEND,
        subject: guestId,
        distinct: message.id,
        payload: { messageId: message.id },
      });
      await this.audit.record({
        subject: `guest:${guestId}`,
        event: 'MESSAGE_SENT',
        changes: {
          ...{ messageId: message.id, bytes: Buffer.byteLength(text, 'utf8') },
          ...(attachmentIds.length === 0 ? {} : { attachmentIds }),
        },
      });
      return { ...message, text };
    });
  }

  /** @throws AppError `guest.not_found` */
  async list(guestId: string, cursor: string | undefined, limit: number): Promise<ReadableMessagePage> {
    await this.guests.get(guestId);
    const page = await this.messages.list(guestId, cursor, limit);
    const items = await Promise.all(
      page.items.map(async (message) => ({ ...message, text: await this.textOf(message) })),
    );
    return { items, nextCursor: page.nextCursor };
  }

  /** Null when the text was never known, or was erased with the guest's key. */
  async textOf({ guestId, sealedText }: Message): Promise<string | null> {
    return sealedText === null ? null : this.vault.open(`guest:${guestId}`, TEXT_PLACE, sealedText);
  }

  /** A file goes with one message, and once. */
  private async carry({ guestId, id, attachmentIds = [] }: Message): Promise<void> {
    if (attachmentIds.length === 0) return;
    const known = new Map((await this.attachments.findAll(guestId, attachmentIds)).map((one) => [one.id, one]));
    attachmentIds.forEach((attachmentId, at) => {
      const attachment = known.get(attachmentId);
      if (attachment === undefined) throw cannotBeNamed(at, 'is no attachment of this guest');
      if (attachment.messageId !== null) throw cannotBeNamed(at, 'is carried by another message');
      if (attachment.status === 'refused' || attachment.status === 'expired')
        throw cannotBeNamed(at, `cannot be sent: it is ${attachment.status}`);
    });
    await this.attachments.carry(guestId, attachmentIds, id);
  }

  /** Genesys will never take it. */
  failed(guestId: string, messageId: string): Promise<void> {
    return this.messages.failed(guestId, messageId);
  }
}

/** @throws AppError `guest.widget_led`, `guest.closed`, `consent.required` when nothing may be said to Genesys as this guest in this way */
export function requireWritable(guest: Guest, way: WayOut): void {
  if (guest.mode === 'widget') throw widgetLed(guest.id);
  if (isOver(guest) || guest.state === 'closing') throw guestClosed(guest.id, guest.state);
  if (!mayLeave(guest, way)) throw consentNotLive(guest.id, purposeOf(way));
}
