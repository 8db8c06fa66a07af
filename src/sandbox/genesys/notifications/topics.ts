import { account } from '../account.js';
import type { Change, Conversation } from '../conversation.js';
import { messageConversationView } from '../platform/conversation-views.js';

/** What a channel says about something it was subscribed to (`topicName`, `eventBody`). */
export type Notification = { readonly topicName: string; readonly eventBody: object };

/** A subscription as it is answered (`ChannelTopic`). */
export type TopicState = {
  readonly id: string;
  readonly state: 'Permitted' | 'Rejected';
  readonly rejectionReason?: string;
  readonly missingPermissions?: readonly string[];
};

const QUEUE = `v2.routing.queues.${account.queueId}.conversations.messages`;
const DETAIL = /^v2\.detail\.events\.conversation\.[0-9a-f-]{36}\.(customer\.start|customer\.end|attributes)$/;

/** The topics there are, with `{id}` where a subscription must name one (`AvailableTopic`). */
export const availableTopics = [
  'v2.routing.queues.{id}.conversations.messages',
  'v2.detail.events.conversation.{id}.customer.start',
  'v2.detail.events.conversation.{id}.customer.end',
  'v2.detail.events.conversation.{id}.attributes',
].map((id) => ({
  id,
  requiresPermissions: [permissionOf(id)],
  requiresCurrentUser: false,
  transports: ['All'],
  topicParameters: ['id'],
  visibility: 'Public',
}));

/** Whether a channel may hear of a topic. Everything in it must be named: no wildcards. */
export function judge(id: string, mayHear: boolean): TopicState {
  if (id !== QUEUE && !DETAIL.test(id))
    return { id, state: 'Rejected', rejectionReason: 'The topic does not exist, or does not name what it is about.' };
  if (mayHear) return { id, state: 'Permitted' };
  const missingPermissions = [permissionOf(id)];
  return { id, state: 'Rejected', rejectionReason: 'Permissions are missing.', missingPermissions };
}

/** What is to be told of a change of a conversation; all conversations are on the one queue. */
export function notificationsOf(conversation: Conversation, change: Change): Notification[] {
  const onQueue = { topicName: QUEUE, eventBody: messageConversationView(conversation) };
  if (change === 'message') return [onQueue];
  const topicName = `v2.detail.events.conversation.${conversation.id}.${change}`;
  return [{ topicName, eventBody: detail(conversation, change) }, onQueue];
}

function detail({ id, customer, startTime }: Conversation, change: Exclude<Change, 'message'>): object {
  const eventTime = Date.now();
  const about = { eventTime, conversationId: id, participantId: customer.id, sessionId: customer.communicationId };
  if (change === 'attributes') return { ...about, attributes: customer.attributes };
  const medium = { mediaType: 'MESSAGE', messageType: 'WEBMESSAGING', direction: 'INBOUND' };
  if (change === 'customer.start') return { ...about, ...medium, ...contactOf(customer), ...journeyOf(customer) };
  // The enumerations of detail events are in capitals.
  const disconnectType = (customer.disconnectType ?? 'unknown').toUpperCase().replace('.', '_');
  return { ...about, ...medium, disconnectType, interactingDurationMs: eventTime - Date.parse(startTime) };
}

function contactOf({ externalContactId }: Conversation['customer']): object {
  return externalContactId === null ? {} : { externalContactId };
}

function journeyOf({ journeyContext }: Conversation['customer']): object {
  return journeyContext === null ? {} : { journeyContext };
}

function permissionOf(topic: string): string {
  return topic.startsWith('v2.routing.') ? 'routing:queue:view' : 'analytics:conversationDetail:view';
}
