import type { JsonObject } from '../json.js';
import { Conversation, type Change, type Participant } from './conversation.js';
import { messageKey, type Message, type MessageBody } from './message.js';

/** Every conversation of the organisation, and every message by its id. */
export class Conversations {
  private conversations = new Map<string, Conversation>();
  private messages = new Map<string, Message>();
  /** Hears of every change. */
  onChange: (conversation: Conversation, change: Change) => void = () => undefined;

  constructor(
    /** Identity resolution: the contact of a journey's customer, if it finds or makes one. */
    private readonly resolve: (journeyContext: JsonObject | null) => string | null,
  ) {}

  begin(sessionNumber: number, journeyContext: JsonObject | null): Conversation {
    const changed = (change: Change) => this.onChange(conversation, change);
    const conversation = new Conversation(sessionNumber, journeyContext, changed);
    conversation.customer.externalContactId = this.resolve(journeyContext);
    this.conversations.set(conversation.id, conversation);
    changed('customer.start');
    return conversation;
  }

  find(id: string): Conversation | undefined {
    return this.conversations.get(id);
  }

  /** Oldest first. */
  list(): Conversation[] {
    return [...this.conversations.values()];
  }

  /** Keeps what a participant sent. */
  keep(conversation: Conversation, participant: Participant, body: MessageBody): Message {
    const message: Message = { body, conversationId: conversation.id, acceptedAt: Date.now(), lookupDelayMs: null };
    participant.messages.push(message);
    this.messages.set(body.id, message);
    // Whether the platform finds a guest's message by its channel id too is not documented; whoever has only the history has only that id.
    this.messages.set(messageKey(body), message);
    this.onChange(conversation, 'message');
    return message;
  }

  findMessage(id: string): Message | undefined {
    return this.messages.get(id);
  }

  clear(): void {
    this.conversations.clear();
    this.messages.clear();
  }
}
