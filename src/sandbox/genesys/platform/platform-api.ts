import type { FastifyInstance, FastifyRequest } from 'fastify';
import { arrivalOf } from '../../arrival.js';
import type { Faults } from '../../faults.js';
import { isObject, isTextMap } from '../../json.js';
import { Refusal } from '../../refusal.js';
import { account } from '../account.js';
import type { Conversation } from '../conversation.js';
import { conversationView, messageConversationView, messageDataView } from './conversation-views.js';
import type { Conversations } from '../conversations.js';
import type { Message } from '../message.js';
import type { Messaging } from '../messaging.js';

type ById = { Params: { id: string } };
type ByParticipant = { Params: { id: string; participantId: string } };

/** What the Platform API of conversations works on. */
export type PlatformParts = {
  readonly conversations: Conversations;
  readonly messaging: Messaging;
  readonly faults: Faults;
  /** How long the details of a message stay unknown when nothing is wrong. */
  readonly lookupDelayMs: () => number;
};

/** Conversations, under `/api/v2/conversations`: look up, read, mark and end. */
export function conversationRoutes(app: FastifyInstance, parts: PlatformParts): void {
  const { conversations, messaging } = parts;

  app.get<ById>('/messages/:id/details', async (request) => {
    const { id } = request.params;
    const message = conversations.findMessage(id);
    if (message === undefined || !isIndexed(message, request, parts)) throw unknown('message', id);
    return messageDataView(message);
  });

  app.get<ById>('/messages/:id', async ({ params }) =>
    messageConversationView(conversationOf(conversations, params.id)),
  );

  app.get<ById>('/:id', async ({ params }) => conversationView(conversationOf(conversations, params.id)));

  app.patch<ById>('/messages/:id', async ({ params, body }) => {
    const conversation = conversationOf(conversations, params.id);
    if (!isObject(body) || body['state'] !== 'disconnected')
      throw new Refusal(400, 'bad.request', 'The only state a conversation can be brought to is disconnected.');
    if (conversation.state === 'disconnected')
      throw new Refusal(400, 'bad.request', 'The conversation has already ended.', { entityId: conversation.id });
    messaging.disconnect(conversation, 'client');
    return conversationView(conversation);
  });

  app.patch<ByParticipant>('/:id/participants/:participantId/attributes', async ({ params, body }, reply) => {
    mergeAttributes(conversationOf(conversations, params.id), params.participantId, body);
    return reply.code(204).send();
  });

  app.patch<ByParticipant>('/messages/:id/participants/:participantId/attributes', async ({ params, body }, reply) => {
    mergeAttributes(conversationOf(conversations, params.id), params.participantId, body);
    return reply.code(202).send();
  });

  app.put<ById>('/:id/tags', async ({ params, body }, reply) => {
    const conversation = conversationOf(conversations, params.id);
    if (!isObject(body) || typeof body['externalTag'] !== 'string')
      throw new Refusal(400, 'bad.request', 'externalTag is required and must be a string.');
    conversation.externalTag = body['externalTag'];
    return reply.type('application/json').send(JSON.stringify(conversation.id));
  });
}

/** `PUT /externalcontacts/conversations/{id}` (`ConversationAssociation`): whose conversation it is, by the communication of the customer. */
export function associationRoutes(app: FastifyInstance, conversations: Conversations): void {
  app.put<ById>('/externalcontacts/conversations/:id', async ({ params, body }, reply) => {
    const conversation = conversationOf(conversations, params.id);
    const { communicationId, mediaType, externalContactId } = isObject(body) ? body : {};
    if (mediaType !== 'MESSAGE') throw new Refusal(400, 'bad.request', 'mediaType must be MESSAGE.');
    const participant = conversation.participants.find((each) => each.communicationId === communicationId);
    if (participant === undefined) throw unknown('communication', String(communicationId));
    // Whoever leaves the contact out unlinks it.
    participant.externalContactId = typeof externalContactId === 'string' ? externalContactId : null;
    return reply.code(204).send();
  });
}

/** The index lags behind the socket. A fault's delay is bound to the message that is asked for, so `times` counts messages. */
function isIndexed(message: Message, request: FastifyRequest, { faults, lookupDelayMs }: PlatformParts): boolean {
  const call = { target: 'genesys', operation: null, path: request.url };
  message.lookupDelayMs ??=
    arrivalOf(request).effect?.lookupDelayMs ?? faults.take('lookup', call)?.lookupDelayMs ?? null;
  return Date.now() >= message.acceptedAt + (message.lookupDelayMs ?? lookupDelayMs());
}

function mergeAttributes(conversation: Conversation, participantId: string, body: unknown): void {
  const participant = conversation.participants.find((each) => each.id === participantId);
  if (participant === undefined) throw unknown('participant', participantId);
  if (!isObject(body) || !isTextMap(body['attributes']))
    throw new Refusal(400, 'bad.request', 'attributes is required; its values must be strings.');
  conversation.mergeAttributes(participant, body['attributes']);
}

function conversationOf(conversations: Conversations, id: string): Conversation {
  const conversation = conversations.find(id);
  if (conversation === undefined) throw unknown('conversation', id);
  return conversation;
}

function unknown(kind: string, id: string): Refusal {
  return new Refusal(404, 'not.found', `The requested ${kind} was not found.`, { entityId: id, entityName: kind });
}

/** The token's own owner and the clock. */
export function housekeepingRoutes(app: FastifyInstance, expire: (authorization: string | undefined) => void): void {
  const organization = { id: account.organizationId, name: account.organizationName };
  app.get('/tokens/me', async () => ({
    organization,
    homeOrganization: organization,
    authorizedScope: [],
    OAuthClient: { id: account.clientId, name: 'Sandbox client', organization },
  }));
  app.delete('/tokens/me', async ({ headers }, reply) => {
    expire(headers.authorization);
    return reply.code(204).send();
  });
  app.get('/date', async () => ({ currentDate: new Date().toISOString() }));
}
