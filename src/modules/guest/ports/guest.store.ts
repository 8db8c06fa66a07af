import type { Tally } from '../../../kernel/data-class.js';
import { guestNotFound } from '../guest.errors.js';
import type { Guest, GuestState } from '../guest.js';

export type GuestQuery = {
  readonly state?: GuestState;
  readonly emailHash?: string;
  readonly phoneHash?: string;
  readonly campaignId?: string;
  /** As `nextCursor` of the page before. */
  readonly cursor?: string;
  readonly limit: number;
};

export type GuestPage = { readonly items: readonly Guest[]; readonly nextCursor: string | null };

/** Whose conversation is worth listening to. */
export type ListenedTo = { readonly guestId: string; readonly conversationId: string };

/** Guests as they are now; what they were is nowhere kept. */
export abstract class GuestStore {
  /** Joins the current unit of work. */
  abstract add(guest: Guest): Promise<void>;
  /** Null when there is no such guest. */
  abstract find(id: string): Promise<Guest | null>;

  /** @throws AppError `guest.not_found` */
  async get(id: string): Promise<Guest> {
    const guest = await this.find(id);
    if (guest === null) throw guestNotFound(id);
    return guest;
  }

  /**
   * Reads, changes and writes one guest; two callers cannot overwrite each other. Writes nothing if `change` throws or answers
   * the guest it was given.
   * @throws AppError `guest.not_found`
   */
  abstract update(id: string, change: (guest: Guest) => Guest): Promise<Guest>;
  /**
   * The guest, which nobody else changes or removes before the current unit of work ends.
   * @throws AppError `guest.not_found`
   */
  lock(id: string): Promise<Guest> {
    return this.update(id, (known) => known);
  }
  /**
   * Newest first. A page stays stable while guests are added: the cursor names the last one seen.
   * @throws AppError `request.invalid` for a cursor of another list
   */
  abstract list(query: GuestQuery): Promise<GuestPage>;

  /**
   * Up to `limit` guests that are open, not even closing, and may be idle since `before` or longer, longest first. They may have changed meanwhile:
   * whoever acts on one looks at it again under its lock, and puts it off if it stays.
   */
  abstract idle(before: Date, limit: number): Promise<string[]>;
  /** Up to `limit` guests that are over since before `before`, longest first. */
  abstract past(before: Date, limit: number): Promise<string[]>;
  /** How many `past` would answer without a limit, and when the first of all that are over ended. */
  abstract countPast(before: Date): Promise<Tally>;
  /** For `idle` and `past`, and for nothing else, the guest is at rest since `since`. Joins the current unit of work. */
  abstract putOff(id: string, since: Date): Promise<void>;
  /** The guest a conversation is linked with, the newest of several. Null when it is nobody's. */
  abstract ofConversation(conversationId: string): Promise<string | null>;
  /**
   * Up to `limit` conversations that pages' guests are in, or were in last, with the newest guest first and those that have not ended before the others.
   * Only of guests who are open, not even closing, and consent to `dataProcessing`.
   */
  abstract listenedTo(limit: number): Promise<ListenedTo[]>;
  /** Up to `limit` guests that are not over and were to be looked at by `at`: new ones at once, others when `lookAgain` said. Longest due first. */
  abstract toLookAt(at: Date, limit: number): Promise<string[]>;
  /** For `toLookAt`, and for nothing else, the guest is due at `at`. Joins the current unit of work. */
  abstract lookAgain(id: string, at: Date): Promise<void>;
  /** The guest is gone, without a trace here. Joins the current unit of work. */
  abstract remove(id: string): Promise<void>;
}
