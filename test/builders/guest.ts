import { newGuest } from '../../src/modules/guest/guest.js';
import type { Guest } from '../../src/modules/guest/guest.js';
import type { WantedGuest } from '../../src/modules/guest/guest.service.js';
import { identity } from '../../src/modules/identity/identity.js';
import { uuidv7 } from '../../src/kernel/uuid.js';

/** A whole valid guest; say only what matters. */
export function aGuest(parts: Partial<Guest> = {}): Guest {
  const at = new Date('2026-01-01T09:00:00.000Z');
  const guest = newGuest(
    {
      id: uuidv7(),
      mode: 'server',
      consent: { marketing: false, dataProcessing: true },
      identity: identity({ emailHash: 'ab'.repeat(32) }, 'k1'),
      channelContext: { campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
      deploymentId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    },
    at,
  );
  return { ...guest, ...parts };
}

/** What a caller asks for to have a guest made. */
export const wantedGuest = (parts: Partial<WantedGuest> = {}): WantedGuest => ({
  mode: 'server',
  consent: { marketing: false, dataProcessing: true },
  channelContext: {},
  attributes: {},
  ...parts,
});
