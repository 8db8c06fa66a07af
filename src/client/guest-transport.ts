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

/** On which version a change may be made: exactly the one with this ETag, or any that changed nothing of the same since `base`. */
export type UpdateCondition = { readonly etag: string } | { readonly base: number };

/** The intention behind a call. The same key again means the same intention: it is carried out once and answered alike. */
export type Intention = { readonly idempotencyKey?: string };

/**
 * How a `GuestManager` reaches the service. Every failure is a `GuestManagerError`; what may succeed later has been tried again
 * before it is a `GuestUnavailableError`.
 */
export interface GuestTransport {
  create(wanted: WantedGuest, intention?: Intention): Promise<Guest>;
  get(id: string): Promise<Guest>;
  /** @throws GuestConflictError when the condition does not hold */
  update(id: string, changes: GuestChanges, condition: UpdateCondition): Promise<Guest>;
  close(id: string): Promise<Guest>;
  metrics(id: string): Promise<EngagementMetrics>;
  sendMessage(id: string, text: string, intention?: Intention): Promise<Message>;
  /** Oldest first. */
  messages(id: string, query?: PageQuery): Promise<Page<Message>>;
  /** The chain of one guest, oldest first. */
  auditEntries(id: string, query?: PageQuery): Promise<Page<AuditEntry>>;
}
