import type { AboutFile, FileRules, HeardFile } from '../attachment.js';
import type { Attributes } from '../guest.js';

/** What the identity provider gave the page when somebody signed in, as its OAuth client got it. Good for once, and for a short time. */
export type SignInCode = {
  readonly code: string;
  /** The one the code was asked for with. */
  readonly redirectUri: string;
  /** Of PKCE (RFC 7636), where the code was asked for with a challenge. */
  readonly codeVerifier?: string;
  /** Of OpenID Connect, where the code was asked for with one. */
  readonly nonce?: string;
};

/** What somebody who has signed in is known by at Genesys: as secret as the token of the session. */
export type SignedIn = { readonly jwt: string; readonly refreshToken: string };

/** The Genesys side of a server-led guest. `token` is the credential of the session: never logged, never stored in the clear. */
export type ChannelSession = {
  readonly guestId: string;
  readonly token: string;
  /** A conversation was begun in it before. Should Genesys not know the session any more, it has ended; it is not begun anew. */
  readonly resumed?: boolean;
  /** Set for a guest who has signed in. */
  readonly signedIn?: SignedIn;
  /** What the guest sends after a conversation was ended for reading only is refused, and no other one begun for it. */
  readonly endsWithReadOnly?: boolean;
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
      /** The files it carries; the guest's own by the ids they were uploaded under. */
      readonly attachments?: readonly HeardFile[];
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

/** Where Genesys has a file: `url` is good for anybody, for a while. Never logged, never stored in the clear. */
export type FileSource = { readonly id: string; readonly url: string };

/** What is in a file, as it comes. `size` is in bytes, and null when it is not known beforehand. */
export type FileContent = { readonly size: number | null; readonly bytes: AsyncGenerator<Uint8Array, void> };

/** The code of an error: Genesys has let go of a file, or the address it was to be had at has run out. */
export const FILE_GONE = 'genesys.file_gone';

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
  /** Turns a code into what a guest's session is opened with. Not to be repeated once it has succeeded: the code is spent. */
  abstract signIn(guestId: string, code: SignInCode): Promise<SignedIn>;
  /**
   * Brings the guest's session into being, or finds it again by its token, and keeps listening. Safe to repeat.
   * `attributes` go along when the start of a conversation carries them.
   */
  abstract open(session: ChannelSession, attributes: Attributes): Promise<void>;
  /**
   * Sends a text as the guest and resolves with the key of the message when Genesys has accepted it. After the other side ended the conversation
   * the text begins another one; `conflict` while it is just being ended for reading only, which is worth another try.
   */
  abstract send(
    session: ChannelSession,
    message: OutgoingMessage,
    attributes: Attributes,
  ): Promise<{ readonly key: string }>;
  /** Whether to open a session begins a conversation, as last read of the deployment; null when that is not known now. Asks nobody while the caller waits. */
  abstract joins(): boolean | null;
  /** What files the deployment takes, as last read; null when that is not known now, which it soon is. Asks nobody while the caller waits. */
  abstract fileRules(): FileRules | null;
  /** Brings a file to Genesys, for a message to carry, and says where it can be had if Genesys does. Safe to repeat. */
  abstract upload(session: ChannelSession, file: OutgoingFile): Promise<{ readonly url: string | null }>;
  /** Asks anew where a file of the session can be had, by the id Genesys knows it by. `FILE_GONE` when nowhere. */
  abstract locate(session: ChannelSession, fileId: string): Promise<FileSource>;
  /**
   * Begins to read a file from where Genesys said it is. Needs no session. Ends when `gone` is aborted.
   * `FILE_GONE` when the address has run out, `genesys.file_host` when it is none of Genesys's.
   */
  abstract download(url: string, gone: AbortSignal): Promise<FileContent>;
  /** Ends the conversation as the guest would. `unsupported` when the deployment does not allow guests to. */
  abstract end(session: ChannelSession): Promise<'ended' | 'nothing-to-end' | 'unsupported'>;
  /** Stops listening for this guest and ends nothing. */
  abstract leave(guestId: string): Promise<void>;
  /** The guests whose sockets are open in this process. */
  abstract held(): string[];
}
