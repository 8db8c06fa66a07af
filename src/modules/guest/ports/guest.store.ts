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
  /** Newest first. A page stays stable while guests are added: the cursor names the last one seen. */
  abstract list(query: GuestQuery): Promise<GuestPage>;
}
