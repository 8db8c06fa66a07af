/** A server-led guest's Genesys session: one token, which is its credential and its identity. */
export type Session = {
  readonly guestId: string;
  /** The guest token, with what the guest signs in with if it does, sealed under the guest's own key before it is used for the first time. */
  readonly sealedToken: string;
};

/** Which process holds the socket of which session. */
export abstract class SessionStore {
  /** Joins the current unit of work. */
  abstract add(session: Session): Promise<void>;
  /** Null when the guest is a page's, or its session is over. */
  abstract find(guestId: string): Promise<Session | null>;
  /** Puts another secret in the place of the session's; nothing happens when it is over. */
  abstract reseal(session: Session): Promise<void>;
  /**
   * Takes, or renews, the sessions' sockets for `ms`, and answers the guests whose sockets this process holds now. The others' are held by another
   * process, or over.
   */
  abstract hold(guestIds: readonly string[], ms: number): Promise<string[]>;
  /** Up to `limit` sessions that were held once, are not over, and that nobody holds any more: they are held by us now, for `ms`. */
  abstract adopt(limit: number, ms: number): Promise<Session[]>;
  /**
   * This process steps back from the session's socket, if it has it: nobody takes it over unasked. Whoever has something to do in the session may
   * hold it.
   */
  abstract stepBack(guestId: string): Promise<void>;
  /** The session is over: nobody will hold it again. Joins the current unit of work. */
  abstract remove(guestId: string): Promise<void>;
  /** Given up at shutdown, so that another process may adopt them at once. */
  abstract letGo(): Promise<void>;
}
