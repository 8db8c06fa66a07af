/** Who is told. */
export type NotificationListener = {
  /** Takes a notification, in a form `ConversationEvents` reads. It may come twice, late and out of order. */
  told(notification: unknown): Promise<void>;
  /** Nobody listened for a while, and what happened meanwhile is not told again. Asked once more later if it fails. */
  missed(): Promise<void>;
};

/**
 * What Genesys says of conversations to whoever listens. It is sooner than asking and never all: some of it is lost, so nothing may depend on it.
 */
export abstract class ConversationNotifications {
  /** How many conversations can be listened to at once; 0 where nobody is to listen. */
  abstract readonly most: number;
  /** Registers who is told. */
  abstract listen(listener: NotificationListener): void;
  /** Listens to exactly these conversations, `most` at most. Resolves when they were asked for; what fails is tried again by itself. */
  abstract follow(conversationIds: readonly string[]): Promise<void>;
  /** Listens to nothing any more. Safe to repeat. */
  abstract leave(): void;
}
