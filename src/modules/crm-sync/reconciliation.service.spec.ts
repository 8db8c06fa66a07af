import { Logger } from '@nestjs/common';
import { crmServices } from '../../../test/builders/crm-services.js';
import { ScriptedCrm } from '../../../test/builders/scripted-crm.js';
import { eventsOf } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { ProcessStorage, TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { uuidv7 } from '../../kernel/uuid.js';
import type { Subject } from '../audit/index.js';
import { waiting } from './breaker.js';
import type { CrmPage, CrmRecord } from './crm-sync.js';
import type { CrmSyncService } from './crm-sync.service.js';
import { aRecord } from './ports/crm.contract.js';
import type { Crm } from './ports/crm.js';
import type { RepairPolicy } from './reconciliation.js';
import type { CrmReconciliationService } from './reconciliation.service.js';

Logger.overrideLogger(false);

const HOUR_MS = 3_600_000;
const engines =
  process.env['TEST_DATABASE_URL'] === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const);

/** Shows what it holds, three records a page. */
class ReadableCrm extends ScriptedCrm implements Crm {
  reads = 0;
  failure: Error | null = null;

  async read(cursor: string | null): Promise<CrmPage> {
    this.reads++;
    if (this.failure !== null) throw this.failure;
    const all = [...this.held.values()];
    const from = Number(cursor ?? 0);
    const records = all.slice(from, from + 3).map(({ externalId, ...fields }) => ({
      externalId,
      remoteId: `remote-${externalId.slice(-4)}`,
      fields,
    }));
    return { records, nextCursor: from + 3 < all.length ? String(from + 3) : null };
  }
}

describe.each(engines)('reconciliation, beside %s', (engine) => {
  let storage: TestStorage;
  let another: ProcessStorage;
  let crm: ReadableCrm;
  let sync: CrmSyncService;
  let reconciliation: CrmReconciliationService;

  beforeAll(async () => {
    storage = await openTestStorage(engine);
    another = await storage.openAnother();
  }, 60_000);
  afterAll(async () => {
    await another.close();
    await storage.close();
  });
  beforeEach(() => {
    crm = new ReadableCrm(`acme-${uuidv7()}`);
    ({ sync, reconciliation } = servicesOn(storage));
  });

  const servicesOn = (place: ProcessStorage, repair?: RepairPolicy) => crmServices(place, () => [crm], repair);
  const want = async (guestId = uuidv7(), parts: Partial<CrmRecord> = {}, version = 1): Promise<string> => {
    await storage.work.run(() => sync.put({ guestId, version, record: aRecord(guestId, parts) }));
    return guestId;
  };
  /** So many guests the CRM holds, a second ago. */
  const delivered = async (count: number): Promise<string[]> => {
    const ids = await Promise.all(Array.from({ length: count }, () => want()));
    await sync.drain();
    storage.clock.advance(1_000);
    return ids;
  };
  const change = (id: string, parts: Partial<CrmRecord>): void => void crm.held.set(id, aRecord(id, parts));
  const toTheEnd = async (service = reconciliation): Promise<void> => {
    for (let n = 0; n < 30; n++) {
      await service.advance(crm.id);
      storage.clock.advance(1_000);
    }
  };
  const drifts = async (id: string) => (await reconciliation.drifts(id, undefined, 100)).items;
  const events = (subject: Subject) => eventsOf(storage, subject);

  it('finds what is missing, extra and different, and nothing else', async () => {
    const [gone, edited, ...same] = await delivered(9);
    crm.held.delete(gone!);
    change(edited!, { consentFlags: { marketing: true, dataProcessing: true }, emailHash: 'somebody-typed-this' });
    const stranger = uuidv7();
    change(stranger, {});
    change('person@example.com', {});
    const { id } = await reconciliation.begin(crm.id);
    await toTheEnd();
    expect(await reconciliation.get(id)).toMatchObject({
      state: 'found',
      records: 10,
      pages: 4,
      missing: 1,
      different: 1,
      extra: 2,
      repaired: 0,
    });
    const found = await drifts(id);
    expect(found).toHaveLength(4);
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ guestId: gone, kind: 'missing' }),
        expect.objectContaining({ guestId: edited, kind: 'different', fields: ['consentFlags', 'emailHash'] }),
        expect.objectContaining({ guestId: stranger, kind: 'extra' }),
        expect.objectContaining({ guestId: null, kind: 'extra' }),
      ]),
    );
    expect(JSON.stringify(found)).not.toMatch(/person@example|somebody-typed/);
    expect(found.some(({ guestId }) => same.includes(guestId ?? ''))).toBe(false);
    expect(await events(`system:crm/${crm.id}`)).toEqual(
      expect.arrayContaining(['CRM_RECONCILIATION_BEGUN', 'CRM_RECONCILIATION_ENDED']),
    );
  }, 60_000);

  it('repairs on approval only, through the outbox, and deletes nothing', async () => {
    const [gone, edited] = await delivered(4);
    crm.held.delete(gone!);
    change(edited!, { phoneHash: 'other' });
    const stranger = uuidv7();
    change(stranger, {});
    const { id } = await reconciliation.begin(crm.id);
    await expect(reconciliation.repair(id)).rejects.toMatchObject({ code: 'crm.reconciliation_unfinished' });
    await toTheEnd();
    await sync.drain();
    expect(crm.held.has(gone!)).toBe(false);
    expect(await reconciliation.repair(id)).toMatchObject({ state: 'repairing' });
    await expect(reconciliation.repair(id)).rejects.toMatchObject({ code: 'crm.reconciliation_repaired' });
    await toTheEnd();
    await sync.drain();
    expect(await reconciliation.get(id)).toMatchObject({ state: 'repaired', repaired: 2 });
    expect(crm.held.get(gone!)).toEqual(aRecord(gone!));
    expect(crm.held.get(edited!)).toEqual(aRecord(edited!));
    expect(crm.held.has(stranger)).toBe(true);
    expect(await events(`guest:${gone!}`)).toContain('CRM_REPAIRED');
    storage.clock.advance(1_000);
    const again = await reconciliation.begin(crm.id);
    await toTheEnd();
    expect(await reconciliation.get(again.id)).toMatchObject({ missing: 0, different: 0, extra: 1 });
  }, 60_000);

  it('repairs nothing of a guest that has withdrawn meanwhile', async () => {
    const [gone] = await delivered(2);
    crm.held.delete(gone!);
    const { id } = await reconciliation.begin(crm.id);
    await toTheEnd();
    await storage.work.run(() => sync.withdraw(gone!));
    await reconciliation.repair(id);
    await toTheEnd();
    await sync.drain();
    expect(await reconciliation.get(id)).toMatchObject({ state: 'repaired', repaired: 0 });
    expect(crm.held.has(gone!)).toBe(false);
  }, 60_000);

  it('forgets what it found of a guest that is forgotten', async () => {
    const [gone, other] = await delivered(2);
    crm.held.clear();
    const { id } = await reconciliation.begin(crm.id);
    await toTheEnd();
    await storage.work.run(() => sync.forget(gone!));
    expect((await drifts(id)).map(({ guestId }) => guestId)).toEqual([other]);
  }, 60_000);

  it('leaves what is under way to its delivery', async () => {
    const [changed] = await delivered(2);
    await want(changed, { channelContext: { page: 'new' } }, 2);
    await want();
    const { id } = await reconciliation.begin(crm.id);
    await toTheEnd();
    expect(await reconciliation.get(id)).toMatchObject({ state: 'found', missing: 0, different: 0, extra: 0 });
  }, 60_000);

  it('goes on in another process where one stopped, and a late one is not believed', async () => {
    const ids = await delivered(10);
    crm.held.delete(ids[0]!);
    change(ids[1]!, { emailHash: 'other' });
    const { id } = await reconciliation.begin(crm.id);
    await reconciliation.advance(crm.id);
    storage.clock.advance(1_000);
    const dead = await storage.reconciliations.claim(crm.id, 60_000);
    expect(dead).toMatchObject({ pages: 1, cursor: '3' });
    const { reconciliation: elsewhere } = servicesOn(another);
    await elsewhere.advance(crm.id);
    expect(crm.reads).toBe(1);
    storage.clock.advance(60_000);
    await toTheEnd(elsewhere);
    expect(await elsewhere.get(id)).toMatchObject({ state: 'found', pages: 3, records: 9, missing: 1, different: 1 });
    expect(crm.reads).toBe(3);
    expect(await storage.work.run(() => storage.reconciliations.advance(dead!, { pages: 9, dueAt: null }))).toBe(false);
  }, 60_000);

  it('reads no faster than it may, and waits while the CRM wants to be left alone', async () => {
    await delivered(10);
    await reconciliation.begin(crm.id);
    for (let n = 0; n < 5; n++) await reconciliation.advance(crm.id);
    expect(crm.reads).toBe(1);
    await storage.crm.updateBreaker(crm.id, (breaker) =>
      waiting(breaker, 'crm.throttled', 10_000, storage.clock.now()),
    );
    storage.clock.advance(9_999);
    await reconciliation.advance(crm.id);
    expect(crm.reads).toBe(1);
    storage.clock.advance(2);
    await reconciliation.advance(crm.id);
    expect(crm.reads).toBe(2);
  }, 60_000);

  it('tries again what passes, with deliveries waiting too when throttled, and ends at what does not', async () => {
    await delivered(2);
    const { id } = await reconciliation.begin(crm.id);
    crm.failure = new AppError('throttled', 'crm.throttled', 'in words', { retryAfterMs: 5_000 });
    await reconciliation.advance(crm.id);
    expect(await reconciliation.get(id)).toMatchObject({ state: 'reading', code: 'crm.throttled' });
    expect((await storage.crm.look(crm.id)).breaker.until).toEqual(new Date(storage.clock.now().getTime() + 5_000));
    storage.clock.advance(5_000);
    crm.failure = new AppError('refused', 'crm.refused', 'in words');
    await reconciliation.advance(crm.id);
    expect(await reconciliation.get(id)).toMatchObject({ state: 'failed', code: 'crm.refused' });
    await expect(reconciliation.repair(id)).rejects.toMatchObject({ code: 'crm.reconciliation_unfinished' });
  }, 60_000);

  it('is begun once at a time, by schedule when the last is long ago, and repairs nothing stale', async () => {
    await delivered(1);
    await reconciliation.beginDue();
    const { reconciliation: elsewhere } = servicesOn(another);
    await expect(elsewhere.begin(crm.id)).rejects.toMatchObject({ code: 'crm.reconciliation_under_way' });
    await toTheEnd();
    await reconciliation.beginDue();
    const { items } = await reconciliation.list(crm.id, undefined, 10);
    expect(items).toMatchObject([{ trigger: 'schedule', state: 'found' }]);
    storage.clock.advance(HOUR_MS);
    await reconciliation.beginDue();
    const stale = { code: 'crm.reconciliation_stale' };
    await expect(reconciliation.repair(items[0]!.id)).rejects.toMatchObject(stale);
    await toTheEnd();
    const [second] = (await reconciliation.list(crm.id, undefined, 10)).items;
    storage.clock.advance(25 * HOUR_MS);
    await expect(reconciliation.repair(second!.id)).rejects.toMatchObject(stale);
  }, 60_000);

  it('repairs unasked where the policy says so', async () => {
    ({ sync, reconciliation } = servicesOn(storage, 'automatic'));
    const [gone] = await delivered(2);
    crm.held.delete(gone!);
    const { id } = await reconciliation.begin(crm.id);
    await toTheEnd();
    await sync.drain();
    expect(await reconciliation.get(id)).toMatchObject({ state: 'repaired', repaired: 1 });
    expect(crm.held.has(gone!)).toBe(true);
  }, 60_000);
});
