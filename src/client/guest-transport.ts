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

/** `etag`: erase only this version. */
export type EraseOptions = CallOptions & { readonly etag?: string };

/** Where to go on: after the event with this `id`. From now on unless given. */
export type FollowOptions = CallOptions & { readonly lastEventId?: string };

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
  /** Only under this ETag, if one is given. @throws GuestConflictError when it is not the guest's any more */
  erase(id: string, options?: EraseOptions): Promise<Erasure>;
  erasure(id: string, options?: CallOptions): Promise<Erasure>;
  metrics(id: string, options?: CallOptions): Promise<EngagementMetrics>;
  sendMessage(id: string, words: Words, intention?: Intention): Promise<Message>;
  type(id: string, options?: CallOptions): Promise<void>;
  addAttachment(id: string, file: FileToSend, intention?: Intention): Promise<Attachment>;
  attachment(id: string, attachmentId: string, options?: CallOptions): Promise<Attachment>;
  attachmentContent(id: string, attachmentId: string, options?: CallOptions): Promise<AttachmentContent>;
  /** Ends after the last event there is, or when the signal is given. */
  follow(id: string, options?: FollowOptions): AsyncGenerator<LiveEvent, void, undefined>;
  /** Oldest first. */
  messages(id: string, query?: PageQuery, options?: CallOptions): Promise<Page<Message>>;
  recordConsent(id: string, decision: Decision, intention?: Intention): Promise<ConsentRecord>;
  /** Oldest first. */
  consents(id: string, query?: PageQuery, options?: CallOptions): Promise<Page<ConsentRecord>>;
  consentReceipt(id: string, consentId: string, options?: CallOptions): Promise<ConsentReceipt>;
  makeWidgetToken(id: string, wanted: WantedWidgetToken, intention?: Intention): Promise<WidgetToken>;
  revokeWidgetTokens(id: string, options?: CallOptions): Promise<void>;
  /** The chain of one guest, oldest first. */
  auditEntries(id: string, query?: PageQuery, options?: CallOptions): Promise<Page<AuditEntry>>;
}
