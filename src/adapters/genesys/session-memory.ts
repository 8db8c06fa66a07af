import type { Attributes, ChannelEvent } from '../../modules/guest/index.js';
import type { GuestMessage } from './frames.js';

/** Kept per session; beyond that, the receiver's own memory of keys has to do. */
const MOST_REMEMBERED = 500;
/** How far apart our clock and Genesys's may be. */
const CLOCKS_DIFFER_MS = 2_000;

export type Heard = { readonly event: ChannelEvent; readonly at: number };

/** What this process knows of one guest session from what was said in it. It starts empty: another process may have begun the session. */
export class SessionMemory {
  /** Whether a conversation was ever begun in this session; null while we cannot know. */
  started: boolean | null = null;
  private readonly seen = new Set<string>();
  /** Our own messages: what each is known by at Genesys. */
  private readonly keyOf = new Map<string, string>();
  private readonly sent = new Set<string>();
  /** Of those, the ones no other process has tried before. */
  private readonly ours = new Set<string>();
  /** Of those, the ones that may have been accepted without our being told. */
  private readonly unsure = new Set<string>();
  /** The custom attributes Genesys has echoed, and so has made participant data of the present conversation. */
  private echoed: Attributes = {};

  constructor(private readonly guestId: string) {}

  /** What a message, seen live or in history, is to those who listen. Nothing for what they were told already. */
  hear(message: GuestMessage, tracingId: string | null): Heard[] {
    const sentAs = tracingId !== null && this.sent.has(tracingId) ? tracingId : null;
    if (sentAs !== null) this.accepted(sentAs, message.key);
    const isJoin = message.from === 'guest' && message.presence.includes('Join');
    if (isJoin || message.isText) this.started = true;
    const isEnd = message.from !== 'guest' && message.presence.includes('Disconnect');
    if (!(isJoin || message.isText || isEnd) || this.seen.has(message.key)) return [];
    remember(this.seen, message.key);
    if (isEnd) this.ended();
    const { guestId } = this;
    const { id: messageId, key, from, text, attachments, readOnly } = message;
    const at = message.at ?? new Date();
    const event: ChannelEvent = isJoin
      ? { type: 'joined', guestId, messageId }
      : isEnd
        ? { type: 'conversation-ended', guestId, at, readOnly }
        : {
            ...{ type: 'message', guestId, key, messageId, from, text, at },
            ...(attachments.length === 0 ? {} : { attachments }),
            ...(sentAs === null ? {} : { sentAs }),
          };
    return [{ event, at: at.getTime() }];
  }

  /**
   * What a stretch of history, oldest first, is to those who listen. An end after which the guest went on is left out: it was that of an
   * earlier conversation, and told now it would seem to be the present one's.
   */
  hearHistory(messages: readonly GuestMessage[]): Heard[] {
    this.started ??= messages.length > 0;
    const lastOfGuest = messages.findLastIndex(({ from }) => from === 'guest');
    return messages.flatMap((message, index) => {
      const isPastEnd = index < lastOfGuest && message.presence.includes('Disconnect');
      return isPastEnd ? [] : this.hear(message, null);
    });
  }

  /** The conversation has ended: the next one begins without participant data. */
  ended(): void {
    this.echoed = {};
  }

  knows(message: GuestMessage): boolean {
    return this.seen.has(message.key);
  }

  /** Whether an earlier attempt at this message may have been accepted unseen. */
  mayBeAccepted({ id, retry }: { readonly id: string; readonly retry: boolean }): boolean {
    if (!retry) remember(this.ours, id);
    return retry && (!this.ours.has(id) || this.unsure.has(id));
  }

  /** From now on an echo with this tracing id is this message's. */
  sending(id: string): void {
    remember(this.sent, id);
    remember(this.unsure, id);
  }

  /** Genesys said no to it, so it has not accepted it. */
  refused(id: string): void {
    this.unsure.delete(id);
  }

  accepted(id: string, key: string): void {
    this.unsure.delete(id);
    this.keyOf.delete(id);
    this.keyOf.set(id, key);
    if (this.keyOf.size > MOST_REMEMBERED) this.keyOf.delete(this.keyOf.keys().next().value!);
  }

  keyOfSent(id: string): string | null {
    return this.keyOf.get(id) ?? null;
  }

  /**
   * The key under which Genesys accepted a message whose acknowledgement was lost, found in the history: the oldest text of the guest
   * that says the same, is not older than the message, and is not known to be another one of ours. Genesys takes no idempotency key and
   * gives nothing else to tell by: of two like messages sent by a process that died in between, only their order tells.
   */
  acceptedUnseen(
    message: {
      readonly id: string;
      readonly text: string;
      readonly attachmentIds?: readonly string[];
      readonly since: Date;
    },
    history: readonly GuestMessage[],
  ): string | null {
    const others = new Set([...this.keyOf].flatMap(([id, key]) => (id === message.id ? [] : [key])));
    const notBefore = message.since.getTime() - CLOCKS_DIFFER_MS;
    const like = history.filter(
      ({ from, isText, text, attachments, at, key }) =>
        from === 'guest' &&
        isText &&
        text.trim() === message.text.trim() &&
        attachments.map(({ id }) => id).join() === (message.attachmentIds ?? []).join() &&
        (at?.getTime() ?? Infinity) >= notBefore &&
        !others.has(key),
    );
    return like.at(-1)?.key ?? null;
  }

  /** These attributes if they still have to be sent, which is until each of them was echoed. */
  pending(attributes: Attributes): Attributes | null {
    return Object.entries(attributes).every(([name, value]) => this.echoed[name] === value) ? null : attributes;
  }

  delivered(attributes: Attributes | null): void {
    this.echoed = { ...this.echoed, ...attributes };
  }
}

function remember(set: Set<string>, value: string): void {
  set.add(value);
  if (set.size > MOST_REMEMBERED) set.delete(set.values().next().value!);
}
