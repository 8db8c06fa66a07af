import { GuestManager } from '../client/index.js';
import { changeTogether, measure, seeCrmRecord, seeParticipantData } from './changing.js';
import { LocalService } from './local-service.js';
import { makeGuest, seeConversation, talk } from './meeting.js';
import { OtherSide } from './other-side.js';
import { checkTrail, close, findNothing } from './proving.js';
import { NotSeen, Story, seenWithin } from './story.js';

/** `npm run demo`: one guest from the first hello to the last trace, against a service started for the occasion. */
async function tell(story: Story, service: LocalService): Promise<void> {
  const token = await service.apiKey();
  const guests = GuestManager.http({ baseUrl: service.url, token });
  const office = GuestManager.http({ baseUrl: service.url, token });
  const otherSide = new OtherSide(service.sandboxUrl);

  const guest = await makeGuest(story, guests);
  const scene = { story, service, guests, otherSide, guest };
  const conversation = await seeConversation(scene);
  await talk(scene, conversation);
  await changeTogether(scene, office);
  await seeParticipantData(scene);
  await measure(scene);
  await seeCrmRecord(scene);
  await checkTrail(scene);
  await close(scene);
  await findNothing(scene);
}

async function start(story: Story): Promise<LocalService> {
  story.step('A service starts, with a local Genesys Cloud and a local CRM beside it');
  const service = await LocalService.start();
  story.saw('it takes requests, and reaches its database, Genesys Cloud and the CRM', true);
  // Its welcome shows how to make a first guest, with the same e-mail; the log that counts begins after that.
  await seenWithin(2_000, async () => service.log.includes(`${service.url}/v1`));
  service.log = '';
  story.say(`API         ${service.url}/v1`, `other side  ${service.sandboxUrl}`, `data        ${service.dataDir}`);
  return service;
}

async function main(): Promise<void> {
  const begun = Date.now();
  const story = new Story();
  let service: LocalService | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  try {
    service = await start(story);
    await tell(story, service);
    console.log(`\nAll of this was really seen, on both sides, in ${((Date.now() - begun) / 1_000).toFixed(1)} s.\n`);
  } catch (error) {
    const what = error instanceof NotSeen ? `this was not seen: ${error.message}` : String(error);
    console.error(`\n   ✗ The demo failed at ${story.place}: ${what}\n`);
    if (service) console.error(`The service. ${service.lastWords()}`);
    process.exitCode = 1;
  } finally {
    await service?.remove();
  }
}

void main();
