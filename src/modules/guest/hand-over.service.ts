import { Injectable, Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { Vault } from '../../kernel/vault.js';
import { MetricsService } from '../metrics/index.js';
import { stillUploading, uploadFailed } from './attachment.errors.js';
import { AttachmentService } from './attachment.service.js';
import { ConversationService, LINK_ATTEMPTS } from './conversation.service.js';
import { mayLeave } from './consent.js';
import type { WayOut } from './consent.js';
import { attributesHash, genesysAttributes, signatureExpiry } from './guest.attributes.js';
import { heldElsewhere, notLinkedYet, stillSending } from './guest.errors.js';
import { closed, isOver, linkedConversation } from './guest.js';
import type { Guest } from './guest.js';
import { GuestSettings } from './guest.settings.js';
import { MessageService } from './message.service.js';
import { Conversations } from './ports/conversations.js';
import { FILE_GONE, GuestChannel } from './ports/guest-channel.js';
import type { ChannelSession, SignedIn } from './ports/guest-channel.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';
import { SessionStore } from './ports/session.store.js';
import { isSpent, readSecret, TOKEN_PLACE, writtenSecret } from './session.secret.js';
import type { SessionSecret } from './session.secret.js';

/**
 * The storage said no, or Genesys lost what was announced, while the guest socket works: the next attempt announces the file anew. The guest's
 * messages wait behind it, so that has an end, after about five minutes.
 */
const UPLOAD_FAILED = ['genesys.upload_failed', FILE_GONE];
const UPLOAD_ATTEMPTS = 150;
/** How long a process may be silent before others take its sockets over. */
export const HOLD_MS = 30_000;
/** How many sessions one run takes over at most, so that they do not all come back at once. */
const ADOPT_AT_ONCE = 100;

/** Brings Genesys Cloud up to the newest state of a guest. Every step is safe to repeat. */
@Injectable()
export class HandOverService {
  private readonly logger = new Logger('guest');
  private readonly unsealed = new Map<string, SignedIn>();
  private readonly opening = new Map<string, ReturnType<HandOverService['openSecret']>>();

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
    private readonly settings: GuestSettings,
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
    const session = await this.reach(guest, 'genesys.message');
    if (session === null) return this.messages.failed(guestId, messageId);
    // Reaching it may have shown, by its history, that an earlier attempt was accepted.
    const now = await this.messages.find(guestId, messageId);
    const newest = await this.consenting(guestId, 'genesys.message');
    if (newest === null) return this.messages.failed(guestId, messageId);
    if (now?.status !== 'queued') return;
    const sending = this.channel.send(
      session,
      {
        id: messageId,
        text,
        attachmentIds,
        since: message.at,
        retry: attempt > 1,
        isKnown: (known) => this.messages.knows(guestId, known),
      },
      genesysAttributes(newest, null),
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
    const session = await this.open(guest, 'genesys.message');
    if (session === null) return this.files.expired(guestId, [attachmentId], 'consent.required');
    const { url } = await this.channel.upload(session, file).catch((error: unknown) => {
      if (!UPLOAD_FAILED.includes(errorCode(error))) throw error;
      throw uploadFailed(attempt < UPLOAD_ATTEMPTS, error);
    });
    await this.files.uploaded(guestId, attachmentId, url);
  }

  /** Asks anew where Genesys has a file, after opening the session if need be. */
  async locate(guestId: string, attachmentId: string): Promise<void> {
    const guest = await this.guests.get(guestId);
    const source = await this.files.sourceOf(guestId, attachmentId);
    if (source === null || isOver(guest) || !mayLeave(guest, 'attachment.content')) return;
    const session = await this.open(guest, 'attachment.content');
    if (session === null) return;
    await this.files.located(guestId, attachmentId, await this.channel.locate(session, source.id));
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
        else await this.sessions.stepBack(guestId);
      }),
    );
    const failed = outcomes.filter(({ status }) => status === 'rejected').length;
    if (failed > 0) this.logger.warn('guest sockets not taken over yet', { sockets: failed, of: adopted.length });
  }

  /** The session, when Genesys is reached and consent is live still; null, and nobody listens, when it was withdrawn meanwhile. */
  private async open(guest: Guest, way: WayOut = 'genesys.session'): Promise<ChannelSession | null> {
    const session = await this.reach(guest, way);
    return session === null || (await this.consenting(guest.id, way)) === null ? null : session;
  }

  /** As `open`; whoever sends something more looks at consent again before. */
  private async reach(guest: Guest, way: WayOut): Promise<ChannelSession | null> {
    const session = await this.sessionOf(guest);
    await this.hold(guest.id);
    const newest = await this.consenting(guest.id, way);
    if (newest === null) return null;
    await this.channel.open(session, genesysAttributes(newest, null));
    return session;
  }

  /**
   * Reaching Genesys may take its time, so consent is looked at again, last of all before something leaves: from then on a withdrawal in this process
   * finds what is leaving, and cuts it short. Null, and nobody listens, when it was withdrawn meanwhile.
   */
  private async consenting(guestId: string, way: WayOut): Promise<Guest | null> {
    const newest = await this.guests.get(guestId);
    if (mayLeave(newest, way)) return newest;
    await this.channel.leave(guestId);
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
    const still = async (): Promise<boolean> => mayLeave(await this.guests.get(guestId), 'genesys.attributes');
    await this.conversations.setAttributes(conversation.id, conversation.participantId, attributes, still);
    await this.guests.update(guest.id, (known) => ({ ...known, handedOver }));
  }

  /** As the guest would end it, else as the organisation would, when all that was accepted to be sent is sent. */
  private async end(guest: Guest, attempt: number): Promise<void> {
    if ((await this.messages.queued(guest.id)).length > 0) throw stillSending(guest.id);
    const conversation = linkedConversation(guest);
    if (guest.mode === 'server') {
      if (!(await this.isYetToSignIn(guest.id))) await this.endSession(guest, attempt);
    } else if (conversation !== null) await this.conversations.disconnect(conversation.id);
    else if (guest.conversations.length === 0) {
      const waitMs = signatureExpiry(guest).getTime() - this.clock.now().getTime();
      if (waitMs > 0) throw notLinkedYet(guest.id, waitMs);
    }
    const spoke = guest.conversations.length > 0 || guest.interactionCount > 0;
    const reason = guest.closeReason ?? (spoke ? 'api' : 'abandoned');
    await this.told.over(guest.id, 'GUEST_CLOSED', (known, at) => closed(known, reason, at));
  }

  private async endSession(guest: Guest, attempt: number): Promise<void> {
    const conversation = linkedConversation(guest);
    const session = await this.sessionOf(guest);
    await this.hold(guest.id);
    const how = await this.channel.end(session);
    if (how === 'unsupported' && conversation === null && attempt < LINK_ATTEMPTS) throw notLinkedYet(guest.id);
    if (how === 'unsupported' && conversation !== null) await this.conversations.disconnect(conversation.id);
    await this.channel.leave(guest.id);
  }

  /** A session that nobody has signed in to, or is about to, has never been opened. */
  private async isYetToSignIn(guestId: string): Promise<boolean> {
    if (this.opening.has(guestId)) return false;
    const { signIn } = await this.readSecretOf(guestId);
    return signIn !== undefined && !isSpent(signIn);
  }

  private async sessionOf(guest: Guest): Promise<ChannelSession> {
    const { token, signedIn } = await this.secretOf(guest.id);
    return {
      ...(signedIn === undefined ? {} : { signedIn }),
      ...{ guestId: guest.id, token, endsWithReadOnly: this.settings.afterReadOnly === 'close' },
      resumed: guest.conversations.length > 0 || guest.interactionCount > 0,
    };
  }

  /** One at a time for each guest, because a code is good for once. */
  private secretOf(guestId: string): ReturnType<HandOverService['openSecret']> {
    const known = this.opening.get(guestId) ?? this.openSecret(guestId).finally(() => this.opening.delete(guestId));
    this.opening.set(guestId, known);
    return known;
  }

  private async openSecret(guestId: string): Promise<{ readonly token: string; readonly signedIn?: SignedIn }> {
    const { token, signIn } = await this.readSecretOf(guestId);
    if (signIn === undefined) return { token };
    if (isSpent(signIn)) return { token, signedIn: signIn };
    await this.hold(guestId);
    const signedIn = this.unsealed.get(guestId) ?? (await this.channel.signIn(guestId, signIn));
    await this.seal(guestId, token, signedIn);
    return { token, signedIn };
  }

  /** What a code was exchanged for cannot be had again, so while storage is away it is kept here. */
  private async seal(guestId: string, token: string, signedIn: SignedIn): Promise<void> {
    this.unsealed.set(guestId, signedIn);
    try {
      const written = writtenSecret({ token, signIn: signedIn });
      const sealedToken = await this.vault.seal(subjectOf(guestId), TOKEN_PLACE, written);
      await this.sessions.reseal({ guestId, sealedToken });
      this.unsealed.delete(guestId);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'unavailable') this.unsealed.delete(guestId);
      throw error;
    }
  }

  private async readSecretOf(guestId: string): Promise<SessionSecret> {
    const session = await this.sessions.find(guestId);
    const opened =
      session === null ? null : await this.vault.open(subjectOf(guestId), TOKEN_PLACE, session.sealedToken);
    if (opened === null) this.unsealed.delete(guestId);
    if (opened === null) throw new AppError('refused', 'guest.session_gone', 'The session of this guest is over.');
    return readSecret(opened);
  }
}

const subjectOf = (guestId: string): string => `guest:${guestId}`;
