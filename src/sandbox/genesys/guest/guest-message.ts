import { isObject, isTextMap, type JsonObject } from '../../json.js';
import { GuestError } from './guest-frames.js';
import type { Inbound } from '../message.js';

/** What a guest's `onMessage` is about. */
export type Intent = 'say' | 'join' | 'clear' | 'typing';

export const MAX_TEXT_BYTES = 4096;
export const MAX_CUSTOM_DATA_BYTES = 2048;

/** Reads an `onMessage` request. */
export function readMessage(frame: JsonObject): { readonly intent: Intent; readonly inbound: Inbound } {
  const message = frame['message'];
  if (!isObject(message)) throw new GuestError(4020, 'Missing parameter: message');
  const customAttributes = readAttributes(frame, message);
  const channel = isObject(message['channel']) ? message['channel'] : {};
  const messageId =
    typeof channel['messageId'] === 'string' && channel['messageId'] !== '' ? channel['messageId'] : null;
  if (message['type'] === 'Event') {
    const events = listOf(message['events']);
    const inbound: Inbound = { type: 'Event', events, messageId, customAttributes };
    return { intent: intentOf(events), inbound };
  }
  return { intent: 'say', inbound: { ...readWords(message), messageId, customAttributes } };
}

/** A message that holds only an attachment comes without type and text, and is a text all the same. */
function readWords(message: JsonObject): Pick<Inbound, 'type' | 'text' | 'content'> {
  const { type = 'Text', text } = message;
  if (type !== 'Text' && type !== 'Structured') throw new GuestError(400, 'Unsupported message type.');
  if (text !== undefined && typeof text !== 'string')
    throw new GuestError(400, 'The text of a message must be a string.');
  const content = listOf(message['content']);
  if ((text ?? '') === '' && content.length === 0) throw new GuestError(400, 'A message needs text or content.');
  if (Buffer.byteLength(text ?? '') > MAX_TEXT_BYTES) throw new GuestError(4011, 'message too long');
  return { type, ...(text === undefined ? {} : { text }), ...(content.length === 0 ? {} : { content }) };
}

function intentOf(events: readonly JsonObject[]): Intent {
  const [first] = events;
  if (first?.['eventType'] === 'Typing') return 'typing';
  const kind = isObject(first?.['presence']) ? first['presence']['type'] : undefined;
  if (kind === 'Join') return 'join';
  if (kind === 'Clear') return 'clear';
  throw new GuestError(400, 'Unsupported event.');
}

/** The official clients put them into the message's channel, some into one beside the message; the schema knows both. */
function readAttributes(frame: JsonObject, message: JsonObject): Record<string, string> | null {
  const attributes = attributesIn(message['channel']) ?? attributesIn(frame['channel']);
  if (attributes === undefined) return null;
  if (!isTextMap(attributes)) throw new GuestError(400, 'Custom attributes must be strings.');
  if (Buffer.byteLength(JSON.stringify(attributes)) > MAX_CUSTOM_DATA_BYTES)
    throw new GuestError(4013, `Custom Attributes in channel metadata is larger than ${MAX_CUSTOM_DATA_BYTES} bytes`);
  return attributes;
}

function attributesIn(channel: unknown): unknown {
  const metadata = isObject(channel) ? channel['metadata'] : undefined;
  return isObject(metadata) ? metadata['customAttributes'] : undefined;
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
