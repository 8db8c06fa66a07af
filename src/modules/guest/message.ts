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
};
