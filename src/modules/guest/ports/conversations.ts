import type { Attributes } from '../guest.js';

/** A conversation as the organisation sees it. */
export type ConversationView = {
  readonly id: string;
  readonly ended: boolean;
  /** It ended because the guest's session ran out. */
  readonly expired?: boolean;
  /** The guest's own participant. */
  readonly participantId: string;
  /** The external contact the organisation has put the guest with; absent when it has not. */
  readonly contactId?: string;
  /** Its participant data. */
  readonly attributes: Attributes;
  /** Texts so far, oldest first; events and receipts left out. `key` is the same at every reading. */
  readonly messages: readonly { readonly key: string; readonly from: 'guest' | 'agent' | 'bot'; readonly at: Date }[];
};

/** Whether something may leave still. Asked right before each of its calls does: they may have had to wait for their turn. */
export type Still = () => Promise<boolean>;

/** Genesys Cloud's conversations, through the Platform API. Failures are AppErrors of the kinds in `GuestChannel`. */
export abstract class Conversations {
  /** The conversation a message belongs to. Null while Genesys does not know the message: right after it was sent, it does not yet. */
  abstract ofMessage(messageId: string): Promise<string | null>;
  /** Null when Genesys does not know the conversation any more. */
  abstract read(conversationId: string): Promise<ConversationView | null>;
  /**
   * Sets participant data by name; names not mentioned keep their values. Safe to repeat.
   * @throws AppError `consent.required`, and nothing has left, when it may not any more
   */
  abstract setAttributes(
    conversationId: string,
    participantId: string,
    attributes: Attributes,
    still?: Still,
  ): Promise<void>;
  /** Ends it for everybody in it. One that has ended already is no error. */
  abstract disconnect(conversationId: string): Promise<void>;
  /** Resolves when the Platform API answers and accepts our credentials. */
  abstract ping(): Promise<void>;
}
