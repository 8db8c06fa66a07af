import { isObject } from '../../json.js';
import { account } from '../account.js';
import type { Conversation, Participant } from '../conversation.js';
import type { Message } from '../message.js';

const divisions = [{ division: { id: account.divisionId, name: 'Home' }, entities: [] }];

/** `MessageConversation`: the message media's own view, participants with their messages. */
export function messageConversationView(conversation: Conversation): object {
  return {
    id: conversation.id,
    participants: conversation.participants.map((participant) => ({
      ...participantFields(participant),
      ...(participant.externalContactId === null ? {} : { externalContact: { id: participant.externalContactId } }),
      state: stateOf(participant),
      direction: 'inbound',
      type: 'webmessaging',
      authenticated: false,
      held: false,
      ...(participant.disconnectType === null ? {} : { disconnectType: participant.disconnectType }),
      ...(participant.journeyContext === null ? {} : { journeyContext: participant.journeyContext }),
      messages: participant.messages.map(messageDetailsView),
    })),
    otherMediaUris: [],
    divisions,
    selfUri: `/api/v2/conversations/messages/${conversation.id}`,
  };
}

/** `Conversation`: the view across media, which knows start, end and external tag. */
export function conversationView(conversation: Conversation): object {
  return {
    id: conversation.id,
    startTime: conversation.startTime,
    ...(conversation.endTime === null ? {} : { endTime: conversation.endTime }),
    ...(conversation.externalTag === null ? {} : { externalTag: conversation.externalTag }),
    recordingState: 'NONE',
    divisions,
    participants: conversation.participants.map((participant) => ({
      ...participantFields(participant),
      ...(participant.externalContactId === null ? {} : { externalContactId: participant.externalContactId }),
      messages: [
        {
          id: participant.communicationId,
          state: stateOf(participant),
          direction: 'inbound',
          type: 'webmessaging',
          authenticated: false,
          connectedTime: participant.startTime,
          ...(participant.endTime === null ? {} : { disconnectedTime: participant.endTime }),
          ...(participant.disconnectType === null ? {} : { disconnectType: participant.disconnectType }),
          ...(participant.journeyContext === null ? {} : { journeyContext: participant.journeyContext }),
          messages: participant.messages.map(messageDetailsView),
        },
      ],
    })),
    selfUri: `/api/v2/conversations/${conversation.id}`,
  };
}

/** `MessageData`: what the look-up by message id answers. */
export function messageDataView({ body, conversationId }: Message): object {
  return {
    id: body.id,
    ...(body.channel.messageId === undefined ? {} : { providerMessageId: body.channel.messageId }),
    timestamp: body.channel.time,
    direction: body.direction.toLowerCase(),
    messengerType: 'webmessaging',
    status: statusOf(body.direction),
    normalizedMessage: body,
    conversationId,
    selfUri: `/api/v2/conversations/messages/${conversationId}/messages/${body.id}`,
  };
}

/** A conversation as the sandbox shows it to people: who said what, and the participant data they carry. */
export function plainView(conversation: Conversation): object {
  return {
    id: conversation.id,
    externalTag: conversation.externalTag,
    state: conversation.state,
    session: conversation.sessionNumber,
    startTime: conversation.startTime,
    endTime: conversation.endTime,
    participants: conversation.participants.map(({ id, purpose, attributes, messages, endTime, disconnectType }) => ({
      id,
      purpose,
      state: endTime === null ? 'connected' : 'disconnected',
      disconnectType,
      attributes,
      messages: messages.filter(({ body }) => body.type !== 'Event').map(({ body }) => plainMessage(body)),
    })),
  };
}

function plainMessage(body: Message['body']): object {
  const { id, type, direction, channel } = body;
  return { id, type, direction, at: channel.time, ...plainWords(body) };
}

/** What was said, and which files came with it. */
export function plainWords({ text = '', content = [] }: Message['body']): object {
  const files = content.flatMap(({ attachment }) =>
    isObject(attachment) ? [{ fileName: attachment['filename'], bytes: attachment['fileSize'] }] : [],
  );
  return { text, ...(files.length === 0 ? {} : { files }) };
}

function participantFields(participant: Participant): object {
  return {
    id: participant.id,
    name: participant.name,
    purpose: participant.purpose,
    startTime: participant.startTime,
    connectedTime: participant.startTime,
    ...(participant.endTime === null ? {} : { endTime: participant.endTime }),
    attributes: participant.attributes,
  };
}

function messageDetailsView({ body, conversationId }: Message): object {
  return {
    messageId: body.id,
    messageURI: `/api/v2/conversations/messages/${conversationId}/messages/${body.id}`,
    messageStatus: statusOf(body.direction),
    messageSegmentCount: 1,
    messageTime: body.channel.time,
    messageMetadata: {
      type: body.type,
      ...(body.events === undefined ? {} : { events: body.events.map((event) => ({ eventType: event['eventType'] })) }),
      ...(body.content === undefined
        ? {}
        : { content: body.content.map((each) => ({ contentType: each['contentType'] })) }),
    },
  };
}

function stateOf(participant: Participant): string {
  return participant.endTime === null ? 'connected' : 'disconnected';
}

function statusOf(direction: 'Inbound' | 'Outbound'): string {
  return direction === 'Inbound' ? 'received' : 'sent';
}
