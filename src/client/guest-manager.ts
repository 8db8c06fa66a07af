import { abortable } from './abort.js';
import { GuestConflictError } from './errors.js';
import type {
  Attachment,
  AuditEntry,
  ConsentReceipt,
  ConsentRecord,
  Decision,
  EngagementMetrics,
  Erasure,
  AttachmentContent,
  FileToSend,
  Guest,
  GuestChanges,
  LiveEvent,
  Message,
  Page,
  PageQuery,
  WantedGuest,
  WantedWidgetToken,
  WidgetToken,
  Words,
} from './guest.js';
import type { CallOptions, EraseOptions, FollowOptions, GuestTransport, Intention } from './guest-transport.js';
import type { HttpOptions } from './http-calls.js';
import { HttpGuestTransport } from './http-guest-transport.js';

/**
 * What to do when somebody else has changed the same: the changes to make to `current` instead, or null to give up. Always asked
 * with the changes as they were first wanted, and with all pointers that conflicted so far.
 */
export type MergeRule = (
  current: Guest,
  changes: GuestChanges,
  conflicts: readonly string[],
) => GuestChanges | null | Promise<GuestChanges | null>;

/** What a manager tells of: what was done through it, not what others do. */
export type GuestEvents = {
  created: Guest;
  updated: Guest;
  conflict: GuestConflictError;
  /** The end was asked for; the guest is `closing` until Genesys has ended the conversation. */
  closed: Guest;
  /** The erasure was asked for; it goes on by itself. */
  erased: Erasure;
};

export type ManagerOptions = {
  /** `ownChangeWins` unless given. */
  readonly merge?: MergeRule;
  /** Of how many guests the last seen state is kept; 1000 unless given. */
  readonly remembered?: number;
  /** Told when a listener failed; the console is unless given. What failed for a listener fails nothing else. */
  readonly onListenerError?: (error: unknown, event: keyof GuestEvents) => void;
};

export type UpdateOptions = CallOptions & {
  /** Strict: only if the guest is still as it was under this ETag; nothing is merged. */
  readonly etag?: string;
  readonly merge?: MergeRule;
};

const MOST_ATTEMPTS = 3;

/**
 * The later change wins, ours. But consent that somebody has withdrawn meanwhile is not given back by a merge: only the person can
 * do that, by a change that knows of the withdrawal.
 */
export const ownChangeWins: MergeRule = (current, changes, conflicts) => {
  if (changes.consent === undefined) return changes;
  const withdrawn = (purpose: string): boolean =>
    conflicts.includes(`/consent/${purpose}`) && !current.consent[purpose as keyof Guest['consent']];
  const kept = Object.entries(changes.consent).filter(([purpose]) => !withdrawn(purpose));
  return { ...changes, consent: Object.fromEntries(kept) };
};

/** Guests of one service, as a caller works with them. Where a guest is asked for, its id will do. */
export class GuestManager {
  private readonly states = new Map<string, Guest>();
  /** The last update of each guest that is not answered yet. */
  private readonly turns = new Map<string, Promise<unknown>>();
  private readonly listeners: { readonly [E in keyof GuestEvents]: Set<(what: GuestEvents[E]) => unknown> } = {
    created: new Set(),
    updated: new Set(),
    conflict: new Set(),
    closed: new Set(),
    erased: new Set(),
  };

  constructor(
    private readonly transport: GuestTransport,
    private readonly options: ManagerOptions = {},
  ) {}

  /** A manager that speaks to a service over HTTP. */
  static http({ merge, remembered, onListenerError, ...http }: HttpOptions & ManagerOptions): GuestManager {
    const options = {
      ...(merge && { merge }),
      ...(remembered !== undefined && { remembered }),
      ...(onListenerError && { onListenerError }),
    };
    return new GuestManager(new HttpGuestTransport(http), options);
  }

  /** With an `idempotencyKey` it can be called again after a `GuestUnavailableError` without making a second guest. */
  async createGuest(wanted: WantedGuest, intention?: Intention): Promise<Guest> {
    const guest = this.seen(await this.transport.create({ mode: 'server', ...wanted }, intention));
    this.emit('created', guest);
    return guest;
  }

  /** @throws GuestNotFoundError */
  async getGuest(guest: Guest | string, options?: CallOptions): Promise<Guest> {
    return this.seen(await this.transport.get(idOf(guest), options));
  }

  /**
   * Merges the changes into the guest. What others changed since the version they are based on stays, as long as it is something else;
   * where both changed the same, the merge rule is asked, at most three attempts long. The base is the guest given, or for an id what
   * this manager last saw of it. Updates of one guest wait for each other here, each building on what the one before was answered, so that
   * a manager never conflicts with itself.
   * @throws GuestConflictError when the merge rule gives up, when the guest changes faster than it can be merged, or when an `etag` was
   *   given and does not match any more
   */
  updateGuest(guest: Guest | string, changes: GuestChanges, options: UpdateOptions = {}): Promise<Guest> {
    const id = idOf(guest);
    const before = this.turns.get(id);
    const update = (): Promise<Guest> => this.update(guest, changes, options);
    // How the one before ended is its caller's affair.
    const turn = before === undefined ? update() : before.then(update, update);
    this.turns.set(id, turn);
    const done = (): void => void (this.turns.get(id) === turn && this.turns.delete(id));
    turn.then(done, done);
    return abortable(turn, options.signal);
  }

  private async update(guest: Guest | string, changes: GuestChanges, options: UpdateOptions): Promise<Guest> {
    const id = idOf(guest);
    const { etag, merge = this.options.merge ?? ownChangeWins, ...call } = options;
    const known = typeof guest === 'string' ? this.getState(guest) : guest;
    let base: number | null = etag === undefined ? (known ?? (await this.getGuest(id, call))).version : 0;
    let wanted = changes;
    const conflicts = new Set<string>();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const condition = etag === undefined ? { base } : { etag };
        const updated = this.seen(await this.transport.update(id, wanted, condition, call));
        this.emit('updated', updated);
        return updated;
      } catch (error) {
        if (!(error instanceof GuestConflictError)) throw error;
        // The service never had our version: it was restored, and what it has now is older and right.
        if (error.code === 'guest.unknown_base') this.states.delete(id);
        const current = this.seen(error.current);
        this.emit('conflict', error);
        if (etag !== undefined || attempt === MOST_ATTEMPTS) throw error;
        for (const pointer of error.conflicts) conflicts.add(pointer);
        const merged = await merge(current, changes, [...conflicts]);
        if (merged === null) throw error;
        wanted = merged;
        // A change that wins over whatever it meets need not lose to who is always quicker.
        const wins = merge === ownChangeWins && wanted.consent === undefined;
        base = wins && attempt === MOST_ATTEMPTS - 1 ? null : current.version;
      }
    }
  }

  /** Asks for the end of the session. Safe to repeat. */
  async closeGuest(guest: Guest | string, intention?: Intention): Promise<Guest> {
    const closed = this.seen(await this.transport.close(idOf(guest), intention));
    this.emit('closed', closed);
    return closed;
  }

  /**
   * Has the guest erased, in the service and wherever else something about it is (GDPR Art. 17). `getErasure` says how far that is. Safe to repeat:
   * what somebody had to see to is tried again.
   * @throws GuestConflictError when an `etag` was given and does not match any more
   */
  async eraseGuest(guest: Guest | string, options?: EraseOptions): Promise<Erasure> {
    const id = idOf(guest);
    const erasure = await this.transport.erase(id, options);
    this.states.delete(id);
    this.emit('erased', erasure);
    return erasure;
  }

  /** How far an erasure is, by itself or by its id. @throws GuestNotFoundError when there is none */
  getErasure(erasure: Erasure | string, options?: CallOptions): Promise<Erasure> {
    return this.transport.erasure(idOf(erasure), options);
  }

  /** What was measured of the guest's session so far. @throws GuestNotFoundError */
  getEngagementMetrics(guest: Guest | string, options?: CallOptions): Promise<EngagementMetrics> {
    return this.transport.metrics(idOf(guest), options);
  }

  /** Writes as a server-led guest. The message is on its way when this resolves. */
  sendMessage(guest: Guest | string, words: Words, intention?: Intention): Promise<Message> {
    return this.transport.sendMessage(idOf(guest), words, intention);
  }

  /** Adds a file for a message that is sent later, and names it in `attachmentIds`. */
  addAttachment(guest: Guest | string, file: FileToSend, intention?: Intention): Promise<Attachment> {
    return this.transport.addAttachment(idOf(guest), file, intention);
  }

  /** Sends a file as a server-led guest, with a text or without. It is on its way when this resolves. */
  async sendAttachment(guest: Guest | string, file: FileToSend, text = '', intention?: Intention): Promise<Message> {
    const { id } = await this.addAttachment(guest, file, intention);
    return this.sendMessage(guest, { ...(text && { text }), attachmentIds: [id] }, intention);
  }

  /** What became of a file. */
  getAttachment(guest: Guest | string, attachmentId: string, options?: CallOptions): Promise<Attachment> {
    return this.transport.attachment(idOf(guest), attachmentId, options);
  }

  /**
   * What is in a file that the guest sent, or was sent.
   * @throws GuestNotFoundError `attachment.expired` when Genesys has let go of it
   */
  getAttachmentContent(guest: Guest | string, attachmentId: string, options?: CallOptions): Promise<AttachmentContent> {
    return this.transport.attachmentContent(idOf(guest), attachmentId, options);
  }

  /** Says that the guest types. Call it as often as keys are pressed. */
  typeAsGuest(guest: Guest | string, options?: CallOptions): Promise<void> {
    return this.transport.type(idOf(guest), options);
  }

  /**
   * What is said in the guest's session, and what becomes of it, live: `for await (const event of …)`. Where the stream breaks it goes on
   * without gap or repetition, for as long as nobody gives the signal and the guest is not over.
   */
  followGuest(guest: Guest | string, options?: FollowOptions): AsyncGenerator<LiveEvent, void, undefined> {
    return this.transport.follow(idOf(guest), options);
  }

  /** Puts a decision of the guest on record; the guest's flags follow it. */
  recordConsent(guest: Guest | string, decision: Decision, intention?: Intention): Promise<ConsentRecord> {
    return this.transport.recordConsent(idOf(guest), decision, intention);
  }

  /** Oldest first. */
  listConsents(guest: Guest | string, query?: PageQuery, options?: CallOptions): Promise<Page<ConsentRecord>> {
    return this.transport.consents(idOf(guest), query, options);
  }

  /** A signed proof of one decision about consent, which a machine can read. @throws GuestNotFoundError */
  getConsentReceipt(guest: Guest | string, consentId: string, options?: CallOptions): Promise<ConsentReceipt> {
    return this.transport.consentReceipt(idOf(guest), consentId, options);
  }

  /** For a back end to hand to its page. */
  makeWidgetToken(guest: Guest | string, wanted: WantedWidgetToken, intention?: Intention): Promise<WidgetToken> {
    return this.transport.makeWidgetToken(idOf(guest), wanted, intention);
  }

  /** Every widget token of this guest, at once. */
  revokeWidgetTokens(guest: Guest | string, options?: CallOptions): Promise<void> {
    return this.transport.revokeWidgetTokens(idOf(guest), options);
  }

  /** Oldest first. */
  listMessages(guest: Guest | string, query?: PageQuery, options?: CallOptions): Promise<Page<Message>> {
    return this.transport.messages(idOf(guest), query, options);
  }

  /** The audit trail of one guest, oldest first. */
  getAuditEntries(guest: Guest | string, query?: PageQuery, options?: CallOptions): Promise<Page<AuditEntry>> {
    return this.transport.auditEntries(idOf(guest), query, options);
  }

  /** The guest as this manager last saw it, without asking. Null when it never did, or too long ago. */
  getState(id: string): Guest | null {
    return this.states.get(id) ?? null;
  }

  /** Calls the listener whenever it happens, after the call it tells of, until the function returned is called or `off` is. */
  on<E extends keyof GuestEvents>(event: E, listener: (what: GuestEvents[E]) => unknown): () => void {
    this.listeners[event].add(listener);
    return () => this.off(event, listener);
  }

  off<E extends keyof GuestEvents>(event: E, listener: (what: GuestEvents[E]) => unknown): void {
    this.listeners[event].delete(listener);
  }

  private emit<E extends keyof GuestEvents>(event: E, what: GuestEvents[E]): void {
    const failed = this.options.onListenerError ?? ((error) => console.error(`a listener to "${event}" failed`, error));
    for (const listener of this.listeners[event])
      void Promise.resolve(what)
        .then(listener)
        .catch((error: unknown) => failed(error, event));
  }

  /** Answers may overtake each other: an older version never replaces a newer one. */
  private seen(guest: Guest): Guest {
    const known = this.states.get(guest.id);
    const newest = known !== undefined && known.version > guest.version ? known : guest;
    this.states.delete(guest.id);
    this.states.set(guest.id, newest);
    const [oldest] = this.states.keys();
    if (this.states.size > (this.options.remembered ?? 1_000)) this.states.delete(oldest!);
    return guest;
  }
}

const idOf = (one: { readonly id: string } | string): string => (typeof one === 'string' ? one : one.id);
