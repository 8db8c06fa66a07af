import { AppError } from '../../kernel/app-error.js';
import { pointerTo } from '../../kernel/json-pointer.js';
import { ConversationEvents } from '../../modules/guest/index.js';
import type { ConversationNews } from '../../modules/guest/index.js';

/** Our own form, for whoever builds a data action: what happened, where, and whose it says it is. */
const OWN_TYPES = ['conversation.started', 'conversation.message', 'conversation.ended'] as const;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DETAIL_TOPIC = /^v2\.detail\.events\.conversation\.[^.]+\.(customer\.start|customer\.end|attributes)$/;
const QUEUE_TOPIC = /^v2\.routing\.queues\.[^.]+\.conversations(\.messages)?$/;

/** Events as Genesys Cloud has them, read leniently, and one form of ours, read strictly. */
export class EventBodies extends ConversationEvents {
  read(body: unknown): ConversationNews | null {
    const { detail, topicName, eventBody, type, conversationId } = fields(body);
    // Amazon EventBridge puts its own envelope around that of the notification.
    if (detail !== undefined) return this.read(detail);
    if (topicName !== undefined) return notified(topicName, fields(eventBody));
    if (type !== undefined) return own(fields(body));
    // What a trigger hands to its workflow is the event alone.
    if (conversationId !== undefined) return happened(fields(body));
    throw invalid('', 'required', 'must be { type, conversationId }, or an event of Genesys Cloud');
  }
}

function notified(topic: unknown, event: Fields): ConversationNews | null {
  if (typeof topic !== 'string') throw invalid('/topicName', 'isString', 'must be a string');
  if (QUEUE_TOPIC.test(topic)) return onQueue(event);
  const [, what] = DETAIL_TOPIC.exec(topic) ?? [];
  if (what === undefined) return null;
  // Setting data is frequent, and only news when it says whose the conversation is.
  return happened(event, what === 'customer.end', what === 'attributes');
}

/** An event of `v2.detail.events.conversation`; only an end has a `disconnectType`. */
function happened(
  event: Fields,
  ended = event['disconnectType'] !== undefined,
  isData = false,
): ConversationNews | null {
  if (isOther(event['mediaType'], 'MESSAGE') || isOther(event['messageType'], 'WEBMESSAGING')) return null;
  const guestId = idOrNull(fields(event['attributes'])['guestSessionId']);
  if (isData && guestId === null) return null;
  return { conversationId: conversationIdOf(event, '/conversationId', 'conversationId'), guestId, ended };
}

/** A whole message conversation, as it is on a queue. */
function onQueue(event: Fields): ConversationNews {
  const participants = Array.isArray(event['participants']) ? event['participants'].map(fields) : [];
  const guest = participants.findLast(({ purpose }) => purpose === 'customer') ?? {};
  return {
    conversationId: conversationIdOf(event, '/eventBody/id', 'id'),
    guestId: idOrNull(fields(guest['attributes'])['guestSessionId']),
    ended: guest['state'] === 'disconnected' || guest['state'] === 'terminated',
  };
}

function own(body: Fields): ConversationNews {
  const { type, guestSessionId, ...rest } = body;
  if (!OWN_TYPES.includes(type as never)) throw invalid('/type', 'isIn', `must be one of ${OWN_TYPES.join(', ')}`);
  const [unknown] = Object.keys(rest).filter((name) => !['conversationId', 'disconnectType'].includes(name));
  if (unknown !== undefined) throw invalid(pointerTo('', unknown), 'unknown', 'is not known here; remove it');
  if (guestSessionId !== undefined && guestSessionId !== '' && idOrNull(guestSessionId) === null)
    throw invalid('/guestSessionId', 'matches', 'must be the id of a guest, or absent');
  return {
    conversationId: conversationIdOf(body, '/conversationId', 'conversationId'),
    guestId: idOrNull(guestSessionId),
    ended: type === 'conversation.ended',
  };
}

function conversationIdOf(event: Fields, pointer: string, name: string): string {
  const id = idOrNull(event[name]);
  if (id === null) throw invalid(pointer, 'matches', 'must be the id of a conversation, as Genesys Cloud shows it');
  return id;
}

const invalid = (pointer: string, rule: string, message: string): AppError =>
  new AppError('invalid', 'request.invalid', 'The body is not valid: see errors.', {
    errors: [{ pointer, rule, message }],
  });

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const idOrNull = (value: unknown): string | null =>
  typeof value === 'string' && ID.test(value) ? value.toLowerCase() : null;
/** Said, and something else. */
const isOther = (value: unknown, wanted: string): boolean =>
  typeof value === 'string' && value.toUpperCase() !== wanted;
