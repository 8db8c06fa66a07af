import { createHash } from 'node:crypto';
import type { AuditEntry, GuestManager, Page } from '../client/index.js';
import { question, short } from './scene.js';
import type { Scene } from './scene.js';
import { contentsOf, tracesIn } from './traces.js';

export async function checkTrail({ story, guests, guest }: Scene): Promise<void> {
  story.step('Every step stands in the audit trail, and the trail can be checked');
  const entries = await wholeTrail(guests, guest.id);
  for (const { sequence, at, event, actor, hash } of entries)
    story.say(
      `${String(sequence).padStart(2)}  ${at.slice(11, 23)}  ${event.padEnd(18)} ${actor.padEnd(20)} ${short(hash)}`,
    );
  const events = new Set(entries.map(({ event }) => event));
  const expected = ['GUEST_CREATED', 'GUEST_LINKED', 'MESSAGE_SENT', 'GUEST_UPDATED'];
  story.saw(
    `it holds ${expected.join(', ')}`,
    expected.every((event) => events.has(event)),
  );
  const subject = `guest:${guest.id}`;
  story.saw(
    'recomputed here, every hash is the one in the trail, back to the beginning',
    brokenAt(subject, entries) === null,
  );

  const at = entries.length >> 1;
  const forged = entries.map((entry, index) => (index === at ? { ...entry, body: oneByteChanged(entry.body) } : entry));
  story.saw(`with one byte of entry ${at + 1} changed, the check stops there`, brokenAt(subject, forged) === at + 1);
  const shortened = entries.filter((_, index) => index !== at);
  story.saw(`with entry ${at + 1} taken out, too`, brokenAt(subject, shortened) === at + 1);
}

async function wholeTrail(guests: GuestManager, guestId: string): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<AuditEntry> = await guests.getAuditEntries(guestId, cursor === null ? {} : { cursor });
    entries.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return entries;
}

/** Shares no code with the service: the sequence number at which the chain breaks, or null when it holds. */
function brokenAt(subject: string, entries: readonly AuditEntry[]): number | null {
  let previous = createHash('sha256').update(`guest-manager/audit/v1\n${subject}`).digest();
  for (const [index, { body, hash, previousHash, sequence }] of entries.entries()) {
    const place = index + 1;
    const follows = sequence === place && previousHash === previous.toString('hex');
    previous = createHash('sha256').update(previous).update(body, 'utf8').digest();
    if (!follows || hash !== previous.toString('hex')) return place;
  }
  return null;
}

const oneByteChanged = (text: string): string =>
  text.replace(/[a-y]/, (letter) => String.fromCharCode(letter.charCodeAt(0) + 1));

export async function close({ story, otherSide, guests, guest }: Scene): Promise<void> {
  story.step('The visitor leaves');
  await guests.closeGuest(guest.id);
  await story.waitFor('the conversation has really ended at Genesys Cloud', async () => {
    const conversation = await otherSide.conversationOf(guest.id);
    return conversation?.state === 'disconnected';
  });
  const closed = await story.waitFor('our guest is closed', async () => {
    const now = await guests.getGuest(guest.id);
    return now.state === 'closed' && now;
  });
  story.say(`closed ${closed.closedDate}, because: ${closed.closeReason}`);
}

export async function findNothing({ story, service, otherSide, guest }: Scene): Promise<void> {
  story.step('Nobody can learn the e-mail or the phone');
  const received = await otherSide.received();
  story.saw('the service stops in its own way, so that all it knows is on its disk', await service.stop());
  const files = [...(await contentsOf(service.dataDir)).values()];
  const isOnDisk = (text: string): boolean => files.some((content) => content.includes(text));

  story.say('', 'Now we look for both, in every spelling we can think of.');
  story.saw(
    `not in any of the ${files.length} files on its disk`,
    files.every((content) => tracesIn(content).length === 0),
  );
  story.saw('not in its log, at its most talkative', tracesIn(service.log).length === 0);
  story.saw('not in anything Genesys Cloud or the CRM received', tracesIn(received).length === 0);
  story.saw('and what the guest wrote is not on the disk either: messages are kept encrypted', !isOnDisk(question));

  const hash = guest.identityAttributes.emailHash!;
  story.saw(
    'we looked in the right places: the hash of the e-mail is there',
    isOnDisk(hash) && received.includes(hash),
  );
}
