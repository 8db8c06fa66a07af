import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import { AuditService } from '../audit/index.js';
import type { Attachment, ReadableAttachment } from './attachment.js';
import { cannotBeNamed } from './attachment.errors.js';
import { readable } from './attachment.sealing.js';
import { queueFull, TEXT_MAX_BYTES, tooLong } from './guest.errors.js';
import { SEND } from './guest.intents.js';
import { requireWritable } from './guest.writable.js';
import type { Message, ReadableMessage } from './message.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';

/** Where message texts stand in the vault. */
export const TEXT_PLACE = 'message.text';

/** How many messages of one guest may wait for Genesys: about what a session may send in a minute (60 requests a connection). */
export const MOST_QUEUED = 50;
/** When there is room again if Genesys takes messages at that rate; no promise. */
const QUEUE_MOVES_MS = 5_000;

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
      // Locked, so that nothing is written beside its removal.
      requireWritable(await this.guests.lock(guestId), 'genesys.message');
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
      return { ...message, text, attachments: await this.filesOf(message, await this.carriedBy([message])) };
    });
  }

  /** @throws AppError `guest.not_found` */
  async list(guestId: string, cursor: string | undefined, limit: number): Promise<ReadableMessagePage> {
    await this.guests.get(guestId);
    const page = await this.messages.list(guestId, cursor, limit);
    const carried = await this.carriedBy(page.items);
    const items = await Promise.all(
      page.items.map(async (message) => ({
        ...message,
        text: await this.textOf(message),
        attachments: await this.filesOf(message, carried),
      })),
    );
    return { items, nextCursor: page.nextCursor };
  }

  /** A message as it may be seen: without `words`, only that there is one, and how many files it carries. */
  async shown(message: Message, words = true): Promise<ReadableMessage> {
    const attachments = await this.filesOf(message, await this.carriedBy([message]));
    if (words) return { ...message, text: await this.textOf(message), attachments };
    return { ...message, text: null, attachments: attachments.map((one) => ({ ...one, about: null })) };
  }

  /** The files that messages of one guest carry, by their ids. */
  private async carriedBy(messages: readonly Message[]): Promise<ReadonlyMap<string, Attachment>> {
    const ids = messages.flatMap(({ attachmentIds = [] }) => attachmentIds);
    const found = ids.length === 0 ? [] : await this.attachments.findAll(messages[0]!.guestId, ids);
    return new Map(found.map((attachment) => [attachment.id, attachment]));
  }

  private filesOf(
    { attachmentIds = [] }: Message,
    carried: ReadonlyMap<string, Attachment>,
  ): Promise<ReadableAttachment[]> {
    return Promise.all(attachmentIds.flatMap((id) => carried.get(id) ?? []).map((one) => readable(this.vault, one)));
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
