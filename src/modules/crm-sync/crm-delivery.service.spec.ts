import { isDeepStrictEqual } from 'node:util';
import { Logger } from '@nestjs/common';
import { crmServices } from '../../../test/builders/crm-services.js';
import { ScriptedCrm } from '../../../test/builders/scripted-crm.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { ProcessStorage, TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import type { ErrorKind } from '../../kernel/app-error.js';
import { uuidv7 } from '../../kernel/uuid.js';
import type { CrmRecord, Verdict } from './crm-sync.js';
import type { CrmSyncService } from './crm-sync.service.js';
import { aRecord } from './ports/crm.contract.js';

Logger.overrideLogger(false);

const LEASE_MS = 20_000;
const engines =
  process.env['TEST_DATABASE_URL'] === undefined ? (['embedded'] as const) : (['embedded', 'postgres'] as const);

const all = (records: readonly CrmRecord[]): Verdict[] => records.map((_, index) => ({ index, status: 'created' }));
const failure = (kind: ErrorKind, code: string, retryAfterMs?: number): AppError =>
  new AppError(kind, code, 'in words', retryAfterMs === undefined ? {} : { retryAfterMs });

describe.each(engines)('deliveries, beside %s', (engine) => {
  let storage: TestStorage;
  let another: ProcessStorage;
  let crm: ScriptedCrm;
  let sync: CrmSyncService;
  let elsewhere: CrmSyncService;

  beforeAll(async () => {
    storage = await openTestStorage(engine);
    another = await storage.openAnother();
  }, 60_000);
  afterAll(async () => {
    await another.close();
    await storage.close();
  });
  beforeEach(() => {
    crm = new ScriptedCrm(`acme-${uuidv7()}`);
    ({ sync } = crmServices(storage, () => [crm]));
    ({ sync: elsewhere } = crmServices(another, () => [crm]));
  });

  const want = async (guestId = uuidv7(), version = 1): Promise<string> => {
    const record = aRecord(guestId, { channelContext: { version: String(version) } });
    await storage.work.run(() => sync.put({ guestId, version, record }));
    return guestId;
  };
  const wantMany = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, () => want()));
  const after = async (ms: number): Promise<void> => {
    storage.clock.advance(ms);
    await sync.drain();
  };
  const letters = async () => (await storage.crm.deadLetters({ crm: crm.id, limit: 100 })).items;
  const breaker = async () => (await storage.crm.look(crm.id)).breaker;

  it('brings 4,999 of 5,000 home when one is poisoned, at little cost, and says which and why', async () => {
    crm = new ScriptedCrm(crm.id, 50);
    const ids = await wantMany(4_999);
    const culprit = await want();
    crm.answer = (records) =>
      records.some(({ externalId }) => externalId === culprit) ? failure('refused', 'crm.refused') : all(records);
    await sync.drain();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    expect([...crm.taken.values()].every((times) => times === 1)).toBe(true);
    expect(await letters()).toMatchObject([{ guestId: culprit, code: 'crm.refused', reason: 'in words', attempts: 1 }]);
    const extra = crm.calls.length - 5_000 / 50;
    expect(extra).toBeLessThanOrEqual(2 * Math.log2(50) + 2);
  }, 60_000);

  it('is shared by processes, which deliver each record once between them', async () => {
    const ids = await wantMany(400);
    await Promise.all([sync.drain(), elsewhere.drain()]);
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    expect([...crm.taken.values()].every((times) => times === 1)).toBe(true);
    expect(new Set(crm.calls.map(({ key }) => key)).size).toBe(crm.calls.length);
  }, 60_000);

  it('sends the very same again, under the same key, when nobody knows what became of it, and then what is newer', async () => {
    const ids = await wantMany(5);
    crm.answer = (records) => {
      records.forEach((record) => crm.take(record));
      return failure('unavailable', 'crm.silent');
    };
    await sync.drain();
    await want(ids[2], 2);
    await wantMany(2);
    crm.answer = all;
    await after(5_000);
    const [first, again] = crm.calls;
    expect(again).toEqual(first);
    expect(crm.held.get(ids[2]!)!.channelContext).toEqual({ version: '2' });
    expect(crm.held.size).toBe(7);
  });

  it('sends the same chunk under the same key when the process that sent it is gone', async () => {
    await wantMany(5);
    const [chunk] = await storage.crm.claim(crm.id, { chunks: 1, size: 8, leaseMs: LEASE_MS });
    await want();
    crm.answer = all;
    storage.clock.advance(LEASE_MS);
    await elsewhere.drain();
    expect(crm.calls[0]!.ids).toEqual(chunk!.records.map(({ guestId }) => guestId));
    expect(crm.held.size).toBe(6);
  });

  it('keeps the halves of a split chunk when the process is gone, and asks no half twice', async () => {
    const culprit = await want();
    const others = await wantMany(7);
    crm.answer = () => failure('refused', 'crm.refused');
    const [chunk] = await storage.crm.claim(crm.id, { chunks: 1, size: 8, leaseMs: LEASE_MS });
    await storage.crm.split(crm.id, chunk!);
    crm.answer = (records) =>
      records.some(({ externalId }) => externalId === culprit) ? failure('refused', 'crm.refused') : all(records);
    await elsewhere.drain();
    expect(crm.calls[0]!.ids).toHaveLength(4);
    expect([...crm.held.keys()].sort()).toEqual(others.sort());
  });

  it('opens the breaker for all processes after five failures, and lets one of them see whether the CRM is back', async () => {
    crm.answer = () => failure('unavailable', 'crm.unavailable');
    await wantMany(64);
    await sync.drain();
    for (let n = 0; n < 10 && (await breaker()).openedAt === null; n++) await after(5_000);
    expect(await breaker()).toMatchObject({ openedAt: expect.any(Date) as Date, code: 'crm.unavailable' });
    const calls = crm.calls.length;
    await Promise.all([sync.drain(), elsewhere.drain()]);
    expect(crm.calls).toHaveLength(calls);
    storage.clock.advance(5_000);
    await Promise.all([sync.drain(), elsewhere.drain(), sync.drain()]);
    expect(crm.calls).toHaveLength(calls + 1);
    crm.answer = all;
    for (let n = 0; n < 10 && crm.held.size < 64; n++) await after(5_000);
    expect(crm.held.size).toBe(64);
    expect(await breaker()).toMatchObject({ openedAt: null, failures: 0 });
    expect(await letters()).toEqual([]);
  });

  it('is not kept from newer records by one that the CRM always fails on while nothing else is to be sent', async () => {
    const culprit = await want();
    crm.answer = (records) =>
      records.some(({ externalId }) => externalId === culprit)
        ? failure('unavailable', 'crm.unavailable')
        : all(records);
    for (let n = 0; n < 8; n++) await after(5_000);
    const others = await wantMany(3);
    for (let n = 0; n < 20 && crm.held.size < 3; n++) await after(5_000);
    expect([...crm.held.keys()].sort()).toEqual(others.sort());
    for (let n = 0; n < 100 && (await letters()).length === 0; n++) {
      await want();
      await after(600_000);
    }
    expect(await letters()).toMatchObject([{ guestId: culprit, code: 'crm.unavailable', reason: 'in words' }]);
  }, 30_000);

  it('asks a CRM that does not know us at last once a minute, and gives up nothing', async () => {
    crm.answer = () => failure('unavailable', 'crm.credentials_refused');
    await wantMany(3);
    for (let n = 0; n < 10; n++) await after(60_000);
    expect(crm.calls).toHaveLength(10);
    await after(59_999);
    await elsewhere.drain();
    expect(crm.calls).toHaveLength(10);
    expect(await breaker()).toMatchObject({ code: 'crm.credentials_refused' });
    for (let n = 0; n < 20; n++) await after(60_000);
    crm.answer = all;
    await after(60_000);
    expect(crm.held.size).toBe(3);
    expect(await letters()).toEqual([]);
  });

  it('parks until the quota is filled again, in every process, and uses up no attempt', async () => {
    crm.answer = () => failure('throttled', 'crm.quota_exhausted', 6 * 3_600_000);
    await wantMany(3);
    await sync.drain();
    await want();
    await after(5 * 3_600_000);
    await elsewhere.drain();
    expect(crm.calls).toHaveLength(1);
    crm.answer = all;
    await after(3_600_000);
    expect(crm.held.size).toBe(4);
    expect(crm.calls[1]).toEqual(crm.calls[0]);
  });

  it('halves a chunk that is too large, and makes smaller ones from then on', async () => {
    const ids = await wantMany(24);
    crm.answer = (records) => (records.length > 3 ? failure('refused', 'crm.too_large') : all(records));
    await sync.drain();
    expect([...crm.held.keys()].sort()).toEqual(ids.sort());
    const calls = crm.calls.length;
    await wantMany(6);
    await elsewhere.drain();
    expect(crm.calls.slice(calls).map((call) => call.ids.length)).toEqual([2, 2, 2]);
    expect(await letters()).toEqual([]);
  });

  it('sends the same records under another key when theirs is used up, and waits when it is in flight', async () => {
    await wantMany(3);
    crm.answer = () => failure('conflict', 'crm.key_in_flight', 1_000);
    await sync.drain();
    crm.answer = () => failure('conflict', 'crm.key_used');
    crm.meanwhile = async () => void (crm.calls.length === 3 ? (crm.answer = all) : undefined);
    await after(1_000);
    const [inFlight, used, other] = crm.calls;
    expect(used).toEqual(inFlight);
    expect(other!.ids).toEqual(used!.ids);
    expect(other!.key).not.toBe(used!.key);
    expect(crm.held.size).toBe(3);
  });

  it('gives a record up that was asked to wait too often, and says so', async () => {
    const id = await want();
    crm.answer = () => [{ index: 0, status: 'retry', error: 'locked', message: 'Somebody else is at it.' }];
    for (let n = 0; n < 20; n++) await after(600_000);
    expect(crm.calls).toHaveLength(15);
    const reason = 'Given up after 15 attempts: Somebody else is at it.';
    expect(await letters()).toMatchObject([{ guestId: id, code: 'locked', reason, attempts: 15 }]);
  });

  it('ends with nothing lost and nothing in an older state, however the CRM behaves and processes end', async () => {
    const ids = await wantMany(60);
    let n = 0;
    const faults = [
      () => failure('throttled', 'crm.throttled', 100),
      () => failure('unavailable', 'crm.silent'),
      () => failure('unavailable', 'crm.unavailable'),
      () => failure('refused', 'crm.refused'),
      () => failure('refused', 'crm.too_large'),
      () => failure('conflict', 'crm.key_used'),
      () => [] as Verdict[],
    ];
    crm.answer = (records) => {
      n++;
      if (n % 3 !== 0) return all(records);
      if (n % 2 === 0) records.forEach((record) => crm.take(record));
      // A single record that is refused is refused for good: the refusals here are about chunks.
      const answer = faults[(n / 3) % faults.length]!();
      return records.length === 1 && answer instanceof AppError && answer.kind === 'refused' ? all(records) : answer;
    };
    for (let round = 0; round < 40; round++) {
      if (round < 5) {
        await Promise.all(ids.slice(round * 10, round * 10 + 20).map((id) => want(id, round + 2)));
        await storage.crm.claim(crm.id, { chunks: 1, size: 8, leaseMs: LEASE_MS });
      }
      storage.clock.advance(round < 30 ? 5_000 : 600_000);
      await Promise.all([sync.drain(), elsewhere.drain()]);
    }
    expect([...crm.held.keys()].sort()).toEqual([...ids].sort());
    const desired = await storage.crm.desired(crm.id, ids);
    expect(desired.filter(({ guestId, record }) => !isDeepStrictEqual(crm.held.get(guestId), record))).toEqual([]);
    expect(await letters()).toEqual([]);
    expect(await storage.crm.backlog(crm.id, 100)).toMatchObject({ waiting: 0, chunksUnderWay: 0 });
  }, 60_000);
});
