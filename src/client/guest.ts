/** Server-led: the service writes for the guest. Widget-led: the page's own Messenger does. */
export type Mode = 'server' | 'widget';

export type GuestState =
  'created' | 'configured' | 'active' | 'disconnected' | 'closing' | 'closed' | 'expired' | 'erased' | 'failed';

export type Consent = { readonly marketing: boolean; readonly dataProcessing: boolean };
export type ChannelContext = { readonly originPage?: string; readonly campaignId?: string };
export type Attributes = Readonly<Record<string, string>>;

/** What a guest is made from. E-mail and phone are hashed by the service on arrival and forgotten there and here. */
export type WantedGuest = {
  /** `server` unless said otherwise. */
  readonly mode?: Mode;
  readonly channel?: 'webmessaging';
  readonly email?: string;
  readonly phone?: string;
  readonly deviceFingerprint?: string;
  /** For callers who hash themselves. */
  readonly identityAttributes?: {
    readonly emailHash?: string;
    readonly phoneHash?: string;
    readonly deviceFingerprint?: string;
    readonly scheme?: string;
  };
  readonly consent: Consent;
  readonly channelContext?: ChannelContext;
  readonly attributes?: Attributes;
  /** Of a server-led guest who has signed in at the page: what the identity provider answered. Exchanged at Genesys Cloud, and never shown. */
  readonly authenticate?: {
    readonly code: string;
    readonly redirectUri: string;
    readonly codeVerifier?: string;
    readonly nonce?: string;
  };
};

/** A merge patch (RFC 7396): members given are replaced, `null` deletes, all others stay. */
export type GuestChanges = {
  readonly consent?: Partial<Consent>;
  readonly channelContext?: { readonly [K in keyof ChannelContext]: ChannelContext[K] | null } | null;
  readonly attributes?: Readonly<Record<string, string | null>> | null;
};

/** The guest as the service represents it, and the ETag of that representation. */
export type Guest = {
  readonly id: string;
  readonly mode: Mode;
  readonly channel: 'webmessaging';
  readonly state: GuestState;
  readonly closeReason: string | null;
  readonly consent: Consent;
  readonly identityAttributes: {
    readonly emailHash: string | null;
    readonly phoneHash: string | null;
    readonly deviceFingerprint: string | null;
    readonly primaryIdentifier: string | null;
    readonly resolutionMethod: string;
    readonly keyId: string | null;
  };
  readonly channelContext: ChannelContext;
  readonly attributes: Attributes;
  readonly interactionCount: number;
  readonly createdDate: string;
  readonly modifiedDate: string;
  readonly closedDate: string | null;
  readonly version: number;
  readonly genesys: {
    readonly deploymentId: string;
    readonly conversationIds: readonly string[];
    readonly linked: boolean;
    /** What the page's Messenger needs; widget-led guests only. */
    readonly widget?: {
      readonly deploymentId: string;
      readonly environment: string | null;
      readonly customAttributes: Attributes;
    };
  };
  readonly etag: string;
};

/** `avgResponseTimeMs` is the duration divided by the number of messages, not a response time. */
export type EngagementMetrics = {
  readonly guestId: string;
  readonly definition: string;
  readonly durationMinutes: number;
  readonly messageCount: number;
  readonly avgResponseTimeMs: number;
  readonly conversionFlag: boolean;
  readonly calculatedAt: string;
};

export type Message = {
  readonly id: string;
  readonly from: 'guest' | 'agent' | 'bot';
  /** `queued` until Genesys has accepted it; messages of the other side are `received`. */
  readonly status: 'queued' | 'sent' | 'failed' | 'received';
  readonly text: string | null;
  readonly at: string;
  /** The files it carries. */
  readonly attachments: readonly Attachment[];
};

/** What the guest says: a text, files that were added before, or both. */
export type Words = string | { readonly text?: string; readonly attachmentIds?: readonly string[] };

/** A file for the guest to send. Without a `mediaType` it is `application/octet-stream`. */
export type FileToSend = {
  readonly fileName: string;
  readonly mediaType?: string;
  readonly content: Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;
};

/** What is in a file. The service passes on only media types that cannot act in a page, and calls all others `application/octet-stream`. */
export type AttachmentContent = { readonly fileName: string; readonly mediaType: string; readonly content: Blob };

/** A file that the guest has sent, or was sent. Its name and type are null when they were erased. */
export type Attachment = {
  readonly id: string;
  /** `queued` until Genesys has it, then `uploaded`; files of the other side are `received`. `code` says why it is `refused` or `expired`. */
  readonly status: 'queued' | 'uploaded' | 'received' | 'refused' | 'expired';
  readonly code: string | null;
  readonly fileName: string | null;
  readonly mediaType: string | null;
  /** Bytes; null when the other side did not say. */
  readonly size: number | null;
  /** Of the message that carries it. */
  readonly messageId: string | null;
  readonly at: string;
};

/** What happens in a guest's session. What has an `id` is stored, and a stream can go on after it. */
export type LiveEvent = { readonly id?: string } & (
  | { readonly event: 'message'; readonly data: Message }
  /** For how long to show that they type; 0 when they have stopped. */
  | { readonly event: 'typing'; readonly data: { readonly from: 'agent' | 'bot'; readonly durationMs: number } }
  | {
      readonly event: 'state';
      readonly data: { readonly state: GuestState; readonly version: number; readonly interactionCount: number };
    }
  /** The last there is. */
  | {
      readonly event: 'closed';
      readonly data: { readonly state: GuestState; readonly version: number; readonly closeReason: string | null };
    }
);

/** What a guest decided, and how they said so. `at` is now unless given. */
export type Decision = {
  readonly purpose: keyof Consent;
  readonly decision: 'granted' | 'withdrawn';
  readonly method: 'api' | 'widget' | 'form' | 'verbal' | 'imported';
  /** Which text they were shown. */
  readonly noticeVersion?: string | null;
  readonly at?: string;
};

/** A decision on record. It never changes. */
export type ConsentRecord = Required<Decision> & {
  readonly id: string;
  readonly guestId: string;
  readonly recordedAt: string;
  readonly actor: string;
};

/** `jws` can be checked by anybody with the keys at `/v1/consents/keys`; `receipt` is what stands in it, to read. */
export type ConsentReceipt = { readonly receipt: Readonly<Record<string, unknown>>; readonly jws: string };

/** For pages of these origins. It lives for 15 minutes unless `expiresIn` says otherwise, in seconds. */
export type WantedWidgetToken = { readonly origins: readonly string[]; readonly expiresIn?: number };

/** With it a page can be its own guest, and nobody else. */
export type WidgetToken = {
  readonly token: string;
  readonly tokenId: string;
  readonly expiresAt: string;
  readonly scopes: readonly string[];
};

/** `hash` is SHA-256 over `previousHash` as 32 bytes followed by `body` as UTF-8, so anybody can check the trail. */
export type AuditEntry = {
  readonly subject: string;
  readonly sequence: number;
  readonly at: string;
  readonly event: string;
  readonly actor: string;
  readonly changes: Readonly<Record<string, unknown>>;
  readonly complianceFlags?: { readonly gdprApplicable: boolean; readonly dataMinimized: boolean };
  /** The exact text that was hashed. */
  readonly body: string;
  readonly previousHash: string;
  readonly hash: string;
};

/** Somewhere outside of the service that something about the guest was. */
export type ErasurePlace = {
  /** `crm/<id>` or `genesys`. */
  readonly name: string;
  /** `open`: somebody has to see to what `code` says. Genesys Cloud is `asked`, and takes days. */
  readonly state: 'waiting' | 'asked' | 'done' | 'open';
  readonly outcome: 'deleted' | 'emptied' | 'absent' | 'erased' | 'by-hand' | null;
  readonly code: string | null;
  readonly date: string;
  readonly conversationIds?: readonly string[];
  readonly contactIds?: readonly string[];
  readonly requestIds?: readonly string[];
};

/** What became of the erasure of a guest. Nothing is kept of it in the service since `erasedDate`. */
export type Erasure = {
  readonly id: string;
  readonly guestId: string;
  readonly state: 'ending' | 'under-way' | 'erased' | 'incomplete';
  readonly requestedDate: string;
  readonly erasedDate: string | null;
  readonly places: readonly ErasurePlace[];
};

/** Part of a list; `nextCursor` asks for the part after it. */
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };
export type PageQuery = { readonly cursor?: string; readonly limit?: number };
