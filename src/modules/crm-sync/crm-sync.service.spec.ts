import { Logger } from '@nestjs/common';
import { crmServices } from '../../../test/builders/crm-services.js';
import { ScriptedCrm } from '../../../test/builders/scripted-crm.js';
import { trailOf as trail } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { uuidv7 } from '../../kernel/uuid.js';
import type { CrmRecord } from './crm-sync.js';
import type { CrmSyncService } from './crm-sync.service.js';
import { aRecord } from './ports/crm.contract.js';

Logger.overrideLogger(false);

const down = new AppError('unavailable', 'crm.unavailable', 'down');
const no = new AppError('refused', 'crm.refused', 'no');

describe('CRM sync', () => {
  let storage: TestStorage;
  let crm: ScriptedCrm;
  let other: ScriptedCrm;
  let sync: CrmSyncService;

  beforeAll(async () => {
    storage = await openTestStorage();
  }, 60_000);
  afterAll(() => storage.close());
  beforeEach(() => {
    crm = new ScriptedCrm(`acme-${uuidv7()}`);
    other = new ScriptedCrm(`other-${uuidv7()}`);
    ({ sync } = crmServices(storage, () => [crm, other]));
  });

  const want = async (guestId = uuidv7(), version = 1, parts: Partial<CrmRecord> = {}): Promise<string> => {
    await storage.work.run(() => sync.put({ guestId, version, record: aRecord(guestId, parts) }));
    return guestId;
  };
  const wantMany = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, () => want()));
  const later = async (): Promise<void> => {
    storage.clock.advance(5_000);
    await sync.drain();
  };
  const trailOf = async (guestId: string): Promise<string[]> =>
    (await trail(storage, `guest:${guestId}`)).map(({ event, changes }) =>
      [event, changes['crm'], changes['code']].filter(Boolean).join(' '),
    );

  it('delivers what is wanted to every CRM, in chunks of its size, once, and says so in the trail', async () => {
    const ids = await wantMany(20);
    await sync.drain();
    await later();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    expect(crm.calls.map((call) => call.ids.length).sort()).toEqual([4, 8, 8]);
    expect((await trailOf(ids[0]!)).sort()).toEqual([`CRM_SYNCED ${crm.id}`, `CRM_SYNCED ${other.id}`]);
  });

  it('sends a CRM that was off what those it was to hear of have become, and nothing of who has withdrawn', async () => {
    const [changed, withdrawn] = [await want(), await want()];
    const { sync: without } = crmServices(storage, () => [crm]);
    await without.onModuleInit();
    const isNew = uuidv7();
    const lastInteraction = '2026-02-02T00:00:00.000Z';
    await storage.work.run(async () => {
      await without.put({ guestId: changed, version: 2, record: aRecord(changed, { lastInteraction }) });
      await without.withdraw(withdrawn);
      await without.put({ guestId: isNew, version: 1, record: aRecord(isNew) });
    });
    await sync.drain();
    expect([...other.held.keys()]).toEqual([changed]);
    expect(other.held.get(changed)).toMatchObject({ lastInteraction });
    expect([...crm.held.keys()].sort()).toEqual([changed, isNew].sort());
  });

  it('sends the newest state only, and nothing that the CRM holds already', async () => {
    const id = await want();
    await want(id, 2, { lastInteraction: '2026-02-02T00:00:00.000Z' });
    await sync.drain();
    await want(id, 3, { lastInteraction: '2026-02-02T00:00:00.000Z' });
    await later();
    expect(crm.calls).toHaveLength(1);
    expect(crm.held.get(id)!.lastInteraction).toBe('2026-02-02T00:00:00.000Z');
  });

  it('sends nothing of a guest that was withdrawn', async () => {
    const id = await want();
    await storage.work.run(() => sync.withdraw(id));
    await sync.drain();
    expect(crm.calls).toEqual([]);
  });

  it('sends nothing of a guest that was withdrawn while its chunk was refused, in whatever smaller chunk', async () => {
    const ids = await wantMany(7);
    const withdrawn = await want();
    crm.meanwhile = () => storage.work.run(() => sync.withdraw(withdrawn));
    crm.answer = (records) => (records.length === 8 ? no : records.map((_, index) => ({ index, status: 'created' })));
    await sync.drain();
    expect(crm.calls.slice(1).flatMap((call) => call.ids)).not.toContain(withdrawn);
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    crm.meanwhile = async () => undefined;
    // Consent given again is acted on at once, not when a forgotten lease has run out.
    await want(withdrawn, 3);
    await sync.drain();
    expect(crm.held.has(withdrawn)).toBe(true);
  });

  it('waits while a CRM is down, without holding up another, and moves again within seconds', async () => {
    crm.answer = () => down;
    const ids = await wantMany(3);
    await sync.drain();
    await sync.drain();
    expect(crm.calls).toHaveLength(1);
    expect(other.held.size).toBe(3);
    for (let n = 0; n < 10; n++) await later();
    crm.answer = (records) => records.map((_, index) => ({ index, status: 'created' }));
    await later();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
  });

  it('sends the same chunk under the same key again', async () => {
    crm.answer = () => down;
    await wantMany(3);
    await sync.drain();
    await later();
    expect(crm.calls).toHaveLength(2);
    expect(crm.calls[1]!.key).toBe(crm.calls[0]!.key);
  });

  it('waits as long as it is told', async () => {
    crm.answer = () => new AppError('throttled', 'crm.throttled', 'slow down', { retryAfterMs: 60_000 });
    await want();
    await sync.drain();
    await later();
    expect(crm.calls).toHaveLength(1);
    storage.clock.advance(55_001);
    await sync.drain();
    expect(crm.calls).toHaveLength(2);
  });

  it('splits a refused chunk until the culprit stands alone', async () => {
    const ids = await wantMany(7);
    const culprit = await want();
    crm.answer = (records) =>
      records.some(({ externalId }) => externalId === culprit)
        ? no
        : records.map((_, index) => ({ index, status: 'created' }));
    await sync.drain();
    await later();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    expect(await trailOf(culprit)).toContain(`CRM_REFUSED ${crm.id} crm.refused`);
    expect(crm.calls.length).toBeLessThanOrEqual(2 * Math.log2(8) + 2);
  });

  it('finds the record an adapter stumbles over, and delivers its neighbours', async () => {
    const ids = await wantMany(7);
    const culprit = await want();
    crm.answer = (records) =>
      records.some(({ externalId }) => externalId === culprit)
        ? new TypeError('a bug')
        : records.map((_, index) => ({ index, status: 'created' }));
    await sync.drain();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    expect(await trailOf(culprit)).toContain(`CRM_REFUSED ${crm.id} bug.TypeError`);
  });

  it('tries a record again that got no answer or was asked to wait, and only that one', async () => {
    const ids = await wantMany(3);
    crm.answer = (records) => [
      { index: 0, status: 'created' },
      ...(records.length > 1 ? [{ index: 1, status: 'retry' as const, error: 'locked' }] : []),
    ];
    await sync.drain();
    crm.answer = (records) => records.map((_, index) => ({ index, status: 'created' }));
    await later();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    expect(crm.calls[1]!.ids).not.toContain(crm.calls[0]!.ids[0]);
  });

  it('sends a refused record again when it has changed, and not before', async () => {
    crm.answer = (records) => records.map((_, index) => ({ index, status: 'refused', error: 'BAD_CAMPAIGN' }));
    const id = await want();
    await sync.drain();
    await want(id, 2);
    await later();
    expect(crm.calls).toHaveLength(1);
    crm.answer = (records) => records.map((_, index) => ({ index, status: 'created' }));
    await want(id, 3, { channelContext: {} });
    await later();
    expect(crm.held.has(id)).toBe(true);
  });

  it('wakes whoever delivers when something becomes due, after it is durable', async () => {
    let woken = 0;
    sync.onDue(() => woken++);
    await storage.work.run(async () => {
      await want();
      expect(woken).toBe(0);
    });
    expect(woken).toBe(1);
  });
});
