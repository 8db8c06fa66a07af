import { illegalTransition } from './guest.errors.js';
import type { Identity } from '../identity/index.js';

/** Server-led: this service holds the guest's socket. Widget-led: the page's own Messenger does, and we link afterwards. */
export const MODES = ['server', 'widget'] as const;
export type Mode = (typeof MODES)[number];

/**
 * created → configured → active ⇄ disconnected → closing → closed | expired | erased, and `failed` for a start that cannot
 * succeed. `disconnected` means that the conversation ended, never that a socket dropped.
 */
export const GUEST_STATES = [
  'created',
  'configured',
  'active',
  'disconnected',
  'closing',
  'closed',
  'expired',
  'erased',
  'failed',
] as const;
export type GuestState = (typeof GUEST_STATES)[number];

/** Why a guest's session is over: every reason there is, and when it is given. */
export const CLOSE_REASONS = {
  api: 'a caller asked',
  guest_cleared: 'the guest cleared the conversation',
  abandoned: 'idle for too long, or closed before anybody said anything',
  read_only: 'Genesys Cloud made the conversation read-only',
  session_expired: 'the session ran out at Genesys Cloud, or the page never took it up',
  refused: 'Genesys Cloud would not have its start or its end',
  erased: 'its erasure was asked for',
} as const;
export type CloseReason = keyof typeof CLOSE_REASONS;

export type Consent = { readonly marketing: boolean; readonly dataProcessing: boolean };
export type ChannelContext = { readonly originPage?: string; readonly campaignId?: string };
export type Attributes = Readonly<Record<string, string>>;

/** A Genesys conversation of this guest. One session can hold several over its life. */
export type Conversation = {
  readonly id: string;
  readonly participantId: string;
  readonly endedAt: string | null;
  /** The external contact Genesys has put it with, as last seen: contacts are merged. */
  readonly contactId?: string;
};

/** The guest: a person's session with us. Genesys Cloud has no such resource; it has sessions and conversations. */
export type Guest = {
  readonly id: string;
  /** Grows with every visible change, a counted message too. The ETag. */
  readonly version: number;
  readonly mode: Mode;
  readonly channel: 'webmessaging';
  readonly state: GuestState;
  /** Null while nobody knows. Set from `closing` on where the cause is known by then. */
  readonly closeReason: CloseReason | null;
  readonly consent: Consent;
  readonly identity: Identity;
  readonly channelContext: ChannelContext;
  readonly attributes: Attributes;
  /** Messages of guest, agent and bot; events and receipts excluded. */
  readonly interactionCount: number;
  readonly createdDate: Date;
  readonly modifiedDate: Date;
  readonly closedDate: Date | null;
  /** The web messaging deployment the guest belongs to. */
  readonly deploymentId: string;
  readonly conversations: readonly Conversation[];
  /** For every patchable leaf that ever changed after creation, by JSON pointer: the version that changed it last. */
  readonly touched: Readonly<Record<string, number>>;
  /** The message that a conversation was begun with which is not found yet: it leads to it. Not visible. */
  readonly beganWith: string | null;
  /** What Genesys was told last and where, so that it is told again only when that changed. Not visible. */
  readonly handedOver: { readonly conversationId: string; readonly hash: string } | null;
};

export type NewGuest = Pick<
  Guest,
  'id' | 'mode' | 'consent' | 'identity' | 'channelContext' | 'attributes' | 'deploymentId'
>;

const NEXT: Readonly<Record<GuestState, readonly GuestState[]>> = {
  created: ['configured', 'active', 'closing', 'closed', 'failed', 'expired', 'erased'],
  configured: ['active', 'closing', 'closed', 'failed', 'expired', 'erased'],
  active: ['disconnected', 'closing', 'closed', 'expired', 'erased'],
  disconnected: ['active', 'closing', 'closed', 'expired', 'erased'],
  closing: ['closed', 'expired', 'erased'],
  closed: ['erased'],
  expired: ['erased'],
  failed: ['erased'],
  erased: [],
};

export const isOver = (guest: Guest): boolean => ['closed', 'expired', 'erased', 'failed'].includes(guest.state);

export const linkedConversation = (guest: Guest): Conversation | null =>
  guest.conversations.findLast((conversation) => conversation.endedAt === null) ?? null;

export function newGuest(wanted: NewGuest, at: Date): Guest {
  return {
    version: 1,
    channel: 'webmessaging',
    state: 'created',
    closeReason: null,
    interactionCount: 0,
    createdDate: at,
    modifiedDate: at,
    closedDate: null,
    conversations: [],
    touched: {},
    beganWith: null,
    handedOver: null,
    ...wanted,
  };
}

/** A visible change: one version on. */
export function changed(guest: Guest, at: Date, change: Partial<Guest>): Guest {
  const modifiedDate = at > guest.modifiedDate ? at : guest.modifiedDate;
  return { ...guest, ...change, version: guest.version + 1, modifiedDate };
}

/**
 * The one way from state to state.
 * @throws AppError `guest.illegal_transition` with the current state and those it allows
 */
export function moved(guest: Guest, to: GuestState, at: Date, change: Partial<Guest> = {}): Guest {
  if (!NEXT[guest.state].includes(to)) throw illegalTransition(guest.id, guest.state, to, NEXT[guest.state]);
  return changed(guest, at, { ...change, state: to });
}

/** A guest decided on one purpose, which people may at any time (GDPR Art. 7(3)): also of a session that is over. */
export function consented(guest: Guest, purpose: keyof Consent, isLive: boolean, at: Date): Guest {
  if (guest.consent[purpose] === isLive) return guest;
  return changed(guest, at, {
    consent: { ...guest.consent, [purpose]: isLive },
    touched: { ...guest.touched, [`/consent/${purpose}`]: guest.version + 1 },
  });
}

/** Genesys accepted the session. Seen again it changes nothing. */
export const configured = (guest: Guest, at: Date): Guest =>
  guest.state === 'created' ? moved(guest, 'configured', at) : guest;

/** A message was seen in the guest's session; a guest who writes after the conversation ended is active again. */
export function messageCounted(guest: Guest, at: Date): Guest {
  const interactionCount = guest.interactionCount + 1;
  return isOver(guest) || guest.state === 'closing' || guest.state === 'active'
    ? changed(guest, at, { interactionCount })
    : moved(guest, 'active', at, { interactionCount });
}

/** A conversation was begun with a message. While the guest's current one is known that is where it belongs. No new version. */
export const begun = (guest: Guest, messageId: string): Guest =>
  linkedConversation(guest) !== null || guest.beganWith === messageId ? guest : { ...guest, beganWith: messageId };

/** The conversation that was begun with a message is known. No new version. */
export const found = (guest: Guest, messageId: string, conversationId: string): Guest =>
  guest.beganWith === messageId && guest.conversations.some(({ id }) => id === conversationId)
    ? { ...guest, beganWith: null }
    : guest;

/** A conversation as Genesys shows it. */
export type Seen = Pick<Conversation, 'id' | 'participantId' | 'contactId'> & {
  /** Absent when nothing shows it. */
  readonly ended?: boolean;
};

/**
 * Genesys has a conversation for this guest. Idempotent by conversation; one that had ended and goes on again is the guest's current one once more.
 */
export function linked(guest: Guest, { id, participantId, ended }: Seen, at: Date): Guest {
  const known = guest.conversations.find((conversation) => conversation.id === id);
  const isBack = ended === false && known !== undefined && known.endedAt !== null && !isOver(guest);
  if (known !== undefined && !isBack) return guest;
  const others = guest.conversations.filter((conversation) => conversation !== known);
  const conversations = [...others, { ...known, id, participantId, endedAt: null }];
  return isOver(guest) || guest.state === 'closing' || guest.state === 'active'
    ? changed(guest, at, { conversations })
    : moved(guest, 'active', at, { conversations });
}

/** What Genesys shows of a conversation and nobody sees here: who the guest is in it. No new version. */
export function shown(guest: Guest, { id, participantId, contactId }: Seen): Guest {
  const known = guest.conversations.find((conversation) => conversation.id === id);
  const isNews = known?.participantId !== participantId || (contactId ?? known.contactId) !== known.contactId;
  if (known === undefined || !isNews) return guest;
  const seen = { ...known, participantId, ...(contactId === undefined ? {} : { contactId }) };
  return { ...guest, conversations: guest.conversations.map((each) => (each === known ? seen : each)) };
}

/**
 * A conversation ended at Genesys: the one named, or all there are. The session goes on; a guest with no conversation left that goes on is
 * disconnected.
 */
export function conversationEnded(guest: Guest, at: Date, id?: string): Guest {
  const isMeant = (one: Conversation): boolean => one.endedAt === null && (id === undefined || one.id === id);
  const conversations = guest.conversations.map((one) => (isMeant(one) ? { ...one, endedAt: at.toISOString() } : one));
  const isNews = guest.conversations.some(isMeant);
  const goesOn = conversations.some(({ endedAt }) => endedAt === null);
  if (guest.state === 'active' && !goesOn) return moved(guest, 'disconnected', at, { conversations });
  return isNews ? changed(guest, at, { conversations }) : guest;
}

/** Somebody asked for the end. Asked again it changes nothing. */
export const closing = (guest: Guest, at: Date, closeReason: CloseReason | null = null): Guest =>
  isOver(guest) || guest.state === 'closing' ? guest : moved(guest, 'closing', at, { closeReason });

/** Its erasure was asked for: nothing leaves of it any more, and its session is ended if it is not over. */
export function erasing(guest: Guest, at: Date): Guest {
  if (guest.closeReason === 'erased') return guest;
  const isEnding = isOver(guest) || guest.state === 'closing';
  return isEnding ? changed(guest, at, { closeReason: 'erased' }) : closing(guest, at, 'erased');
}

/** What it ends for; however the session of one that is being erased ends, it ended for that. */
const endedFor = (guest: Guest, closeReason: CloseReason): CloseReason =>
  guest.closeReason === 'erased' ? 'erased' : closeReason;

/** The session is over. One that was over before is as it was. */
export const closed = (guest: Guest, closeReason: CloseReason, at: Date): Guest =>
  isOver(guest)
    ? guest
    : moved(guest, 'closed', at, { ...ended(guest, at), closeReason: endedFor(guest, closeReason) });

/** The session ran out. One that was over before is as it was. */
export const expired = (guest: Guest, at: Date): Guest =>
  isOver(guest)
    ? guest
    : moved(guest, 'expired', at, { ...ended(guest, at), closeReason: endedFor(guest, 'session_expired') });

/** The start was refused for good. Once a session was active it cannot fail any more, only close. */
export const failed = (guest: Guest, at: Date): Guest =>
  guest.state === 'created' || guest.state === 'configured'
    ? moved(guest, 'failed', at, { closeReason: 'refused', closedDate: at })
    : guest;

const ended = (guest: Guest, at: Date): Pick<Guest, 'closedDate' | 'conversations'> => ({
  closedDate: at,
  conversations: guest.conversations.map((conversation) => ({
    ...conversation,
    endedAt: conversation.endedAt ?? at.toISOString(),
  })),
});
