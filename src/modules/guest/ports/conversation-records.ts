/** A conversation as it is on record. */
export type ConversationRecord = {
  readonly id: string;
  readonly endedAt: Date | null;
  readonly contactId?: string;
};

/** A conversation that may be a guest's: that is still to be proven. */
export type Claim = { readonly conversationId: string; readonly guestId: string };

export type ClaimPage = { readonly claims: readonly Claim[]; readonly cursor: string | null };

export type Interval = { readonly from: Date; readonly until: Date };

/**
 * What Genesys has on record of conversations: minutes behind, but of many at once. Null where the organisation does not let us read it, which is
 * told once. Failures are AppErrors of the kinds in `GuestChannel`. One call is one call of the organisation's allowance.
 */
export abstract class ConversationRecords {
  /** How many ids `of` and `begunFor` take at once. */
  abstract readonly most: number;
  /** Of those on record. */
  abstract of(conversationIds: readonly string[]): Promise<ConversationRecord[] | null>;
  /** Conversations in which one of these guests is the journey's customer, begun on a day the interval touches. */
  abstract begunFor(guestIds: readonly string[], interval: Interval): Promise<Claim[] | null>;
  /** Conversations tagged with one of these guests' ids, begun on a day the interval touches. */
  abstract taggedFor(guestIds: readonly string[], interval: Interval): Promise<Claim[] | null>;
  /** Conversations begun in the interval, 24 hours at most, whose participant data name a guest; page by page. */
  abstract naming(interval: Interval, cursor: string | null): Promise<ClaimPage | null>;
}
