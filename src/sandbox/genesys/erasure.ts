import type { Conversation } from './conversation.js';
import type { Conversations } from './conversations.js';
import type { EphemeralContacts } from './ephemeral-contacts.js';
import type { Attachments } from './guest/attachments.js';
import { attachmentIds, type MessageBody } from './message.js';
import type { ExternalContacts } from './platform/external-contacts.js';

/** Where there may be something of a contact. */
export type Holdings = {
  readonly contacts: ExternalContacts;
  readonly ephemeral: EphemeralContacts;
  readonly conversations: Conversations;
  readonly attachments: Attachments;
};

/** Erases a contact, and of the conversations put with it what was said by either side, files, and the guest's data. That they were stays on record. */
export function eraseContact(contactId: string, { contacts, ephemeral, conversations, attachments }: Holdings): void {
  contacts.erase(contactId);
  ephemeral.remove(contactId);
  for (const conversation of conversations.list().filter((each) => isWith(contactId, each))) {
    for (const body of conversation.participants.flatMap(({ messages }) => messages.map((message) => message.body))) {
      for (const id of attachmentIds(body)) attachments.remove(id);
      redact(body);
    }
    Object.assign(conversation.customer, { attributes: {}, externalContactId: null, journeyContext: null });
  }
}

const isWith = (contactId: string, { participants }: Conversation): boolean =>
  participants.some(({ externalContactId }) => externalContactId === contactId);

/** The history of the guest's session has the same message. */
function redact(body: MessageBody): void {
  delete body.text;
  delete body.content;
  delete body.channel.metadata;
}
