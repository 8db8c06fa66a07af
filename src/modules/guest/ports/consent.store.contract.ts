import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { ConsentRecord } from '../consent.js';
import { ConsentStore } from './consent.store.js';

export type ConsentStoreLab = {
  readonly store: ConsentStore;
  /** The same records, in another process. */
  readonly another: ConsentStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

const START = Date.parse('2026-11-22T09:00:00.123Z');

/** What every `ConsentStore` promises. */
export function consentStoreContract(openLab: () => Promise<ConsentStoreLab>): void {
  let lab: ConsentStoreLab;
  let guestId: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => void (guestId = uuidv7()));
  afterAll(() => lab.close());

  const at = (ms: number): Date => new Date(START + ms);
  const aRecord = (parts: Partial<ConsentRecord> = {}): ConsentRecord => ({
    id: uuidv7(),
    guestId,
    purpose: 'marketing',
    decision: 'granted',
    noticeVersion: 'privacy-2026-03',
    method: 'form',
    at: at(0),
    recordedAt: at(5),
    actor: 'api-key:test',
    keyId: 'k1',
    ...parts,
  });
  const added = async (parts: Partial<ConsentRecord> = {}): Promise<ConsentRecord> => {
    const record = aRecord(parts);
    await lab.store.add(record);
    return record;
  };

  it('knows nothing of a stranger, whatever the ids look like', async () => {
    for (const stranger of [guestId, 'nonsense', '']) {
      expect(await lab.store.current(stranger, 'marketing')).toBeNull();
      expect(await lab.store.find(stranger, uuidv7())).toBeNull();
      expect(await lab.store.list(stranger, undefined, 10)).toEqual({ items: [], nextCursor: null });
    }
  });

  it('answers a record exactly as it was added, to its own guest alone', async () => {
    const record = await added({ at: new Date('2019-02-28T23:59:59.999Z') });
    const bare = await added({ noticeVersion: null, method: 'imported', decision: 'withdrawn' });
    expect(await lab.another.find(guestId, record.id)).toEqual(record);
    expect(await lab.store.find(guestId, bare.id)).toEqual(bare);
    expect(await lab.store.find(guestId, 'nonsense')).toBeNull();
    expect(await lab.store.find(uuidv7(), record.id)).toBeNull();
  });

  it('lets the latest decision of each purpose stand, and of several made at once the one recorded last', async () => {
    const late = await added({ at: at(10) });
    await added({ at: at(3), decision: 'withdrawn', recordedAt: at(99) });
    const other = await added({ purpose: 'dataProcessing', at: at(20) });
    expect(await lab.store.current(guestId, 'marketing')).toEqual(late);
    const again = await added({ at: at(10), decision: 'withdrawn', recordedAt: late.recordedAt });
    expect(await lab.store.current(guestId, 'marketing')).toEqual(again);
    expect(await lab.another.current(guestId, 'dataProcessing')).toEqual(other);
  });

  it('lists in the order of recording, page by page, and a page stays stable while records are added', async () => {
    const records: ConsentRecord[] = [];
    for (const ms of [5, 4, 4, 9, 1]) records.push(await added({ at: at(ms) }));
    const first = await lab.store.list(guestId, undefined, 2);
    const second = await lab.store.list(guestId, first.nextCursor!, 2);
    await added({ guestId: uuidv7() });
    records.push(await added({ at: at(-1) }));
    const third = await lab.store.list(guestId, second.nextCursor!, 2);
    expect([first, second, third].flatMap(({ items }) => items)).toEqual(records);
    expect(third.nextCursor).toBeNull();
  });

  it('shows a unit what it has added, and keeps none of a unit that failed', async () => {
    const record = aRecord();
    const failing = lab.work.run(async () => {
      await lab.store.add(record);
      await lab.store.add(aRecord({ purpose: 'dataProcessing' }));
      expect(await lab.store.current(guestId, 'marketing')).toEqual(record);
      expect((await lab.store.list(guestId, undefined, 10)).items).toHaveLength(2);
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect((await lab.store.list(guestId, undefined, 10)).items).toEqual([]);
  });

  it('loses none of many added at once', async () => {
    const stores = [lab.store, lab.another];
    await Promise.all(Array.from({ length: 40 }, (_, n) => stores[n % 2]!.add(aRecord({ at: at(n) }))));
    expect((await lab.store.list(guestId, undefined, 500)).items).toHaveLength(40);
    expect((await lab.store.current(guestId, 'marketing'))!.at).toEqual(at(39));
  });

  it('refuses a cursor that is none of its own', async () => {
    for (const cursor of ['', 'nonsense', Buffer.from('-1').toString('base64url'), '%%%'])
      await expect(lab.store.list(guestId, cursor, 1)).rejects.toMatchObject({
        kind: 'invalid',
        code: 'request.invalid',
      });
  });
}
