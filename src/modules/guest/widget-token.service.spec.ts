import { Logger } from '@nestjs/common';
import { aGuest } from '../../../test/builders/guest.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AuditService } from '../audit/index.js';
import { widgetTokenDigest } from './widget-token.js';
import { WidgetTokenService } from './widget-token.service.js';

Logger.overrideLogger(false);

const ORIGINS = ['https://www.example.com'];

let storage: TestStorage;
let tokens: WidgetTokenService;

beforeAll(async () => {
  storage = await openTestStorage();
  const { work, clock, vault, guests, widgetTokens } = storage;
  tokens = new WidgetTokenService(
    guests,
    widgetTokens,
    new AuditService(storage.audit, vault, work, clock),
    work,
    clock,
  );
});
afterAll(() => storage.close());

const newGuest = async (parts: Parameters<typeof aGuest>[0] = {}): Promise<string> => {
  const guest = aGuest(parts);
  await storage.guests.add(guest);
  return guest.id;
};
const isGood = async (token: string, at = storage.clock.now()): Promise<boolean> =>
  (await storage.widgetTokens.find(widgetTokenDigest(token)!, at)) !== null;

describe('a widget token', () => {
  it('is good until the second it expires', async () => {
    const { token, expiresAt } = await tokens.make(await newGuest(), ORIGINS, 60);
    storage.clock.advance(59_999);
    expect(await isGood(token)).toBe(true);
    storage.clock.advance(1);
    expect(storage.clock.now()).toEqual(expiresAt);
    expect(await isGood(token)).toBe(false);
  });

  it('leaves its name in the trail, and nothing it could be recognised by', async () => {
    const id = await newGuest();
    const { token, digest, id: tokenId } = await tokens.make(id, ORIGINS, 60);
    const { items } = await storage.audit.list({ subject: `guest:${id}`, limit: 10 });
    expect(items.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
      { event: 'WIDGET_TOKEN_MADE', changes: { tokenId, origins: ORIGINS } },
    ]);
    for (const secret of [token, digest]) expect(JSON.stringify(items)).not.toContain(secret);
  });

  it.each(['closing', 'closed', 'expired', 'erased', 'failed'] as const)(
    'is not made for a guest that is %s',
    async (state) => {
      await expect(tokens.make(await newGuest({ state }), ORIGINS, 60)).rejects.toMatchObject({ code: 'guest.closed' });
    },
  );

  it.each(['', 'wt_', `wt_${'x'.repeat(42)}`, `wt_${'x'.repeat(44)}`, `WT_${'x'.repeat(43)}`, `wt_${'+'.repeat(43)}`])(
    'does not look like %p',
    (text) => expect(widgetTokenDigest(text)).toBeNull(),
  );
});
