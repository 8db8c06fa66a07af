import type { Message } from '../message.js';

/** A message as it is now, and the place it has in the order of changes. */
export type MessageChange = { readonly message: Message; readonly position: string };

export type MessageChanges = {
  /** In the order in which they were made. */
  readonly items: readonly MessageChange[];
  /**
   * `more` when the limit cut the answer short; `settling` when something younger is stored already whose place is not certain yet, because
   * another process is still writing: a few milliseconds later it is.
   */
  readonly rest: 'none' | 'more' | 'settling';
};

/**
 * What is new with guests, whichever process made it so. Messages have an order of changes, which is not that of their `at`: Genesys tells of
 * some late. A message that changes moves to the end of it, so each is met once, as it is now. Positions are digits and dots.
 */
export abstract class GuestNews {
  /**
   * Where to read changes from: `after`, or, when that is null, now.
   * @throws AppError `events.unknown_id` for what cannot have been a position here
   */
  abstract start(after: string | null): Promise<string>;
  /** Up to `limit` messages of a guest that were added or changed after a position. Nothing is ever added before a position once answered. */
  abstract changes(guestId: string, after: string, limit: number): Promise<MessageChanges>;
  /** For each of these guests that exists, a word that is another one whenever the guest or a message of it has changed. */
  abstract heads(guestIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Called after a commit of this process that changed a guest or a message of it. Only a hint. */
  abstract onChange(then: (guestId: string) => void): void;
}
