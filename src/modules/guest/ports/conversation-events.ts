/** What the organisation tells us of a conversation, by whatever way. It says where to look; what it was about is read there. */
export type ConversationNews = {
  readonly conversationId: string;
  /** Whose it says it is. Null when it does not say. */
  readonly guestId: string | null;
  /** The guest's part in it has ended. */
  readonly ended: boolean;
};

/** The forms in which an organisation's flows and events reach us. */
export abstract class ConversationEvents {
  /**
   * What a body tells us; null when it is about something else.
   * @throws AppError `request.invalid` by field when it has none of the forms we know
   */
  abstract read(body: unknown): ConversationNews | null;
}
