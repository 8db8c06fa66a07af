import { randomBytes } from 'node:crypto';
import { aGuest } from '../../../../test/builders/guest.js';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { WidgetToken } from '../widget-token.js';
import type { GuestStore } from './guest.store.js';
import type { WidgetTokenStore } from './widget-token.store.js';

export type WidgetTokenStoreLab = {
  readonly store: WidgetTokenStore;
  /** The same tokens, in another process. */
  readonly another: WidgetTokenStore;
  readonly guests: GuestStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

const START = new Date('2026-11-22T09:00:00.000Z');
const after = (seconds: number): Date => new Date(START.getTime() + seconds * 1_000);

/** What every `WidgetTokenStore` promises. */
export function widgetTokenStoreContract(openLab: () => Promise<WidgetTokenStoreLab>): void {
  let lab: WidgetTokenStoreLab;
  let guestId: string;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());
  beforeEach(async () => {
    const guest = aGuest();
    guestId = guest.id;
    await lab.guests.add(guest);
  });

  const aToken = (parts: Partial<WidgetToken> = {}): WidgetToken => ({
    id: uuidv7(),
    digest: randomBytes(32).toString('hex'),
    guestId,
    origins: ['https://a.example.com', 'https://b.example.com:8443'],
    expiresAt: after(60),
    ...parts,
  });
  const added = async (parts: Partial<WidgetToken> = {}): Promise<WidgetToken> => {
    const token = aToken(parts);
    await lab.store.add(token);
    return token;
  };
  const isGood = async ({ digest }: WidgetToken, at = START, by = lab.another): Promise<boolean> =>
    (await by.find(digest, at)) !== null;

  it('answers null for a digest nobody has', async () => {
    expect(await lab.store.find('0'.repeat(64), START)).toBeNull();
    expect(await lab.store.find('nonsense', START)).toBeNull();
  });

  it('answers a token as it was added, with the state of its guest as it is now', async () => {
    const token = await added();
    expect(await lab.another.find(token.digest, START)).toEqual({ token, guestState: 'created' });
    await lab.guests.update(guestId, (guest) => ({ ...guest, state: 'closing', version: guest.version + 1 }));
    expect(await lab.another.find(token.digest, START)).toEqual({ token, guestState: 'closing' });
  });

  it('answers null once the token has expired', async () => {
    const token = await added();
    expect([await isGood(token, after(59)), await isGood(token, after(60)), await isGood(token, after(61))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('answers null when there is no such guest', async () => {
    expect(await isGood(await added({ guestId: uuidv7() }))).toBe(false);
  });

  it('keeps nothing of a unit that failed, neither a token nor a revocation', async () => {
    const kept = await added();
    const lost = aToken();
    const failing = lab.work.run(async () => {
      await lab.store.add(lost);
      expect(await isGood(lost, START, lab.store)).toBe(true);
      expect(await lab.store.revokeAll(guestId, START)).toBe(2);
      expect(await isGood(kept, START, lab.store)).toBe(false);
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect([await isGood(kept), await isGood(lost)]).toEqual([true, false]);
  });

  it('revokes all of one guest for every process, and nobody else’s', async () => {
    const mine = [await added(), await added()];
    const other = aGuest();
    await lab.guests.add(other);
    const theirs = await added({ guestId: other.id });
    expect(await lab.store.revokeAll(guestId, START)).toBe(2);
    expect([await isGood(mine[0]!), await isGood(mine[1]!), await isGood(theirs)]).toEqual([false, false, true]);
  });

  it('counts what a revocation ended: not what had ended before', async () => {
    await added();
    await added({ expiresAt: START });
    expect(await lab.store.revokeAll(guestId, START)).toBe(1);
    expect(await lab.store.revokeAll(guestId, START)).toBe(0);
    expect(await lab.store.revokeAll('nonsense', START)).toBe(0);
  });

  it('lets a token made after a revocation be good', async () => {
    await lab.store.revokeAll(guestId, START);
    expect(await isGood(await added())).toBe(true);
  });

  it('adds no digest twice', async () => {
    const { digest } = await added();
    await expect(lab.store.add(aToken({ digest, origins: ['https://evil.example.com'] }))).rejects.toThrow();
    expect((await lab.store.find(digest, START))?.token.origins).toHaveLength(2);
  });

  it('forgets what has expired, revoked or not, some at a time, and nothing else', async () => {
    await lab.store.purge(after(1_000), 1_000);
    expect(await lab.store.count(after(1_000))).toEqual({ count: 0, oldest: null });
    for (const seconds of [60, 61, 62]) await added({ expiresAt: after(seconds) });
    await lab.store.revokeAll(guestId, START);
    const later = await added({ expiresAt: after(120) });
    expect(await lab.store.count(after(62))).toEqual({ count: 2, oldest: after(60) });
    expect(await lab.store.purge(after(62), 1)).toBe(1);
    expect(await lab.store.count(after(62))).toEqual({ count: 1, oldest: after(61) });
    expect(await lab.store.purge(after(62), 10)).toBe(1);
    expect(await lab.store.purge(after(62), 10)).toBe(0);
    expect([await isGood(later), (await lab.store.count(after(1_000))).count]).toEqual([true, 2]);
  });
}
