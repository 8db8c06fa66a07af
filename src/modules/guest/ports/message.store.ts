import type { Tally } from '../../../kernel/data-class.js';
import type { Message } from '../message.js';

export type MessagePage = { readonly items: readonly Message[]; readonly nextCursor: string | null };

/** What was said in guests' sessions, each message once. Texts come and go sealed. */
export abstract class MessageStore {
  /**
   * Joins the current unit of work. False, and nothing is written, when a message of this guest with this `key` is known already:
   * Genesys shows messages more than once.
   */
  abstract add(message: Message): Promise<boolean>;
  /** Null when this guest has no such message. */
  abstract find(guestId: string, id: string): Promise<Message | null>;
  /** Whether a message of this guest is known by this key. */
  abstract knows(guestId: string, key: string): Promise<boolean>;
  /** Messages that Genesys has not accepted yet, oldest first. */
  abstract queued(guestId: string): Promise<Message[]>;
  /**
   * Genesys has accepted message `id` and knows it by `key`. False when it was accepted before. If the message arrived under that key by
   * another way meanwhile, the two become one, and the answer is false as well: of `add` and `accepted`, one key is new only once.
   */
  abstract accepted(guestId: string, id: string, key: string): Promise<boolean>;
  /** Genesys will never take it. Nothing happens unless it is `queued`. */
  abstract failed(guestId: string, id: string): Promise<void>;
  /** How many texts from before `before` are kept, and from when the oldest of all is. What waits to be sent is not counted. */
  abstract countTexts(before: Date): Promise<Tally>;
  /**
   * Forgets the texts of up to `limit` messages from before `before`, oldest first, but of none that waits to be sent, and says how many that were. The
   * messages stay, so that they are known again when Genesys shows them again.
   */
  abstract forgetTexts(before: Date, limit: number): Promise<number>;
  /** The guest has no messages any more. Joins the current unit of work. */
  abstract removeAll(guestId: string): Promise<void>;
  /** Oldest first. @throws AppError `request.invalid` for a cursor of another list */
  abstract list(guestId: string, cursor: string | undefined, limit: number): Promise<MessagePage>;
}
