import type { AboutFile, FileRules } from '../attachment.js';
import type { Attributes } from '../guest.js';

/** The Genesys side of a server-led guest. `token` is the credential of the session: never logged, never stored in the clear. */
export type ChannelSession = {
  readonly guestId: string;
  readonly token: string;
  /** A conversation was begun in it before. Should Genesys not know the session any more, it has ended; it is not begun anew. */
  readonly resumed?: boolean;
};

/** What Genesys says in a guest's session. Everything may be said twice and out of order. */
export type ChannelEvent =
  | { readonly type: 'configured'; readonly guestId: string }
  /** The conversation has started or gone on: `messageId` leads to it. */
  | { readonly type: 'joined'; readonly guestId: string; readonly messageId: string }
  | {
      readonly type: 'message';
      readonly guestId: string;
      /** The same on the socket and in history. */
      readonly key: string;
      /** What the conversation is looked up by. */
      readonly messageId: string;
      readonly from: 'guest' | 'agent' | 'bot';
      readonly text: string;
      /** The files it carries, by the ids they were uploaded under. */
      readonly attachmentIds?: readonly string[];
      readonly at: Date;
      /** Set on what we sent ourselves: the `id` given to `send`. */
      readonly sentAs?: string;
    }
  | { readonly type: 'conversation-ended'; readonly guestId: string; readonly at: Date; readonly readOnly: boolean }
  /** The session cannot be used again. */
  | { readonly type: 'session-ended'; readonly guestId: string; readonly how: 'cleared' | 'expired' | 'superseded' };

/** Somebody on the other side types. It is worth nothing a moment later, so it is neither kept nor told twice. */
export type Typing = {
  readonly guestId: string;
  readonly from: 'agent' | 'bot';
  /** For how long to show it, in milliseconds; 0 when they have stopped. */
  readonly durationMs: number;
};

export type OutgoingMessage = {
  readonly id: string;
  /** Empty when it only carries files. */
  readonly text: string;
  /** Files that were uploaded in this session. */
  readonly attachmentIds?: readonly string[];
  /** When somebody asked for it to be sent. */
  readonly since: Date;
  /** An earlier attempt may have been accepted unseen: history is asked first, so that nothing is said twice. */
  readonly retry: boolean;
  /** Whether a key in that history belongs to another message. */
  readonly isKnown?: (key: string) => Promise<boolean>;
};

/** A file to be uploaded; messages name it by `id`. */
export type OutgoingFile = AboutFile & { readonly id: string; readonly bytes: Buffer };

/**
 * Genesys Cloud's web messaging as a guest sees it.
 * Failures are AppErrors: `unavailable` or `throttled` when it may go better later, `refused` when it will not.
 */
export abstract class GuestChannel {
  /** Registers who hears what Genesys says. The next frame of a guest waits for the promise: that is the back-pressure. */
  abstract listen(handler: (event: ChannelEvent) => Promise<void>): void;
  /** Registers who hears that the other side types, in sessions whose sockets this process holds. Nobody waits for the handler. */
  abstract onTyping(handler: (typing: Typing) => void): void;
  /**
   * Tells the other side that the guest types. Forgotten without a word when this process does not hold the guest's socket, the socket is away,
   * no conversation has begun, or the guest's last typing was told too short a time ago.
   */
  abstract types(guestId: string): void;
  /**
   * Brings the guest's session into being, or finds it again by its token, and keeps listening. Safe to repeat.
   * `attributes` go along when the start of a conversation carries them.
   */
  abstract open(session: ChannelSession, attributes: Attributes): Promise<void>;
  /** Sends a text as the guest and resolves with the key of the message when Genesys has accepted it. */
  abstract send(
    session: ChannelSession,
    message: OutgoingMessage,
    attributes: Attributes,
  ): Promise<{ readonly key: string }>;
  /** What files the deployment takes, as last read; null when that is not known now, which it soon is. Asks nobody while the caller waits. */
  abstract fileRules(): FileRules | null;
  /** Brings a file to Genesys, for a message to carry. Safe to repeat. */
  abstract upload(session: ChannelSession, file: OutgoingFile): Promise<void>;
  /** Ends the conversation as the guest would. `unsupported` when the deployment does not allow guests to. */
  abstract end(session: ChannelSession): Promise<'ended' | 'nothing-to-end' | 'unsupported'>;
  /** Stops listening for this guest and ends nothing. */
  abstract leave(guestId: string): Promise<void>;
  /** The guests whose sockets are open in this process. */
  abstract held(): string[];
}
