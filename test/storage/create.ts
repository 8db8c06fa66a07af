import { randomBytes, randomUUID } from 'node:crypto';
import type { Storage } from '../../src/adapters/storage/storage.js';
import { uuidv7 } from '../../src/kernel/uuid.js';
import type { Happening } from '../../src/modules/audit/audit.js';
import { HAND_OVER } from '../../src/modules/guest/guest.intents.js';
import { newGuest } from '../../src/modules/guest/guest.js';
import type { Guest } from '../../src/modules/guest/guest.js';
import { identity } from '../../src/modules/identity/identity.js';

const happening = (guestId: string, event: Happening['event'], at: Date, version: number): Happening => ({
  subject: `guest:${guestId}`,
  event,
  actor: 'job:load',
  at,
  runId: null,
  changes: { version },
  sealed: null,
});

/** What creating a server-led guest writes: nine rows in as many tables. */
export function createGuest(storage: Storage, at = new Date()): Promise<Guest> {
  return storage.work.run(async () => {
    const guest = newGuest(
      {
        id: uuidv7(),
        mode: 'server',
        consent: { marketing: false, dataProcessing: true },
        identity: identity({ emailHash: randomBytes(32).toString('hex') }, 'k1'),
        channelContext: { originPage: 'https://shop.example/checkout', campaignId: 'WINTER-2024' },
        attributes: { source: 'website' },
        deploymentId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      },
      at,
    );
    const { id } = guest;
    await storage.guests.add(guest);
    const sealedToken = await storage.vault.seal(`guest:${id}`, 'session.token', randomUUID());
    await storage.sessions.add({ guestId: id, sealedToken });
    await storage.audit.append(happening(id, 'GUEST_CREATED', at, 1));
    await storage.metrics.append({ guestId: id, type: 'created', at });
    await putRecord(storage, guest, at);
    await storage.outbox.put({ topic: HAND_OVER, subject: id });
    return guest;
  });
}

/** What changing a guest writes. */
export function changeGuest(storage: Storage, id: string, at = new Date()): Promise<Guest> {
  return storage.work.run(async () => {
    const guest = await storage.guests.update(id, (known) => ({
      ...known,
      version: known.version + 1,
      interactionCount: known.interactionCount + 1,
    }));
    await storage.audit.append(happening(id, 'GUEST_UPDATED', at, guest.version));
    await storage.metrics.append({ guestId: id, type: 'message', from: 'guest', at });
    await putRecord(storage, guest, at);
    return guest;
  });
}

const putRecord = (storage: Storage, guest: Guest, at: Date): Promise<void> =>
  storage.crm.put(
    'rest',
    {
      guestId: guest.id,
      version: guest.version,
      record: {
        externalId: guest.id,
        emailHash: guest.identity.emailHash,
        phoneHash: null,
        keyId: guest.identity.keyId,
        consentFlags: guest.consent,
        lastInteraction: at.toISOString(),
        channelContext: { campaignId: 'WINTER-2024' },
      },
    },
    at,
  );
