import { GuestConflictError } from '../client/index.js';
import type { GuestManager } from '../client/index.js';
import { customerOf } from './other-side.js';
import { short } from './scene.js';
import type { Scene } from './scene.js';
import { tracesIn } from './traces.js';

/** `guests` and `office` are two writers that know nothing of each other. */
export async function changeTogether({ story, guests, guest }: Scene, office: GuestManager): Promise<void> {
  story.step('Two writers change the guest at the same time');
  const conflicts: string[] = [];
  const stop = guests.on('conflict', (conflict) => conflicts.push(...conflict.conflicts));
  await guests.getGuest(guest.id);

  story.say('The office notes a language; the website, which does not know that, notes a purchase.');
  await office.updateGuest(guest.id, { attributes: { locale: 'en-IE' } });
  await guests.updateGuest(guest.id, { attributes: { converted: 'true' } });
  const both = await office.getGuest(guest.id);
  story.saw(
    'both changes are there, and nobody had to be asked',
    both.attributes['locale'] === 'en-IE' && both.attributes['converted'] === 'true' && conflicts.length === 0,
  );

  story.say(
    '',
    'The office says the guest came by phone; the website says by newsletter. Both change the same attribute.',
  );
  await office.updateGuest(guest.id, { attributes: { source: 'phone' } });
  await guests.updateGuest(
    guest.id,
    { attributes: { source: 'newsletter' } },
    { merge: (current) => ({ attributes: { source: `${current.attributes['source']}+newsletter` } }) },
  );
  story.saw('the service noticed: both changed /attributes/source', conflicts.join() === '/attributes/source');
  const { attributes } = await office.getGuest(guest.id);
  story.saw('our merge rule kept both: source is phone+newsletter', attributes['source'] === 'phone+newsletter');
  stop();

  story.say('', `Somebody insists on the version with ETag ${guest.etag}, which is long gone.`);
  const refusal = await guests.updateGuest(guest.id, { attributes: { source: 'tv' } }, { etag: guest.etag }).then(
    () => null,
    (error: unknown) => (error instanceof GuestConflictError ? error : null),
  );
  story.saw('that is refused with 412', refusal?.status === 412);
  story.saw(
    'the refusal brings the current guest and names what conflicts',
    refusal?.current.attributes['source'] === 'phone+newsletter' && refusal.conflicts.includes('/attributes/source'),
  );
}

export async function seeParticipantData({ story, otherSide, guest }: Scene): Promise<void> {
  story.step('The changes reached Genesys Cloud as participant data, where flows and routing read them');
  const wanted: Readonly<Record<string, string | null>> = {
    source: 'phone+newsletter',
    locale: 'en-IE',
    converted: 'true',
    campaignId: 'WINTER-2024',
    originPage: 'https://example.com/support',
    emailHash: guest.identityAttributes.emailHash,
  };
  await story.waitFor(`the participant carries ${Object.keys(wanted).join(', ')}`, async () => {
    const conversation = await otherSide.conversationOf(guest.id);
    const told = conversation && customerOf(conversation).attributes;
    return told && Object.entries(wanted).every(([name, value]) => told[name] === value);
  });
}

export async function measure({ story, otherSide, guests, guest }: Scene): Promise<void> {
  story.step('How engaged was the guest?');
  const metrics = await story.waitFor('we count as many messages as Genesys Cloud holds', async () => {
    const conversation = await otherSide.conversationOf(guest.id);
    const held = conversation?.participants.flatMap(({ messages }) => messages).length;
    const measured = await guests.getEngagementMetrics(guest.id);
    return measured.messageCount === held && measured;
  });
  story.saw('the purchase counts as a conversion', metrics.conversionFlag);
  story.say(
    `messages ${metrics.messageCount}, ${metrics.avgResponseTimeMs} ms of session a message, converted: ${metrics.conversionFlag}`,
  );
}

export async function seeCrmRecord({ story, otherSide, guest }: Scene): Promise<void> {
  story.step('The CRM has the guest, without knowing who it is');
  const { emailHash, phoneHash } = guest.identityAttributes;
  const record = await story.waitFor('there is one record under our guest id, with both hashes', async () => {
    const found = await otherSide.crmRecordOf(guest.id);
    return found?.['emailHash'] === emailHash && found?.['phoneHash'] === phoneHash && found;
  });
  story.saw('it holds neither e-mail nor phone', tracesIn(JSON.stringify(record)).length === 0);
  story.say(
    `record  ${String(record['id'])}, emailHash ${short(emailHash)}, consent ${JSON.stringify(record['consentFlags'])}`,
  );
}
