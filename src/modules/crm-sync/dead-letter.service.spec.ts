import { Logger } from '@nestjs/common';
import { crmServices } from '../../../test/builders/crm-services.js';
import { ScriptedCrm } from '../../../test/builders/scripted-crm.js';
import { eventsOf } from '../../../test/builders/trail.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { DataClasses } from '../../kernel/data-class.js';
import { uuidv7 } from '../../kernel/uuid.js';
import type { CrmStatusService } from './crm-status.service.js';
import { idempotencyKey, recordHash } from './crm-sync.js';
import type { CrmRecord } from './crm-sync.js';
import type { CrmSyncService } from './crm-sync.service.js';
import { DeadLetterRetention } from './dead-letter-retention.service.js';
import type { DeadLetterService } from './dead-letter.service.js';
import { aRecord } from './ports/crm.contract.js';
import type { Crm } from './ports/crm.js';

Logger.overrideLogger(false);

describe('what operators see of a CRM', () => {
  let storage: TestStorage;
  let crm: ScriptedCrm & Pick<Crm, 'preview'>;
  let sync: CrmSyncService;
  let letters: DeadLetterService;
  let status: CrmStatusService;

  beforeAll(async () => {
    storage = await openTestStorage();
  }, 60_000);
  afterAll(() => storage.close());
  beforeEach(() => {
    crm = new ScriptedCrm(`acme-${uuidv7()}`);
    ({ sync, letters, status } = crmServices(storage, () => [crm]));
  });

  const want = async (guestId = uuidv7(), version = 1, parts: Partial<CrmRecord> = {}): Promise<string> => {
    await storage.work.run(() => sync.put({ guestId, version, record: aRecord(guestId, parts) }));
    return guestId;
  };
  const accepting = (records: readonly CrmRecord[]) =>
    records.map((_, index) => ({ index, status: 'created' }) as const);
  const refusing = (error: string) => (records: readonly CrmRecord[]) =>
    records.map((_, index) => ({ index, status: 'refused', error, message: 'It will not.' }) as const);
  const refused = async (error = 'BAD_CAMPAIGN'): Promise<string> => {
    crm.answer = refusing(error);
    const id = await want();
    await sync.drain();
    crm.answer = accepting;
    return id;
  };
  const events = (guestId: string) => eventsOf(storage, `guest:${guestId}`);

  describe('of its dead letters', () => {
    it('shows why, when and in which version, and no hash anybody could be looked up by', async () => {
      const guestId = await refused();
      const letter = await letters.get(crm.id, guestId);
      expect(letter).toEqual({
        crm: crm.id,
        guestId,
        version: 1,
        at: storage.clock.now(),
        code: 'BAD_CAMPAIGN',
        reason: 'It will not.',
        attempts: 1,
        record: { ...aRecord(guestId), emailHash: 'ababab…' },
      });
      expect((await letters.list({ crm: crm.id, limit: 10 })).items).toEqual([letter]);
    });

    it('has none of a stranger, of one that was delivered, or of a CRM that is off', async () => {
      crm.answer = accepting;
      const guestId = await want();
      await sync.drain();
      const none = { code: 'crm.dead_letter_not_found' };
      await expect(letters.get(crm.id, guestId)).rejects.toMatchObject(none);
      await expect(letters.replay(crm.id, guestId)).rejects.toMatchObject(none);
      await expect(letters.get(crm.id, 'nobody')).rejects.toMatchObject(none);
      const off = { kind: 'not-found', code: 'crm.not_found' };
      await expect(letters.list({ crm: 'off', limit: 1 })).rejects.toMatchObject(off);
      await expect(letters.replayAll({ crm: 'off' })).rejects.toMatchObject(off);
      await expect(letters.list({ crm: crm.id, limit: 1, cursor: 'x' })).rejects.toBeInstanceOf(AppError);
    });

    it('sends one again at once, and says so in the trail', async () => {
      const guestId = await refused();
      let woken = 0;
      sync.onDue(() => woken++);
      await letters.replay(crm.id, guestId);
      expect(woken).toBe(1);
      await sync.drain();
      expect(crm.held.has(guestId)).toBe(true);
      expect(await events(guestId)).toEqual(['CRM_REFUSED', 'CRM_REPLAYED', 'CRM_SYNCED']);
      await expect(letters.get(crm.id, guestId)).rejects.toBeInstanceOf(AppError);
    });

    it('is a dead letter again when it is refused again', async () => {
      const guestId = await refused();
      await letters.replay(crm.id, guestId);
      crm.answer = refusing('STILL_BAD');
      await sync.drain();
      expect(await letters.get(crm.id, guestId)).toMatchObject({ code: 'STILL_BAD', attempts: 1 });
    });

    it('sends all of a code again, however many pages, and no other', async () => {
      const other = await refused('OTHER');
      crm.answer = refusing('BAD_CAMPAIGN');
      const ids = await Promise.all(Array.from({ length: 450 }, () => want()));
      await sync.drain();
      expect(await letters.replayAll({ crm: crm.id, code: 'BAD_CAMPAIGN' })).toBe(450);
      crm.answer = accepting;
      await sync.drain();
      expect([...crm.held.keys()].sort()).toEqual(ids.sort());
      expect((await letters.list({ crm: crm.id, limit: 10 })).items).toMatchObject([{ guestId: other }]);
      expect(await letters.replayAll({ crm: crm.id })).toBe(1);
      expect(await letters.replayAll({ crm: crm.id })).toBe(0);
    }, 30_000);

    it('are kept for a time only', async () => {
      const classes = new DataClasses();
      new DeadLetterRetention(storage.crm, classes).onModuleInit();
      const [dataClass] = classes.all();
      await dataClass!.sweep(new Date(storage.clock.now().getTime() + 1), 1_000);
      const guestId = await refused();
      const at = storage.clock.now();
      storage.clock.advance(1_000);
      expect(await dataClass!.preview(storage.clock.now())).toEqual({ count: 1, oldest: at });
      expect(await dataClass!.sweep(at, 10)).toEqual({ gone: 0, kept: 0 });
      expect(await dataClass!.sweep(storage.clock.now(), 10)).toEqual({ gone: 1, kept: 0 });
      await expect(letters.get(crm.id, guestId)).rejects.toBeInstanceOf(AppError);
    });
  });

  describe('of how it fares', () => {
    it('says what waits, for how long, what was done and what last went wrong', async () => {
      await refused();
      crm.answer = () => new AppError('throttled', 'crm.throttled', 'slow down', { retryAfterMs: 60_000 });
      await want();
      const failedAt = storage.clock.now();
      await sync.drain();
      storage.clock.advance(20_000);
      await want();
      await sync.drain();
      const until = new Date(failedAt.getTime() + 60_000);
      expect(await status.of(crm.id)).toMatchObject({
        crm: crm.id,
        breaker: 'waiting',
        until,
        lastError: { code: 'crm.throttled', at: failedAt },
        waiting: 2,
        isExact: true,
        lagMs: 20_000,
        chunksUnderWay: 1,
        deadLetters: 1,
      });
      storage.clock.advance(40_000);
      crm.answer = accepting;
      await sync.drain();
      storage.clock.advance(5_000);
      await sync.drain();
      const [now] = await status.all();
      expect(now).toMatchObject({ breaker: 'closed', until: null, waiting: 0, lagMs: 0, lastError: { at: failedAt } });
      const sum = (name: 'delivered' | 'dead' | 'calls' | 'failures') =>
        now!.minutes.reduce((total, minute) => total + minute[name], 0);
      expect([sum('delivered'), sum('dead'), sum('calls'), sum('failures')]).toEqual([2, 1, crm.calls.length, 1]);
    });

    it('knows nothing bad of one that was never called', async () => {
      expect(await status.of(crm.id)).toEqual({
        crm: crm.id,
        breaker: 'closed',
        until: null,
        lastError: null,
        waiting: 0,
        isExact: true,
        lagMs: 0,
        chunksUnderWay: 0,
        deadLetters: 0,
        minutes: [],
      });
      await expect(status.of('off')).rejects.toMatchObject({ code: 'crm.not_found' });
    });
  });

  describe('of what it would be sent', () => {
    it('shows the request with its key, and sends nothing', async () => {
      const request = { method: 'POST', url: 'https://crm.example.com/batch', headers: {} };
      crm.preview = (records, key) => ({ ...request, body: { key, records } });
      const guestId = await want();
      const records = [aRecord(guestId)];
      const body = { key: idempotencyKey(crm.id, records.map(recordHash)), records };
      expect(await status.preview(crm.id, [guestId])).toEqual({ ...request, body });
      expect(crm.calls).toEqual([]);
      crm.answer = accepting;
      await sync.drain();
      expect(crm.calls[0]!.key).toBe(body.key);
    });

    it('shows nothing of a guest that was withdrawn or never known, or by an adapter that cannot', async () => {
      const guestId = await want();
      await expect(status.preview(crm.id, [guestId])).rejects.toMatchObject({ code: 'crm.preview_unsupported' });
      crm.preview = () => ({ method: 'POST', url: '', headers: {}, body: null });
      await storage.work.run(() => sync.withdraw(guestId));
      const unknown = { code: 'crm.record_not_found' };
      await expect(status.preview(crm.id, [guestId])).rejects.toMatchObject(unknown);
      await expect(status.preview(crm.id, ['nobody'])).rejects.toMatchObject(unknown);
    });
  });
});
