import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import { recordHash } from '../crm-sync.js';
import type { CrmRecord, DueRecord } from '../crm-sync.js';
import { CrmStore } from './crm.store.js';

export type CrmStoreLab = {
  readonly store: CrmStore;
  /** The same records, in another process. */
  readonly another: CrmStore;
  readonly work: UnitOfWork;
  now(): Date;
  advance(ms: number): void;
  close(): Promise<void>;
};

const LEASE_MS = 1_000;

/** What every `CrmStore` promises. */
export function crmStoreContract(openLab: () => Promise<CrmStoreLab>): void {
  let lab: CrmStoreLab;
  let crm: string;
  let guestId: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => {
    crm = randomUUID();
    guestId = uuidv7();
  });
  afterAll(() => lab.close());

  const aRecord = (id: string, form: string): CrmRecord => ({
    externalId: id,
    emailHash: 'ab'.repeat(32),
    phoneHash: null,
    keyId: 'k1',
    consentFlags: { marketing: false, dataProcessing: true },
    lastInteraction: '2026-11-22T09:00:00.000Z',
    channelContext: { campaignId: form },
  });
  const inMs = (ms: number) => new Date(lab.now().getTime() + ms);
  const put = (version: number, form = `form ${version}`, dueAt = lab.now(), id = guestId) =>
    lab.store.put(crm, { guestId: id, version, record: aRecord(id, form) }, dueAt);
  const claim = (limit = 10, store = lab.store) => store.claim(crm, limit, LEASE_MS);
  const only = async (): Promise<DueRecord> => {
    const due = await claim();
    expect(due).toHaveLength(1);
    return due[0]!;
  };
  const delivered = async (): Promise<void> => lab.store.delivered(crm, [{ record: await only(), remoteId: 'r-1' }]);

  it('has nothing for a CRM nobody put anything for', async () => {
    expect(await claim()).toEqual([]);
  });

  it('gives what should be sent to one who claims, and not again once it is delivered', async () => {
    await put(1);
    expect(await lab.store.claim(randomUUID(), 10, LEASE_MS)).toEqual([]);
    const due = await only();
    const record = aRecord(guestId, 'form 1');
    expect(due).toEqual({ guestId, version: 1, record, hash: recordHash(record), attempt: 1 });
    expect(await claim()).toEqual([]);
    await lab.store.delivered(crm, [{ record: due }]);
    lab.advance(LEASE_MS);
    expect(await claim()).toEqual([]);
  });

  it('keeps nothing of a unit that failed', async () => {
    const failing = lab.work.run(async () => {
      await put(1);
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect(await claim()).toEqual([]);
  });

  it('says whether a record is to be sent, or somebody is at it', async () => {
    const pending = () => lab.store.isPending(crm, guestId);
    expect(await pending()).toBe(false);
    await put(1, 'one', inMs(800));
    expect(await pending()).toBe(true);
    expect(await lab.store.isPending(randomUUID(), guestId)).toBe(false);
    lab.advance(800);
    await delivered();
    expect(await pending()).toBe(false);
    await put(2);
    const [due] = await claim();
    await lab.store.withdraw(crm, guestId);
    // Nothing is to be sent any more, but it is on its way.
    expect(await pending()).toBe(true);
    await lab.store.delivered(crm, [{ record: due! }]);
    expect(await pending()).toBe(false);
  });

  it('removes what there is of a guest in every CRM, and of no other guest', async () => {
    const [other, elsewhere] = [uuidv7(), randomUUID()];
    await put(1);
    await put(1, 'form 1', lab.now(), other);
    await lab.store.put(elsewhere, { guestId, version: 1, record: aRecord(guestId, 'form 1') }, lab.now());
    await lab.store.removeAll(guestId);
    expect(await lab.store.isPending(crm, guestId)).toBe(false);
    expect(await lab.store.claim(elsewhere, 10, LEASE_MS)).toEqual([]);
    expect((await claim()).map((due) => due.guestId)).toEqual([other]);
  });

  it('waits until a record is due, and takes the earlier of two times', async () => {
    await put(1, 'one', inMs(800));
    await put(2, 'two', inMs(400));
    await put(3, 'three', inMs(900));
    expect(await claim()).toEqual([]);
    lab.advance(400);
    expect(await only()).toMatchObject({ version: 3, record: { channelContext: { campaignId: 'three' } } });
  });

  it('coalesces what is put in one unit, and in units that commit together', async () => {
    await Promise.all(
      [1, 2, 3].map((version) =>
        lab.work.run(async () => {
          await put(version, `${version} a`);
          await put(version, `${version} b`);
        }),
      ),
    );
    expect(await only()).toMatchObject({ version: 3, record: { channelContext: { campaignId: '3 b' } } });
  });

  it('keeps the newest version, in whatever order they come', async () => {
    await put(3);
    await put(2);
    expect(await only()).toMatchObject({ version: 3 });
  });

  it('gives it again when a lease was not settled in time', async () => {
    await put(1);
    await only();
    lab.advance(LEASE_MS - 1);
    expect(await claim()).toEqual([]);
    lab.advance(1);
    expect(await only()).toMatchObject({ attempt: 2 });
  });

  it('does not send a form that the CRM holds already', async () => {
    await put(1, 'same');
    await delivered();
    await put(2, 'same');
    expect(await claim()).toEqual([]);
    await put(3, 'other');
    expect(await only()).toMatchObject({ version: 3, attempt: 1 });
  });

  it('sends again what was put in another form while it was delivered', async () => {
    await put(1);
    const first = await only();
    await put(2);
    expect(await claim()).toEqual([]);
    await lab.store.delivered(crm, [{ record: first }]);
    expect(await only()).toMatchObject({ version: 2 });
  });

  it('sends a form again that was put back while another was delivered', async () => {
    await put(1, 'one');
    await delivered();
    await put(2, 'two');
    const second = await only();
    await put(3, 'one');
    await lab.store.delivered(crm, [{ record: second }]);
    expect(await only()).toMatchObject({ version: 3, record: { channelContext: { campaignId: 'one' } } });
  });

  it('sends a form again that was put back after a delivery nobody settled', async () => {
    await put(1, 'one');
    await delivered();
    await put(2, 'two');
    await only();
    await put(3, 'one');
    lab.advance(LEASE_MS);
    expect(await only()).toMatchObject({ version: 3 });
  });

  it('postpones, and counts attempts meanwhile', async () => {
    await put(1);
    await lab.store.postponed(crm, [await only()], inMs(500), 'crm.unavailable');
    lab.advance(499);
    expect(await claim()).toEqual([]);
    lab.advance(1);
    expect(await only()).toMatchObject({ attempt: 2 });
  });

  it('does not send a refused form again, but another', async () => {
    await put(1, 'bad');
    await lab.store.refused(crm, [{ record: await only(), code: 'invalid_email' }]);
    await put(2, 'bad');
    lab.advance(3_600_000);
    expect(await claim()).toEqual([]);
    await put(3, 'good');
    expect(await only()).toMatchObject({ version: 3, attempt: 1 });
  });

  it('sends another form that was put while one was refused or postponed', async () => {
    await put(1, 'bad');
    const bad = await only();
    await put(2, 'good');
    await lab.store.refused(crm, [{ record: bad, code: 'invalid_email' }]);
    const good = await only();
    expect(good).toMatchObject({ version: 2, attempt: 1 });
    await put(3, 'better');
    await lab.store.postponed(crm, [good], inMs(100), 'crm.unavailable');
    lab.advance(100);
    expect(await only()).toMatchObject({ version: 3, attempt: 1 });
  });

  it('sends nothing of a guest who was withdrawn, until put again', async () => {
    await put(1);
    await lab.store.withdraw(crm, guestId);
    await lab.store.withdraw(crm, uuidv7());
    expect(await claim()).toEqual([]);
    await put(2);
    expect(await only()).toMatchObject({ version: 2 });
  });

  it('lets put and withdraw in one unit happen in their order', async () => {
    const other = uuidv7();
    await lab.work.run(async () => {
      await put(1);
      await lab.store.withdraw(crm, guestId);
      await lab.store.withdraw(crm, other);
      await put(1, 'form', lab.now(), other);
    });
    expect((await claim()).map((due) => due.guestId)).toEqual([other]);
  });

  it('stays withdrawn whatever becomes of a delivery under way', async () => {
    for (const settle of [
      (due: DueRecord) => lab.store.delivered(crm, [{ record: due }]),
      (due: DueRecord) => lab.store.postponed(crm, [due], lab.now(), 'crm.unavailable'),
      (due: DueRecord) => lab.store.refused(crm, [{ record: due, code: 'no' }]),
    ]) {
      guestId = uuidv7();
      await put(1);
      const due = await only();
      await lab.store.withdraw(crm, guestId);
      await settle(due);
      lab.advance(LEASE_MS);
      expect(await claim()).toEqual([]);
    }
  });

  it('knows which of those under delivery are still wanted', async () => {
    const other = uuidv7();
    await put(1);
    await put(1, 'form', lab.now(), other);
    const due = await claim();
    expect(await lab.store.wanted(crm, due)).toEqual(due);
    await lab.store.withdraw(crm, guestId);
    expect((await lab.store.wanted(crm, due)).map((one) => one.guestId)).toEqual([other]);
    expect(await lab.store.wanted(crm, [])).toEqual([]);
  });

  it('takes no settlement from one whose lease ran out and was given to another', async () => {
    await put(1);
    const late = await only();
    lab.advance(LEASE_MS);
    expect(await claim(10, lab.another)).toHaveLength(1);
    await lab.store.postponed(crm, [late], lab.now(), 'too late');
    await lab.store.refused(crm, [{ record: late, code: 'too late' }]);
    expect(await claim()).toEqual([]);
    lab.advance(LEASE_MS);
    expect(await only()).toMatchObject({ attempt: 3 });
  });

  it('gives the oldest first, no more than asked for, and each to one of those who claim at once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 12; n++) {
      ids.push(uuidv7());
      await put(1, 'form', inMs(-n), ids[n]);
    }
    expect((await claim(3)).map((due) => due.guestId)).toEqual(ids.slice(-3).reverse());
    const shares = await Promise.all([claim(4), claim(4, lab.another), claim(4)]);
    const rest = [...shares.flat(), ...(await claim(12))].map((due) => due.guestId);
    expect(rest.sort()).toEqual(ids.slice(0, 9).sort());
  });

  it('settles nothing when there is nothing to settle', async () => {
    await lab.store.delivered(crm, []);
    await lab.store.postponed(crm, [], lab.now(), 'none');
    await lab.store.refused(crm, []);
  });

  it('keeps whether a CRM may be called, for all processes', async () => {
    expect(await lab.store.pause(crm)).toEqual({ until: null, failures: 0 });
    const pause = { until: inMs(500), failures: 3 };
    await lab.store.setPause(crm, pause);
    expect(await lab.another.pause(crm)).toEqual(pause);
    await lab.another.setPause(crm, { until: null, failures: 0 });
    expect(await lab.store.pause(crm)).toEqual({ until: null, failures: 0 });
  });
}
