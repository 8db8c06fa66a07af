import type { ReadableAttachment } from './attachment.js';

/** A message of a guest's session. Its text is kept only sealed under the guest's own key. */
export type Message = {
  readonly id: string;
  readonly guestId: string;
  /** What Genesys knows it by, on the socket as in history: `channel.messageId ?? id`. Null until Genesys has accepted it. */
  readonly key: string | null;
  readonly from: 'guest' | 'agent' | 'bot';
  /** `queued` until Genesys has accepted it, `failed` when it never will. Messages of the other side are `received`. */
  readonly status: 'queued' | 'sent' | 'failed' | 'received';
  /** Null when Genesys told us of the message but not what it says, as in widget-led sessions. */
  readonly sealedText: string | null;
  readonly at: Date;
  /** The files it carries, in their order. */
  readonly attachmentIds?: readonly string[];
};

/** A message with its text readable, and the files it carries. The text is null when it was never known, was erased, or may not be told. */
export type ReadableMessage = Message & {
  readonly text: string | null;
  readonly attachments: readonly ReadableAttachment[];
};

/** What somebody wants to say: a text, files, or both. The text is empty when there are only files. */
export type Words = { readonly text: string; readonly attachmentIds: readonly string[] };
