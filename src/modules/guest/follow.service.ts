import { Injectable, Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import { Outbox } from '../../kernel/outbox.js';
import { UUID } from '../../kernel/uuid.js';
import { mayLeave } from './consent.js';
import { ConversationService } from './conversation.service.js';
import { FOLLOW } from './guest.intents.js';
import { Conversations } from './ports/conversations.js';
import type { ConversationView } from './ports/conversations.js';
import { ConversationEvents } from './ports/conversation-events.js';
import type { ConversationNews } from './ports/conversation-events.js';
import { GuestStore } from './ports/guest.store.js';

/** Genesys may show a conversation, or its end, a little after it has told of it. This many looks are a few seconds. */
const PATIENCE = 4;
const HIDDEN = ['genesys.forbidden', 'genesys.no_guest_yet'];

/** Follows conversations the organisation tells us of: those of guests whose page has its own Messenger, and any other that is a guest's. */
@Injectable()
export class FollowService {
  private readonly logger = new Logger('guest');

  constructor(
    private readonly guests: GuestStore,
    private readonly conversations: Conversations,
    private readonly told: ConversationService,
    private readonly events: ConversationEvents,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Takes what a flow, a trigger or an event bus tells; whoever told it need not tell it again. Answers whether it was about a conversation.
   * @throws AppError `request.invalid`
   */
  async takeNews(body: unknown): Promise<boolean> {
    const news = this.events.read(body);
    if (news === null) return false;
    const { conversationId, guestId, ended } = news;
    const payload = { ...(guestId === null ? {} : { guestId }), ...(ended ? { ended: 'true' } : {}) };
    await this.outbox.put({ topic: FOLLOW, subject: conversationId, payload });
    return true;
  }

  /** `hidden`: it is not for us to see, or no guest is in it. Anybody's conversation may be told of, so nobody insists. */
  async read(conversationId: string, attempt: number): Promise<ConversationView | null | 'hidden'> {
    try {
      return await this.conversations.read(conversationId);
    } catch (error) {
      if (attempt < PATIENCE || !HIDDEN.includes(errorCode(error))) throw error;
      this.logger.warn('conversation cannot be followed', { conversationId, code: errorCode(error) });
      return 'hidden';
    }
  }

  /** Looks at the conversation itself; what was told of it is only where to look, and may be told twice and late. */
  async follow({ conversationId, guestId, ended }: ConversationNews, attempt: number): Promise<void> {
    const linkedTo = await this.guests.ofConversation(conversationId);
    if (linkedTo !== null && !(await this.mayAsk(linkedTo))) return;
    const conversation = await this.read(conversationId, attempt);
    if (conversation === 'hidden') return;
    if (attempt < PATIENCE && (conversation === null || (ended && !conversation.ended))) throw notShownYet();
    if (conversation === null) return linkedTo === null ? undefined : this.told.ended(linkedTo, conversationId);
    const theirs = linkedTo ?? (await this.claimed(conversation, guestId));
    if (theirs !== null) await this.link(theirs, conversation);
  }

  /** The guest a conversation says it is of, if there is one: that is still to be proven. */
  private async claimed({ attributes }: ConversationView, told: string | null): Promise<string | null> {
    const guestId = attributes['guestSessionId'] ?? told;
    if (guestId === null || !UUID.test(guestId)) return null;
    return (await this.guests.find(guestId))?.id ?? null;
  }

  private async link(guestId: string, conversation: ConversationView): Promise<void> {
    try {
      await this.told.linkTo(guestId, conversation);
    } catch (error) {
      // Anybody can claim to be a guest; it is no fault of whoever told us.
      if (errorCode(error) !== 'guest.not_proven') throw error;
      this.logger.warn('conversation not proven to be a guest’s', { guestId, conversationId: conversation.id });
    }
  }

  private async mayAsk(guestId: string): Promise<boolean> {
    const guest = await this.guests.find(guestId);
    return guest !== null && mayLeave(guest, 'genesys.link');
  }
}

const notShownYet = (): AppError =>
  new AppError('unavailable', 'genesys.not_shown_yet', 'Genesys Cloud does not show yet what it has told.');
