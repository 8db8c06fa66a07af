import { GuestConflictError } from './errors.js';
import type {
  AuditEntry,
  EngagementMetrics,
  Guest,
  GuestChanges,
  Message,
  Page,
  PageQuery,
  WantedGuest,
} from './guest.js';
import type { GuestTransport, Intention } from './guest-transport.js';
import { HttpGuestTransport } from './http-guest-transport.js';
import type { HttpOptions } from './http-guest-transport.js';

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
};

export type ManagerOptions = {
  /** `ownChangeWins` unless given. */
  readonly merge?: MergeRule;
  /** Of how many guests the last seen state is kept; 1000 unless given. */
  readonly remembered?: number;
};

export type UpdateOptions = {
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
  private readonly listeners: { readonly [E in keyof GuestEvents]: Set<(what: GuestEvents[E]) => void> } = {
    created: new Set(),
    updated: new Set(),
    conflict: new Set(),
    closed: new Set(),
  };

  constructor(
    private readonly transport: GuestTransport,
    private readonly options: ManagerOptions = {},
  ) {}

  /** A manager that speaks to a service over HTTP. */
  static http({ merge, remembered, ...http }: HttpOptions & ManagerOptions): GuestManager {
    const options = { ...(merge && { merge }), ...(remembered !== undefined && { remembered }) };
    return new GuestManager(new HttpGuestTransport(http), options);
  }

  /** With an `idempotencyKey` it can be called again after a `GuestUnavailableError` without making a second guest. */
  async createGuest(wanted: WantedGuest, intention?: Intention): Promise<Guest> {
    const guest = this.seen(await this.transport.create({ mode: 'server', ...wanted }, intention));
    this.emit('created', guest);
    return guest;
  }

  async getGuest(guest: Guest | string): Promise<Guest> {
    return this.seen(await this.transport.get(idOf(guest)));
  }

  /**
   * Merges the changes into the guest. What others changed since the version they are based on stays, as long as it is something else;
   * where both changed the same, the merge rule is asked, at most three attempts long. The base is the guest given, or for an id what
   * this manager last saw of it.
   * @throws GuestConflictError when the merge rule gives up, when the guest changes faster than it can be merged, or when an `etag` was
   *   given and does not match any more
   */
  async updateGuest(guest: Guest | string, changes: GuestChanges, options: UpdateOptions = {}): Promise<Guest> {
    const id = idOf(guest);
    const { etag, merge = this.options.merge ?? ownChangeWins } = options;
    const known = typeof guest === 'string' ? this.getState(guest) : guest;
    let base = etag === undefined ? (known ?? (await this.getGuest(id))).version : 0;
    let wanted = changes;
    const conflicts = new Set<string>();
    for (let attempt = 1; ; attempt += 1) {
      try {
        const updated = this.seen(await this.transport.update(id, wanted, etag === undefined ? { base } : { etag }));
        this.emit('updated', updated);
        return updated;
      } catch (error) {
        if (!(error instanceof GuestConflictError)) throw error;
        const current = this.seen(error.current);
        this.emit('conflict', error);
        if (etag !== undefined || attempt === MOST_ATTEMPTS) throw error;
        for (const pointer of error.conflicts) conflicts.add(pointer);
        const merged = await merge(current, changes, [...conflicts]);
        if (merged === null) throw error;
        wanted = merged;
        base = current.version;
      }
    }
  }

  /** Asks for the end of the session. Safe to repeat. */
  async closeGuest(guest: Guest | string): Promise<Guest> {
    const closed = this.seen(await this.transport.close(idOf(guest)));
    this.emit('closed', closed);
    return closed;
  }

  getEngagementMetrics(guest: Guest | string): Promise<EngagementMetrics> {
    return this.transport.metrics(idOf(guest));
  }

  /** Writes as a server-led guest. The message is on its way when this resolves. */
  sendMessage(guest: Guest | string, text: string, intention?: Intention): Promise<Message> {
    return this.transport.sendMessage(idOf(guest), text, intention);
  }

  /** Oldest first. */
  listMessages(guest: Guest | string, query?: PageQuery): Promise<Page<Message>> {
    return this.transport.messages(idOf(guest), query);
  }

  /** The audit trail of one guest, oldest first. */
  getAuditEntries(guest: Guest | string, query?: PageQuery): Promise<Page<AuditEntry>> {
    return this.transport.auditEntries(idOf(guest), query);
  }

  /** The guest as this manager last saw it, without asking. Null when it never did, or too long ago. */
  getState(id: string): Guest | null {
    return this.states.get(id) ?? null;
  }

  /**
   * Calls the listener whenever it happens, until the function returned is called. What a listener throws is its own affair: it
   * surfaces as an uncaught error and fails no call here.
   */
  on<E extends keyof GuestEvents>(event: E, listener: (what: GuestEvents[E]) => void): () => void {
    this.listeners[event].add(listener);
    return () => this.listeners[event].delete(listener);
  }

  private emit<E extends keyof GuestEvents>(event: E, what: GuestEvents[E]): void {
    for (const listener of this.listeners[event]) queueMicrotask(() => listener(what));
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

const idOf = (guest: Guest | string): string => (typeof guest === 'string' ? guest : guest.id);
