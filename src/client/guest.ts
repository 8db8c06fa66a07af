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
  readonly attachmentIds: readonly string[];
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

/** Part of a list; `nextCursor` asks for the part after it. */
export type Page<T> = { readonly items: readonly T[]; readonly nextCursor: string | null };
export type PageQuery = { readonly cursor?: string; readonly limit?: number };
