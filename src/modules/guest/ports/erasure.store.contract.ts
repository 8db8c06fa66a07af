import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { Erasure } from '../erasure.js';
import { ErasureStore } from './erasure.store.js';

export type ErasureStoreLab = {
  readonly store: ErasureStore;
  /** The same erasures, in another process. */
  readonly another: ErasureStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

const AT = new Date('2026-11-22T09:00:00.123Z');

/** What every `ErasureStore` promises. */
export function erasureStoreContract(openLab: () => Promise<ErasureStoreLab>): void {
  let lab: ErasureStoreLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const added = async (parts: Partial<Erasure> = {}): Promise<Erasure> => {
    const erasure = { id: uuidv7(), guestId: uuidv7(), requestedAt: AT, erasedAt: null, places: [], ...parts };
    await lab.store.add(erasure);
    return erasure;
  };
  const erased = (known: Erasure): Erasure => ({
    ...known,
    erasedAt: AT,
    places: [
      {
        ...{ kind: 'crm', name: 'crm/rest', crm: 'rest', remoteId: 'r-1', isUnderWay: false },
        ...{ state: 'waiting', outcome: null, code: null, at: AT.toISOString() },
      },
    ],
  });

  it('knows none of a stranger, whatever the ids look like', async () => {
    for (const stranger of [uuidv7(), 'nonsense', '']) {
      expect(await lab.store.find(stranger)).toBeNull();
      expect(await lab.store.ofGuest(stranger)).toBeNull();
      expect(await lab.store.update(stranger, (known) => known)).toBeNull();
    }
  });

  it('answers it by its own id and by the guest, exactly as it was written', async () => {
    const erasure = await added();
    expect(await lab.another.find(erasure.id)).toEqual(erasure);
    expect(await lab.store.ofGuest(erasure.guestId)).toEqual(erasure);
    const changed = erased(erasure);
    expect(await lab.store.update(erasure.id, erased)).toEqual(changed);
    expect(await lab.another.ofGuest(erasure.guestId)).toEqual(changed);
  });

  it('lists them, newest first, all or those in one state, page by page', async () => {
    const made: Erasure[] = [];
    for (let n = 0; n < 5; n++) made.unshift(await added());
    await lab.store.update(made[1]!.id, erased);
    const ids = (erasures: readonly Erasure[]) => erasures.map(({ id }) => id);
    const first = await lab.store.list({ limit: 2 });
    expect(ids(first.items)).toEqual(ids(made.slice(0, 2)));
    const second = await lab.another.list({ limit: 3, cursor: first.nextCursor! });
    expect(ids(second.items)).toEqual(ids(made.slice(2)));
    const ending = await lab.store.list({ limit: 2, state: 'ending' });
    expect(ids(ending.items)).toEqual([made[0]!.id, made[2]!.id]);
    const later = await lab.store.list({ limit: 1, state: 'ending', cursor: ending.nextCursor! });
    expect(ids(later.items)).toEqual([made[3]!.id]);
    expect((await lab.store.list({ limit: 1, state: 'under-way' })).items).toMatchObject([{ id: made[1]!.id }]);
    await expect(lab.store.list({ limit: 1, cursor: 'nonsense' })).rejects.toMatchObject({ code: 'request.invalid' });
  });

  it('counts them by state', async () => {
    const before = await lab.store.count(['ending', 'incomplete']);
    await added();
    const after = await lab.another.count(['ending', 'incomplete']);
    expect([...after.keys()]).toEqual(['ending', 'incomplete']);
    expect(after.get('ending')! - before.get('ending')!).toBe(1);
  });

  it('has one a guest', async () => {
    const { guestId } = await added();
    await expect(added({ guestId })).rejects.toThrow();
  });

  it('writes nothing of a change that throws, nor of a unit that fails', async () => {
    const erasure = await added();
    const boom = new Error('boom');
    const failing = lab.store.update(erasure.id, () => {
      throw boom;
    });
    await expect(failing).rejects.toBe(boom);
    const undone = lab.work.run(async () => {
      await lab.store.update(erasure.id, erased);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect(await lab.store.find(erasure.id)).toEqual(erasure);
  });

  it('loses none of two changes made at once', async () => {
    const erasure = await added();
    await lab.store.update(erasure.id, (known) => ({
      ...known,
      places: ['a', 'b', 'c', 'd'].map((crm) => ({ ...erased(known).places[0]!, name: `crm/${crm}` })),
    }));
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((crm, index) =>
        (index % 2 === 0 ? lab.store : lab.another).update(erasure.id, (known) => ({
          ...known,
          places: known.places.map((place) => (place.name === `crm/${crm}` ? { ...place, state: 'done' } : place)),
        })),
      ),
    );
    expect((await lab.store.find(erasure.id))!.places.map(({ state }) => state)).toEqual(Array(4).fill('done'));
  });
}
