import { AppError, errorCode } from '../../kernel/app-error.js';
import { ConversationMarks } from '../../modules/guest/index.js';
import type { Still } from '../../modules/guest/index.js';
import type { OptionalCalls } from './optional-calls.js';
import { goingOn } from './platform-client.js';
import type { PlatformClient } from './platform-client.js';

/** `ConversationMarks` by the Platform API. */
export class PlatformMarks extends ConversationMarks {
  constructor(
    private readonly platform: PlatformClient,
    private readonly optional: OptionalCalls,
    /** The external source under which contacts have guests' ids; null when nobody keeps such contacts. */
    private readonly contactSourceId: string | null,
  ) {
    super();
  }

  get hasContacts(): boolean {
    return this.contactSourceId !== null;
  }

  async tag(conversationId: string, externalTag: string, still?: Still): Promise<void> {
    await this.optional.call('external tags', 'conversation:externalTag:edit', () =>
      nullIfGone(
        this.platform.call(
          'putConversationTags',
          ({ conversations }) => conversations.putConversationTags(conversationId, { externalTag }),
          { still },
        ),
      ),
    );
  }

  async associate(conversationId: string, guestId: string, still?: Still): Promise<boolean> {
    const done = await this.optional.call(
      'contact association',
      'externalContacts:contact:view, conversation:communication:view, externalContacts:conversation:associate',
      () => this.put(conversationId, guestId, still),
    );
    // What is not permitted is not waited for.
    return done ?? true;
  }

  notPermitted(): readonly string[] {
    return this.optional.off();
  }

  private async put(conversationId: string, guestId: string, still?: Still): Promise<boolean> {
    const contact = await nullIfGone(
      this.platform.call(
        'postExternalcontactsIdentifierlookupContacts',
        ({ contacts }) =>
          contacts.postExternalcontactsIdentifierlookupContacts({
            type: 'ExternalId',
            value: guestId,
            // The SDK's model wants a name as well; the id alone says which it is.
            externalSource: { id: this.contactSourceId! } as never,
          }),
        { still },
      ),
    );
    if (contact?.id === undefined) return false;
    const communicationId = await this.communicationOf(conversationId);
    // Whoever is in no conversation any more is put with nobody.
    if (communicationId === null) return true;
    const association = { conversationId, communicationId, mediaType: 'MESSAGE', externalContactId: contact.id };
    await nullIfGone(
      this.platform.call(
        'putExternalcontactsConversation',
        ({ contacts }) => contacts.putExternalcontactsConversation(conversationId, association),
        { still, turn: goingOn() },
      ),
    );
    return true;
  }

  /** Of the guest's own part. Only the view across media shows it. */
  private async communicationOf(conversationId: string): Promise<string | null> {
    const conversation = (await nullIfGone(
      this.platform.call('getConversation', ({ conversations }) => conversations.getConversation(conversationId), {
        turn: goingOn(),
      }),
    )) as { participants?: { purpose?: string; messages?: { id?: string }[] }[] } | null;
    const guest = conversation?.participants?.findLast(({ purpose }) => purpose === 'customer');
    return guest?.messages?.at(-1)?.id ?? null;
  }
}

/** What is not there any more needs no mark; what is not there yet is looked for again by whoever asks. */
async function nullIfGone<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AppError && errorCode(error) === 'genesys.not_found') return null;
    throw error;
  }
}
