import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import { SessionStore } from './session.store.js';

export type SessionStoreLab = {
  readonly store: SessionStore;
  /** The same sessions, in another process. */
  readonly another: SessionStore;
  readonly work: UnitOfWork;
  advance(ms: number): void;
  close(): Promise<void>;
};

const HOLD_MS = 1_000;

/** What every `SessionStore` promises. */
export function sessionStoreContract(openLab: () => Promise<SessionStoreLab>): void {
  let lab: SessionStoreLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const added = async (): Promise<string> => {
    const guestId = uuidv7();
    await lab.store.add({ guestId, sealedToken: `v1.${guestId}` });
    return guestId;
  };
  const adopted = async (by: SessionStore, limit = 100): Promise<string[]> =>
    (await by.adopt(limit, HOLD_MS)).map((session) => session.guestId);
  /** Sessions of other tests are nobody's concern. */
  beforeEach(async () => {
    lab.advance(HOLD_MS);
    for (const guestId of await adopted(lab.store, 1_000)) await lab.store.remove(guestId);
  });

  it('answers null for a guest without a session', async () => {
    expect(await lab.store.find(uuidv7())).toBeNull();
    expect(await lab.store.find('nonsense')).toBeNull();
  });

  it('answers a session as it was added, until it is over', async () => {
    const guestId = await added();
    expect(await lab.another.find(guestId)).toEqual({ guestId, sealedToken: `v1.${guestId}` });
    await lab.store.remove(guestId);
    await lab.store.remove(guestId);
    expect(await lab.another.find(guestId)).toBeNull();
  });

  it('answers what it was sealed anew with, as long as it is not over', async () => {
    const [guestId, over] = [await added(), await added()];
    await lab.store.remove(over);
    for (const each of [guestId, over]) await lab.another.reseal({ guestId: each, sealedToken: 'v1.anew' });
    expect(await lab.store.find(guestId)).toEqual({ guestId, sealedToken: 'v1.anew' });
    expect(await lab.store.find(over)).toBeNull();
  });

  it('keeps nothing of a unit that failed', async () => {
    const kept = await added();
    const lost = uuidv7();
    const failing = lab.work.run(async () => {
      await lab.store.add({ guestId: lost, sealedToken: 'v1.x' });
      await lab.store.remove(kept);
      expect(await lab.store.find(lost)).not.toBeNull();
      expect(await lab.store.find(kept)).toBeNull();
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect(await lab.store.find(lost)).toBeNull();
    expect(await lab.store.find(kept)).not.toBeNull();
  });

  it('adds no second session to a guest who has one: its token would be lost', async () => {
    const guestId = await added();
    await expect(lab.store.add({ guestId, sealedToken: 'v1.other' })).rejects.toThrow();
    expect(await lab.store.find(guestId)).toEqual({ guestId, sealedToken: `v1.${guestId}` });
  });

  it('leaves alone what was never held and what is held', async () => {
    await added();
    const held = await added();
    await lab.store.hold([held], HOLD_MS);
    expect(await adopted(lab.another)).toEqual([]);
    lab.advance(HOLD_MS - 1);
    expect(await adopted(lab.another)).toEqual([]);
  });

  it('gives away what its holder did not renew, to one process', async () => {
    const [lost, renewed] = [await added(), await added()];
    await lab.store.hold([lost, renewed], HOLD_MS);
    lab.advance(HOLD_MS / 2);
    await lab.store.hold([renewed], HOLD_MS);
    lab.advance(HOLD_MS / 2);
    const both = await Promise.all([lab.another.adopt(10, HOLD_MS), lab.store.adopt(10, HOLD_MS)]);
    expect(both.flat()).toEqual([{ guestId: lost, sealedToken: `v1.${lost}` }]);
    expect(await adopted(lab.another)).toEqual([]);
    lab.advance(HOLD_MS);
    expect((await adopted(lab.another)).sort()).toEqual([lost, renewed].sort());
  });

  it('is held by one process at a time, which is told what it does not hold any more', async () => {
    const [mine, theirs, lost, over] = [await added(), await added(), await added(), await added()];
    expect((await lab.store.hold([mine, lost, over], HOLD_MS)).sort()).toEqual([mine, lost, over].sort());
    expect(await lab.another.hold([mine, theirs], HOLD_MS)).toEqual([theirs]);
    await lab.store.remove(over);
    lab.advance(HOLD_MS);
    expect(await lab.another.hold([lost], HOLD_MS)).toEqual([lost]);
    expect((await lab.store.hold([mine, theirs, lost, over], HOLD_MS)).sort()).toEqual([mine, theirs].sort());
  });

  it('is taken by one of two that try at once', async () => {
    const guestId = await added();
    const both = await Promise.all([lab.store.hold([guestId], HOLD_MS), lab.another.hold([guestId], HOLD_MS)]);
    expect(both.flat()).toEqual([guestId]);
  });

  it('gives away what its holder let go, at once, and nothing of others', async () => {
    const [mine, theirs] = [await added(), await added()];
    await lab.store.hold([mine], HOLD_MS);
    await lab.another.hold([theirs], HOLD_MS);
    await lab.store.letGo();
    expect(await adopted(lab.another)).toEqual([mine]);
  });

  it('gives nobody what its holder stepped back from, until somebody asks for it; only its holder can', async () => {
    const [mine, theirs] = [await added(), await added()];
    await lab.store.hold([mine], HOLD_MS);
    await lab.another.hold([theirs], HOLD_MS);
    for (const guestId of [mine, theirs]) await lab.store.stepBack(guestId);
    lab.advance(HOLD_MS);
    expect(await adopted(lab.store)).toEqual([theirs]);
    expect(await lab.another.hold([mine], HOLD_MS)).toEqual([mine]);
  });

  it('never gives away a session that is over, nor lets it be held', async () => {
    const guestId = await added();
    await lab.store.hold([guestId], HOLD_MS);
    await lab.store.remove(guestId);
    await lab.store.hold([guestId], HOLD_MS);
    lab.advance(HOLD_MS);
    expect(await adopted(lab.another)).toEqual([]);
    expect(await lab.store.find(guestId)).toBeNull();
  });

  it('gives away no more than asked for', async () => {
    const sessions = await Promise.all(Array.from({ length: 5 }, added));
    await lab.store.hold(sessions, HOLD_MS);
    await lab.store.hold([], HOLD_MS);
    lab.advance(HOLD_MS);
    const first = await adopted(lab.another, 3);
    expect(first).toHaveLength(3);
    expect([...first, ...(await adopted(lab.another, 3))].sort()).toEqual([...sessions].sort());
  });
}
