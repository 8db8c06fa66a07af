import { Injectable, Logger } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { Vault } from '../../kernel/vault.js';
import type { EventName } from '../audit/index.js';
import { aboutHeard } from './attachment.js';
import type { Attachment, HeardFile } from './attachment.js';
import { sealAbout, sealSource } from './attachment.sealing.js';
import { mayLeave } from './consent.js';
import { provesGuest } from './guest.attributes.js';
import { GuestChanges } from './guest.changes.js';
import { serverLed } from './guest.errors.js';
import { LINK, MARK } from './guest.intents.js';
import {
  begun,
  closed,
  configured,
  conversationEnded,
  expired,
  failed,
  found,
  isOver,
  linked,
  linkedConversation,
  messageCounted,
  shown,
} from './guest.js';
import type { Guest, Seen } from './guest.js';
import { GuestSettings } from './guest.settings.js';
import type { Message } from './message.js';
import { TEXT_PLACE } from './message.service.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { Conversations } from './ports/conversations.js';
import type { ConversationView } from './ports/conversations.js';
import type { ChannelEvent } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';
import { SessionStore } from './ports/session.store.js';

/** A message that Genesys does not know after about half a minute it will never know, nor its conversation. */
export const LINK_ATTEMPTS = 16;

type Said = Extract<ChannelEvent, { type: 'message' }>;

/** What Genesys tells us of a guest. Everything may be told twice and out of order, and changes something once. */
@Injectable()
export class ConversationService {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly guests: GuestStore,
    private readonly sessions: SessionStore,
    private readonly messages: MessageStore,
    private readonly attachments: AttachmentStore,
    private readonly conversations: Conversations,
    private readonly changes: GuestChanges,
    private readonly outbox: Outbox,
    private readonly vault: Vault,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: GuestSettings,
  ) {}

  /** What was heard on a guest's socket. Resolves when it is recorded: the guest's next event waits for that. */
  async heard(event: ChannelEvent): Promise<void> {
    const { guestId } = event;
    switch (event.type) {
      case 'configured':
        return this.become(guestId, 'GUEST_UPDATED', (guest, at) => configured(guest, at));
      case 'joined':
        return this.began(guestId, event.messageId);
      case 'message':
        return this.said(event);
      case 'conversation-ended':
        return event.readOnly && this.settings.afterReadOnly === 'close'
          ? this.over(guestId, 'GUEST_CLOSED', (guest, at) => closed(guest, 'read_only', at))
          : this.become(guestId, 'GUEST_UPDATED', (guest) => conversationEnded(guest, event.at));
      case 'session-ended':
        if (event.how === 'superseded') {
          // Somebody else configured this guest's token more often than Genesys allows: the session lives on, with them, and is not fought for.
          this.logger.error('guest socket superseded', { guestId });
          return this.sessions.stepBack(guestId);
        }
        return event.how === 'expired'
          ? this.over(guestId, 'GUEST_EXPIRED', expired)
          : this.over(guestId, 'GUEST_CLOSED', (guest, at) =>
              closed(guest, guest.state === 'closing' ? (guest.closeReason ?? 'api') : 'guest_cleared', at),
            );
    }
  }

  /**
   * A page reports a message of its Messenger, so that a widget-led guest's conversation is found. Only a hint: what the conversation itself says decides.
   * @throws AppError `guest.not_found`, `guest.server_led`
   */
  async reported(guestId: string, messageId: string): Promise<void> {
    await this.work.run(async () => {
      const guest = await this.guests.get(guestId);
      if (guest.mode === 'server') throw serverLed(guestId);
      await this.outbox.put({ topic: LINK, subject: guestId, payload: { messageId } });
    });
  }

  /**
   * Finds the conversation of a message and ties it to the guest.
   * @throws AppError `genesys.message_unknown` (passing at first: Genesys needs a while to know a message), `guest.not_proven`
   */
  async link(guestId: string, messageId: string, attempt: number): Promise<void> {
    const guest = await this.guests.get(guestId);
    if (!mayLeave(guest, 'genesys.link')) return;
    const conversationId = await this.conversations.ofMessage(messageId);
    const conversation = conversationId === null ? null : await this.conversations.read(conversationId);
    if (conversation === null)
      throw new AppError(
        attempt < LINK_ATTEMPTS ? 'unavailable' : 'refused',
        'genesys.message_unknown',
        'Genesys does not know the message.',
      );
    await this.work.run(async () => {
      await this.linkTo(guestId, conversation, guest.mode === 'server');
      await this.guests.update(guestId, (known) => found(known, messageId, conversation.id));
    });
  }

  /**
   * Ties a conversation to its guest, by whatever way it was found, and takes over what it shows. Shown again as it is known it changes nothing.
   * `heardHere`: the guest's own socket led to it.
   * @throws AppError `guest.not_found`, `guest.not_proven`
   */
  async linkTo(guestId: string, conversation: ConversationView, heardHere = false): Promise<void> {
    await this.work.run(async () => {
      const guest = await this.guests.get(guestId);
      if (!mayLeave(guest, 'genesys.link')) return;
      const isKnown = guest.conversations.some(({ id }) => id === conversation.id);
      if (!isKnown && !heardHere && !(await this.isTheirs(guest, conversation)))
        throw new AppError(
          'refused',
          'guest.not_proven',
          'The conversation does not carry the signature of this guest.',
        );
      await this.become(
        guestId,
        isKnown ? 'GUEST_UPDATED' : 'GUEST_LINKED',
        (known, at) => linked(known, conversation, at),
        { conversationId: conversation.id },
      );
      await this.seen(guestId, conversation);
      if (!isKnown) await this.wantMark(guestId, conversation.id);
      if (guest.mode === 'widget') await this.countShown(guestId, conversation);
      if (conversation.expired === true) await this.over(guestId, 'GUEST_EXPIRED', expired);
      else if (conversation.ended) await this.ended(guestId, conversation.id);
    });
  }

  /** Who the guest is in a conversation, which changes when contacts are merged. */
  async seen(guestId: string, conversation: Seen): Promise<void> {
    await this.guests.update(guestId, (known) => shown(known, conversation));
  }

  /** A conversation is over, or Genesys does not know it any more. */
  async ended(guestId: string, conversationId: string): Promise<void> {
    await this.become(guestId, 'GUEST_UPDATED', (known, at) => conversationEnded(known, at, conversationId), {
      conversationId,
    });
  }

  /** A message of ours was accepted by Genesys and is known by `key` from now on. */
  async accepted(guestId: string, messageId: string, key: string, at: Date): Promise<void> {
    await this.work.run(async () => {
      if (await this.messages.accepted(guestId, messageId, key)) await this.count(guestId, { from: 'guest', at });
    });
  }

  /** The session is over, for a reason that ends the guest too; its token is forgotten when the guest is over. */
  async over(guestId: string, event: EventName, how: (guest: Guest, at: Date) => Guest): Promise<void> {
    await this.work.run(async () => {
      await this.become(guestId, event, how);
      if (isOver(await this.guests.get(guestId))) await this.sessions.remove(guestId);
    });
  }

  /** Genesys will not have it, whatever is tried: a start fails, and an end is as good as it gets. */
  refused(guestId: string, code: string): Promise<void> {
    this.logger.error('guest refused by genesys', { guestId, code });
    return this.over(guestId, 'GUEST_FAILED', (guest, at) =>
      guest.state === 'closing' ? closed(guest, 'refused', at) : failed(guest, at),
    );
  }

  private async said(event: Said): Promise<void> {
    const { guestId, key, from, at, messageId } = event;
    await this.work.run(async () => {
      // Whoever has withdrawn is not listened to any more, whatever still arrives.
      if (!mayLeave(await this.guests.get(guestId), 'genesys.session')) return this.began(guestId, messageId);
      const ours = event.sentAs ?? (await this.sentUnseen(event));
      if (ours !== null) await this.accepted(guestId, ours, key, at);
      else {
        const sealedText = await this.vault.seal(`guest:${guestId}`, TEXT_PLACE, event.text);
        const files = (event.attachments ?? []).map((file) => ({ id: uuidv7(), file }));
        const attachmentIds = files.map(({ id }) => id);
        const message: Message = {
          ...{ id: uuidv7(), guestId, key, from, at, status: from === 'guest' ? 'sent' : 'received', sealedText },
          ...(files.length === 0 ? {} : { attachmentIds }),
        };
        if (await this.counted(message)) for (const { id, file } of files) await this.keep(message, id, file);
      }
      await this.began(guestId, messageId);
    });
  }

  /** What is known of a file in a message; its bytes stay at Genesys. */
  private async keep({ id: messageId, guestId, from, at }: Message, id: string, file: HeardFile): Promise<void> {
    const { url, size } = file;
    const attachment: Attachment = {
      ...{ id, guestId, messageId, status: from === 'guest' ? 'uploaded' : 'received', size, code: null, at },
      sealedAbout: await sealAbout(this.vault, guestId, aboutHeard(file)),
      sealedSource: url === null ? null : await sealSource(this.vault, guestId, { id: file.id, url }),
    };
    await this.attachments.add(attachment, null);
  }

  /**
   * Which message of ours this is, if it is one whose acceptance we have not seen: the process that sent it died, and history shows it. Nobody
   * else writes with the guest's token.
   */
  private async sentUnseen({ guestId, key, from, text, attachments = [] }: Said): Promise<string | null> {
    if (from !== 'guest' || (await this.messages.knows(guestId, key))) return null;
    const carried = attachments.map(({ id }) => id).join();
    for (const { id, sealedText, attachmentIds = [] } of await this.messages.queued(guestId))
      if (
        attachmentIds.join() === carried &&
        sealedText !== null &&
        (await this.vault.open(`guest:${guestId}`, TEXT_PLACE, sealedText)) === text
      )
        return id;
    return null;
  }

  private async wantMark(guestId: string, conversationId: string): Promise<void> {
    const payload = { conversationId, what: 'tag' };
    await this.outbox.put({ topic: MARK, subject: guestId, distinct: conversationId, payload });
  }

  /** Nobody here listens to a page's own Messenger: what was said in it is known from where it was said. */
  private async countShown(guestId: string, { messages }: ConversationView): Promise<void> {
    for (const { key, from, at } of messages)
      if (!(await this.messages.knows(guestId, key)))
        await this.counted({ id: uuidv7(), guestId, key, from, at, status: 'received', sealedText: null });
  }

  /**
   * A visitor can put any guest's id into a conversation. A page's guest is proven by our signature; one whose socket is ours, by a message that
   * was heard on it.
   */
  private async isTheirs(guest: Guest, { attributes, messages }: ConversationView): Promise<boolean> {
    if (guest.mode === 'widget') return provesGuest(attributes, guest.id, this.settings.widgetKeys, this.clock.now());
    for (const { key } of messages) if (await this.messages.knows(guest.id, key)) return true;
    return false;
  }

  /** False when it is known already. */
  private counted(message: Message): Promise<boolean> {
    return this.work.run(async () => {
      const isNew = await this.messages.add(message);
      if (isNew) await this.count(message.guestId, message);
      return isNew;
    });
  }

  private async count(guestId: string, message: Parameters<GuestChanges['messageSeen']>[2]): Promise<void> {
    let before: Guest | undefined;
    const guest = await this.guests.update(guestId, (known) => messageCounted((before = known), this.clock.now()));
    await this.changes.messageSeen(before!, guest, message);
  }

  /** There is a conversation, which is remembered and looked for unless it is known. */
  private async began(guestId: string, messageId: string): Promise<void> {
    await this.work.run(async () => {
      const guest = await this.guests.update(guestId, (known) => begun(known, messageId));
      if (linkedConversation(guest) === null && mayLeave(guest, 'genesys.link'))
        await this.outbox.put({ topic: LINK, subject: guestId, payload: { messageId } });
    });
  }

  /** One transition, and everything that follows from it; nothing when the guest is there already. */
  private async become(
    guestId: string,
    event: EventName,
    to: (guest: Guest, at: Date) => Guest,
    changes: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.changes.change(
      guestId,
      (known) => to(known, this.clock.now()),
      (before, { closeReason }) => ({
        event,
        changes: { from: before.state, ...(closeReason === null ? {} : { closeReason }), ...changes },
      }),
    );
  }
}
