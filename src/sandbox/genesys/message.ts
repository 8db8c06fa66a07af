import { randomBytes, randomUUID } from 'node:crypto';
import { isObject, type JsonObject } from '../json.js';

/** The body of a `StructuredMessage` frame. `Inbound` is from the guest. */
export type MessageBody = {
  readonly id: string;
  readonly type: 'Text' | 'Structured' | 'Event';
  readonly direction: 'Inbound' | 'Outbound';
  /** What was said is gone once it was erased, and so are files and data. */
  text?: string;
  content?: readonly JsonObject[];
  readonly events?: readonly JsonObject[];
  readonly channel: {
    readonly time: string;
    readonly type: 'Private';
    /** Only the guest's own messages have one. */
    readonly messageId?: string;
    readonly from?: { readonly nickname: string };
    metadata?: { readonly customAttributes: Readonly<Record<string, string>> };
  };
  readonly originatingEntity?: 'Human' | 'Bot';
  readonly metadata: Readonly<Record<string, string>>;
};

/** A message as the platform keeps it: what was sent, where it belongs, and since when it can be looked up. */
export type Message = {
  readonly body: MessageBody;
  readonly conversationId: string;
  readonly acceptedAt: number;
  /** How long after acceptance its details stay unknown; null until a fault says otherwise. */
  lookupDelayMs: number | null;
};

/** What the guest sent, read and checked. */
export type Inbound = Pick<MessageBody, 'type' | 'text' | 'content' | 'events'> & {
  readonly messageId: string | null;
  readonly customAttributes: Readonly<Record<string, string>> | null;
};

/** The guest's message as it is echoed and kept. */
export function inboundBody(inbound: Inbound): MessageBody {
  const { type, text, content, events, messageId, customAttributes } = inbound;
  return {
    id: messageId32(),
    type,
    direction: 'Inbound',
    ...(text === undefined ? {} : { text }),
    ...(content === undefined ? {} : { content }),
    ...(events === undefined ? {} : { events }),
    channel: {
      time: new Date().toISOString(),
      type: 'Private',
      messageId: messageId ?? randomUUID(),
      ...(customAttributes === null ? {} : { metadata: { customAttributes } }),
    },
    metadata: { correlationId: randomUUID() },
  };
}

/** A message to the guest. */
export function outboundBody(
  said: Pick<MessageBody, 'type' | 'text' | 'content' | 'events' | 'originatingEntity'>,
  options: { readonly nickname?: string; readonly readOnly?: boolean } = {},
): MessageBody {
  return {
    id: messageId32(),
    ...said,
    direction: 'Outbound',
    channel: {
      time: new Date().toISOString(),
      type: 'Private',
      ...(options.nickname === undefined ? {} : { from: { nickname: options.nickname } }),
    },
    metadata: { correlationId: randomUUID(), ...(options.readOnly ? { readOnly: 'true' } : {}) },
  };
}

/** `events` of a presence message. */
export function presence(type: 'Join' | 'Clear' | 'Disconnect'): JsonObject[] {
  return [{ eventType: 'Presence', presence: { type } }];
}

/** The files that came with a message. */
export const attachmentIds = ({ content = [] }: MessageBody): string[] =>
  content.flatMap(({ attachment }) =>
    isObject(attachment) && typeof attachment['id'] === 'string' ? [attachment['id']] : [],
  );

/** What the guest side tells messages apart by, live and in the history. */
export function messageKey(body: MessageBody): string {
  return body.channel.messageId ?? body.id;
}

/** Message ids are 32 hexadecimal characters, without dashes. */
export function messageId32(): string {
  return randomBytes(16).toString('hex');
}
