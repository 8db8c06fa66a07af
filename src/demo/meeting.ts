import type { Guest, GuestManager } from '../client/index.js';
import { customerOf, participantOf } from './other-side.js';
import type { Conversation } from './other-side.js';
import { question, short } from './scene.js';
import type { Scene } from './scene.js';
import type { Story } from './story.js';
import { person, tracesIn } from './traces.js';

export async function makeGuest(story: Story, guests: GuestManager): Promise<Guest> {
  story.step('A visitor opens the chat, and a guest is made');
  const guest = await guests.createGuest({
    email: person.email,
    phone: person.phone,
    consent: { marketing: false, dataProcessing: true },
    channelContext: { originPage: 'https://example.com/support', campaignId: 'WINTER-2024' },
    attributes: { source: 'website' },
  });
  const { emailHash, phoneHash, keyId } = guest.identityAttributes;
  story.say(
    `guest   ${guest.id}`,
    `ETag    ${guest.etag}`,
    `e-mail  ${short(emailHash)}   a keyed hash (key "${keyId}"): it recognises the visitor, and tells nobody who that is`,
    `phone   ${short(phoneHash)}`,
  );
  story.saw(
    'the guest has keyed hashes of the e-mail and the phone',
    emailHash?.length === 64 && phoneHash?.length === 64,
  );
  story.saw('neither of the two came back in plaintext', tracesIn(JSON.stringify(guest)).length === 0);
  story.saw('GuestManager remembers the guest as it last saw it', guests.getState(guest.id)?.etag === guest.etag);
  return guest;
}

export async function seeConversation({ story, otherSide, guests, guest }: Scene): Promise<Conversation> {
  story.step('Genesys Cloud knows the guest');
  const conversation = await story.waitFor(
    'a conversation started there, and its participant carries our guest id',
    () => otherSide.conversationOf(guest.id),
  );
  await story.waitFor('the bot greeted', async () => {
    const now = await otherSide.conversationOf(guest.id);
    return now && participantOf(now, 'workflow').messages.length > 0;
  });
  await story.waitFor('our guest is active and knows that conversation', async () => {
    const { state, genesys } = await guests.getGuest(guest.id);
    return state === 'active' && genesys.linked && genesys.conversationIds.includes(conversation.id);
  });
  return conversation;
}

export async function talk({ story, otherSide, guests, guest }: Scene, { id }: Conversation): Promise<void> {
  const reply = 'It left our warehouse this morning.';
  story.step('They talk');
  story.say(`guest  "${question}"`);
  await guests.sendMessage(guest.id, question);
  await story.waitFor('Genesys Cloud received what the guest wrote', async () => {
    const now = await otherSide.conversationOf(guest.id);
    return now && customerOf(now).messages.some(({ text }) => text === question);
  });
  story.say(`agent  "${reply}"`);
  await otherSide.agentSays(id, reply);
  await story.waitFor("the agent's reply came back through our API", async () => {
    const { items } = await guests.listMessages(guest.id);
    return items.some(({ from, text }) => from === 'agent' && text === reply);
  });
}
