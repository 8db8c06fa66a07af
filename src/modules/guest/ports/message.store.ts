import type { Message } from '../message.js';

export type MessagePage = { readonly items: readonly Message[]; readonly nextCursor: string | null };

export abstract class MessageStore {
  /**
   * Joins the current unit of work. False, and nothing is written, when a message of this guest with this `key` is known already:
   * Genesys shows messages more than once.
   */
  abstract add(message: Message): Promise<boolean>;
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
  abstract failed(guestId: string, id: string): Promise<void>;
  /** Oldest first. */
  abstract list(guestId: string, cursor: string | undefined, limit: number): Promise<MessagePage>;
}
