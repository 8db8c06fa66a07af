import type { Still } from './conversations.js';

/**
 * What those who look at a conversation at Genesys can see of its guest, as far as the organisation lets us. What it does not let us is told once,
 * then left alone for a while, and no error. Other failures are AppErrors of the kinds in `GuestChannel`, and `consent.required` for what
 * may not leave any more.
 */
export abstract class ConversationMarks {
  /** Puts the guest's id on a conversation as its external tag; analytics find it by that. Safe to repeat. */
  abstract tag(conversationId: string, guestId: string, still?: Still): Promise<void>;
  /** Whether contacts are kept under guests' ids, so that conversations can be put with them. */
  abstract readonly hasContacts: boolean;
  /** Puts a conversation with the contact that is kept under the guest's id. False while there is no such contact. Safe to repeat. */
  abstract associate(conversationId: string, guestId: string, still?: Still): Promise<boolean>;
  /** What the organisation does not let us do at present, by name. */
  abstract notPermitted(): readonly string[];
}
