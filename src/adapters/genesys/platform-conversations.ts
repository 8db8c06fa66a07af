import { AppError } from '../../kernel/app-error.js';
import { Conversations } from '../../modules/guest/index.js';
import type { Attributes, ConversationView, Still } from '../../modules/guest/index.js';
import { goingOn } from './platform-client.js';
import type { PlatformClient } from './platform-client.js';

/** `Conversations` by the Platform API. */
export class PlatformConversations extends Conversations {
  constructor(private readonly platform: PlatformClient) {
    super();
  }

  async ofMessage(messageId: string): Promise<string | null> {
    const details = await nullIfUnknown(
      this.platform.call('getConversationsMessageDetails', ({ conversations }) =>
        conversations.getConversationsMessageDetails(messageId),
      ),
    );
    return details?.conversationId ?? null;
  }

  async read(conversationId: string): Promise<ConversationView | null> {
    const conversation = await nullIfUnknown(
      this.platform.call(
        'getConversationsMessage',
        ({ conversations }) => conversations.getConversationsMessage(conversationId),
        { turn: goingOn() },
      ),
    );
    return conversation === null ? null : conversationView(conversationId, conversation);
  }

  async setAttributes(
    conversationId: string,
    participantId: string,
    attributes: Attributes,
    still?: Still,
  ): Promise<void> {
    await this.platform.call(
      'patchConversationParticipantAttributes',
      ({ conversations }) =>
        conversations.patchConversationParticipantAttributes(conversationId, participantId, {
          attributes: { ...attributes },
        }),
      { still },
    );
  }

  async disconnect(conversationId: string): Promise<void> {
    try {
      await this.platform.call('patchConversationsMessage', ({ conversations }) =>
        // The SDK's model wants a whole conversation; the operation takes the state alone.
        conversations.patchConversationsMessage(conversationId, { state: 'disconnected' } as never),
      );
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'refused') throw error;
      // What Genesys answers for one that has ended already is documented nowhere: look.
      const view = await this.read(conversationId);
      if (view !== null && !view.ended) throw error;
    }
  }

  async ping(): Promise<void> {
    // Not behind all the jobs that wait: an allowance that is used up is no dependency that is down.
    await this.platform.call('getTokensMe', ({ tokens }) => tokens.getTokensMe(), { turn: goingOn() });
  }
}

async function nullIfUnknown<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AppError && error.code === 'genesys.not_found') return null;
    throw error;
  }
}

/** The fields of `MessageConversation` we use; every one may be missing, whatever its type says. */
type MessageConversation = { participants?: Participant[] };
type Participant = {
  id?: string;
  purpose?: string;
  state?: string;
  endTime?: string;
  disconnectType?: string;
  attributes?: Record<string, string>;
  externalContact?: { id?: string };
  messages?: { messageId?: string; messageTime?: string; messageMetadata?: { type?: string } }[];
};

function conversationView(id: string, { participants = [] }: MessageConversation): ConversationView {
  const guests = participants.filter(({ purpose }) => purpose === 'customer');
  // A guest who comes back into a conversation that had ended may be a participant anew: the last one is the present one.
  const guest = guests.findLast((each) => !hasLeft(each)) ?? guests.at(-1);
  if (guest?.id === undefined)
    throw new AppError(
      'unavailable',
      'genesys.no_guest_yet',
      'Genesys Cloud does not show the guest in the conversation yet.',
    );
  return {
    id,
    ended: hasLeft(guest),
    ...(hasLeft(guest) && guest.disconnectType === 'session.expired' ? { expired: true } : {}),
    participantId: guest.id,
    ...(guest.externalContact?.id === undefined ? {} : { contactId: guest.externalContact.id }),
    attributes: guest.attributes ?? {},
    messages: participants.flatMap(textsOf).sort((a, b) => a.at.getTime() - b.at.getTime()),
  };
}

const hasLeft = ({ state, endTime }: Participant): boolean =>
  endTime !== undefined || state === 'disconnected' || state === 'terminated';

function textsOf({ purpose, messages = [] }: Participant): ConversationView['messages'][number][] {
  const from = purpose === 'customer' ? 'guest' : purpose === 'agent' || purpose === 'user' ? 'agent' : 'bot';
  return messages.flatMap(({ messageId, messageTime, messageMetadata }) => {
    if (messageId === undefined || !['Text', 'Structured'].includes(messageMetadata?.type ?? '')) return [];
    return [{ key: messageId, from, at: new Date(messageTime ?? 0) }];
  });
}
