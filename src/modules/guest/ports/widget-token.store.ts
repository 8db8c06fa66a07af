import type { Tally } from '../../../kernel/data-class.js';
import type { GuestState } from '../guest.js';
import type { WidgetToken } from '../widget-token.js';

/** Every token that was handed to a page, until it has expired. */
export abstract class WidgetTokenStore {
  /** Joins the current unit of work. */
  abstract add(token: WidgetToken): Promise<void>;
  /**
   * The token with this digest and the state its guest is in, both as they are now, whichever process changed them. Null when there is
   * none, it expired at `at` or before, it was revoked, or there is no such guest.
   */
  abstract find(
    digest: string,
    at: Date,
  ): Promise<{ readonly token: WidgetToken; readonly guestState: GuestState } | null>;
  /** Revokes what a guest has and answers how many tokens that were. Joins the current unit of work. */
  abstract revokeAll(guestId: string, at: Date): Promise<number>;
  /** Forgets up to `limit` tokens that expired before then, revoked or not, the oldest first; answers how many. */
  abstract purge(before: Date, limit: number): Promise<number>;
  /** How many tokens `purge` would forget, and when the first of all expires. */
  abstract count(before: Date): Promise<Tally>;
}
