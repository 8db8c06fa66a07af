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

/**
 * On which version a change may be made: exactly the one with this ETag, any that changed nothing of the same since `base`, or any
 * whatsoever when `base` is null.
 */
export type UpdateCondition = { readonly etag: string } | { readonly base: number | null };

/** How a call is made. */
export type CallOptions = {
  /** Ends the call with a `GuestAbortedError`, also while it waits to try again. */
  readonly signal?: AbortSignal;
};

/** The intention behind a call. The same key again means the same intention: it is carried out once and answered alike. */
export type Intention = CallOptions & { readonly idempotencyKey?: string };

/**
 * How a `GuestManager` reaches the service. Every failure is a `GuestManagerError`; what may succeed later has been tried again
 * before it is a `GuestUnavailableError`.
 */
export interface GuestTransport {
  create(wanted: WantedGuest, intention?: Intention): Promise<Guest>;
  get(id: string, options?: CallOptions): Promise<Guest>;
  /** @throws GuestConflictError when the condition does not hold */
  update(id: string, changes: GuestChanges, condition: UpdateCondition, intention?: Intention): Promise<Guest>;
  close(id: string, intention?: Intention): Promise<Guest>;
  metrics(id: string, options?: CallOptions): Promise<EngagementMetrics>;
  sendMessage(id: string, text: string, intention?: Intention): Promise<Message>;
  /** Oldest first. */
  messages(id: string, query?: PageQuery, options?: CallOptions): Promise<Page<Message>>;
  /** The chain of one guest, oldest first. */
  auditEntries(id: string, query?: PageQuery, options?: CallOptions): Promise<Page<AuditEntry>>;
}
