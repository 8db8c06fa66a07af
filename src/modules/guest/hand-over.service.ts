import { Injectable, Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Vault } from '../../kernel/vault.js';
import { MetricsService } from '../metrics/index.js';
import { stillUploading } from './attachment.errors.js';
import { AttachmentService } from './attachment.service.js';
import { ConversationService, LINK_ATTEMPTS } from './conversation.service.js';
import { mayLeave } from './consent.js';
import type { WayOut } from './consent.js';
import { attributesHash, genesysAttributes, signatureExpiry } from './guest.attributes.js';
import { heldElsewhere, notLinkedYet, stillSending } from './guest.errors.js';
import { closed, isOver, linkedConversation } from './guest.js';
import type { Guest } from './guest.js';
import { MessageService } from './message.service.js';
import { Conversations } from './ports/conversations.js';
import { GuestChannel } from './ports/guest-channel.js';
import type { ChannelSession } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';
import { SessionStore } from './ports/session.store.js';

/** Genesys has let go of a file that a message was to carry. */
const FILE_GONE = 'genesys.file_gone';
/** The storage said no, while the guest socket works. The guest's messages wait behind the file, so that has an end, after about five minutes. */
const UPLOAD_FAILED = 'genesys.upload_failed';
const UPLOAD_ATTEMPTS = 150;
/** How long a process may be silent before others take its sockets over. */
export const HOLD_MS = 30_000;
/** How many sessions one run takes over at most, so that they do not all come back at once. */
const ADOPT_AT_ONCE = 100;

/** Brings Genesys Cloud up to the newest state of a guest. Every step is safe to repeat. */
@Injectable()
export class HandOverService {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly guests: GuestStore,
    private readonly sessions: SessionStore,
    private readonly messages: MessageStore,
    private readonly texts: MessageService,
    private readonly files: AttachmentService,
    private readonly channel: GuestChannel,
    private readonly conversations: Conversations,
    private readonly told: ConversationService,
    private readonly metrics: MetricsService,
    private readonly vault: Vault,
    private readonly clock: Clock,
  ) {}

  /** Starts the session, tells what is new, or ends it: whatever the guest's state asks for. */
  async handOver(guestId: string, attempt: number): Promise<void> {
    const guest = await this.guests.get(guestId);
    if (isOver(guest)) return this.channel.leave(guestId);
    if (guest.state === 'closing') return this.end(guest, attempt);
    // Without consent nothing is told any more, and nobody listens.
    if (!mayLeave(guest, 'genesys.session')) return this.channel.leave(guestId);
    if (guest.mode === 'server' && guest.state === 'created') await this.open(guest);
    if (linkedConversation(guest) !== null) await this.tell(guestId);
  }

  /** Sends one message as the guest, after opening the session if need be. */
  async send(guestId: string, messageId: string, attempt: number): Promise<void> {
    const guest = await this.guests.get(guestId);
    const message = await this.messages.find(guestId, messageId);
    if (message === null || message.status !== 'queued') return;
    const text = await this.texts.textOf(message);
    if (text === null || isOver(guest) || !mayLeave(guest, 'genesys.message'))
      return this.messages.failed(guestId, messageId);
    const { attachmentIds = [] } = message;
    const files = await this.files.readiness(guestId, attachmentIds);
    if (files === 'lost') return this.messages.failed(guestId, messageId);
    if (files === 'waiting') throw stillUploading();
    const opened = await this.open(guest, 'genesys.message');
    if (opened === null) return this.messages.failed(guestId, messageId);
    // Opening may have shown, by its history, that an earlier attempt was accepted.
    if ((await this.messages.find(guestId, messageId))?.status !== 'queued') return;
    const sending = this.channel.send(
      opened.session,
      {
        id: messageId,
        text,
        attachmentIds,
        since: message.at,
        retry: attempt > 1,
        isKnown: (known) => this.messages.knows(guestId, known),
      },
      genesysAttributes(opened.guest, null),
    );
    const { key } = await sending.catch(async (error: unknown) => {
      if (errorCode(error) === FILE_GONE) await this.files.expired(guestId, attachmentIds, FILE_GONE);
      throw error;
    });
    await this.told.accepted(guestId, messageId, key, message.at);
  }

  /** Brings one file to Genesys, after opening the session if need be. */
  async upload(guestId: string, attachmentId: string, attempt: number): Promise<void> {
    const guest = await this.guests.get(guestId);
    if (isOver(guest) || !mayLeave(guest, 'genesys.message'))
      return this.files.expired(guestId, [attachmentId], 'guest.closed');
    const file = await this.files.toUpload(guestId, attachmentId);
    if (file === null) return;
    const opened = await this.open(guest, 'genesys.message');
    if (opened === null) return this.files.expired(guestId, [attachmentId], 'consent.required');
    await this.channel.upload(opened.session, file).catch((error: unknown) => {
      if (errorCode(error) !== UPLOAD_FAILED || attempt < UPLOAD_ATTEMPTS) throw error;
      throw new AppError('refused', UPLOAD_FAILED, 'The storage of Genesys Cloud does not take the file.', {
        cause: error,
      });
    });
    await this.files.uploaded(guestId, attachmentId);
  }

  /** Keeps what this process holds, and leaves what is not its own any more: another has taken it over, or the session is over. */
  async keepSockets(): Promise<void> {
    const held = this.channel.held();
    const kept = new Set(await this.sessions.hold(held, HOLD_MS));
    await Promise.all(held.filter((guestId) => !kept.has(guestId)).map((guestId) => this.channel.leave(guestId)));
  }

  /** Takes over what a process that died, or left, has left behind. */
  async takeOver(): Promise<void> {
    const adopted = await this.sessions.adopt(ADOPT_AT_ONCE, HOLD_MS);
    const outcomes = await Promise.allSettled(
      adopted.map(async ({ guestId }) => {
        const guest = await this.guests.get(guestId);
        if (mayLeave(guest, 'genesys.session') && !isOver(guest) && guest.state !== 'closing') await this.open(guest);
      }),
    );
    const failed = outcomes.filter(({ status }) => status === 'rejected').length;
    if (failed > 0) this.logger.warn('guest sockets not taken over yet', { sockets: failed, of: adopted.length });
  }

  /**
   * Reaching Genesys may take its time, so consent is looked at again when it is reached: null, and nobody listens, when it was withdrawn
   * meanwhile. Otherwise the session, and the guest as it is now.
   */
  private async open(
    guest: Guest,
    way: WayOut = 'genesys.session',
  ): Promise<{ readonly session: ChannelSession; readonly guest: Guest } | null> {
    const session = await this.sessionOf(guest);
    await this.hold(guest.id);
    await this.channel.open(session, genesysAttributes(guest, null));
    const newest = await this.guests.get(guest.id);
    if (mayLeave(newest, way)) return { session, guest: newest };
    await this.channel.leave(guest.id);
    return null;
  }

  /**
   * Before anything is done with a session: one process has its socket, and should that process die, another finds the session and goes on.
   * @throws AppError `guest.held_elsewhere`
   */
  private async hold(guestId: string): Promise<void> {
    if ((await this.sessions.hold([guestId], HOLD_MS)).length === 0) throw heldElsewhere(guestId);
  }

  private async tell(guestId: string): Promise<void> {
    const measures = await this.metrics.current(guestId);
    // Read last, so that what is told is what the guest consents to now.
    const guest = await this.guests.get(guestId);
    const conversation = linkedConversation(guest);
    if (conversation === null || !mayLeave(guest, 'genesys.attributes')) return;
    const attributes = genesysAttributes(guest, measures);
    const handedOver = { conversationId: conversation.id, hash: attributesHash(attributes) };
    if (guest.handedOver?.conversationId === handedOver.conversationId && guest.handedOver.hash === handedOver.hash)
      return;
    await this.conversations.setAttributes(conversation.id, conversation.participantId, attributes);
    await this.guests.update(guest.id, (known) => ({ ...known, handedOver }));
  }

  /** As the guest would end it, else as the organisation would, when all that was accepted to be sent is sent. */
  private async end(guest: Guest, attempt: number): Promise<void> {
    if ((await this.messages.queued(guest.id)).length > 0) throw stillSending(guest.id);
    const conversation = linkedConversation(guest);
    if (guest.mode === 'server') {
      const session = await this.sessionOf(guest);
      await this.hold(guest.id);
      const how = await this.channel.end(session);
      if (how === 'unsupported' && conversation === null && attempt < LINK_ATTEMPTS) throw notLinkedYet(guest.id);
      if (how === 'unsupported' && conversation !== null) await this.conversations.disconnect(conversation.id);
      await this.channel.leave(guest.id);
    } else if (conversation !== null) await this.conversations.disconnect(conversation.id);
    else if (guest.conversations.length === 0) {
      const waitMs = signatureExpiry(guest).getTime() - this.clock.now().getTime();
      if (waitMs > 0) throw notLinkedYet(guest.id, waitMs);
    }
    const spoke = guest.conversations.length > 0 || guest.interactionCount > 0;
    const reason = guest.closeReason ?? (spoke ? 'api' : 'abandoned');
    await this.told.over(guest.id, 'GUEST_CLOSED', (known, at) => closed(known, reason, at));
  }

  private async sessionOf(guest: Guest): Promise<ChannelSession> {
    const session = await this.sessions.find(guest.id);
    const token =
      session === null ? null : await this.vault.open(`guest:${guest.id}`, 'session.token', session.sealedToken);
    if (token === null) throw new AppError('refused', 'guest.session_gone', 'The session of this guest is over.');
    return { guestId: guest.id, token, resumed: guest.conversations.length > 0 || guest.interactionCount > 0 };
  }
}
