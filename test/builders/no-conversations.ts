import type { Attributes } from '../../src/modules/guest/guest.js';
import { Conversations } from '../../src/modules/guest/ports/conversations.js';
import type { ConversationView } from '../../src/modules/guest/ports/conversations.js';

/** A Genesys Cloud in which there is no conversation, and that takes whatever it is told of one. */
export class NoConversations extends Conversations {
  async ofMessage(_messageId: string): Promise<string | null> {
    return null;
  }
  async read(_conversationId: string): Promise<ConversationView | null> {
    return null;
  }
  async setAttributes(_conversationId: string, _participantId: string, _attributes: Attributes): Promise<void> {}
  async disconnect(): Promise<void> {}
  async ping(): Promise<void> {}
}
