import type { CrmRecord } from '../crm-sync.js';
import { idempotencyKey } from '../crm-sync.js';
import type { Crm } from './crm.js';

/** One way in which a CRM can fail, whatever it calls that. */
export type CrmFailure = 'silent' | 'broken' | 'busy' | 'credentials' | 'accepts-unseen' | 'refuses-batch';

/** A CRM and a second eye on it: an adapter cannot be the only witness of itself. */
export type CrmLab = {
  readonly crm: Crm;
  /** The ids the CRM holds now, one per record. */
  readonly held: () => Promise<string[]>;
  /** The next `times` upserts fail in this way. */
  readonly fail: (how: CrmFailure, times?: number) => Promise<void>;
  /** From now on records with this campaign are refused, each by itself. */
  readonly refuse: (campaignId: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

export const aRecord = (externalId: string, parts: Partial<CrmRecord> = {}): CrmRecord => ({
  externalId,
  emailHash: 'ab'.repeat(32),
  phoneHash: null,
  keyId: 'k1',
  consentFlags: { marketing: false, dataProcessing: true },
  lastInteraction: '2026-01-01T09:00:00.000Z',
  channelContext: { campaignId: 'WINTER-2024' },
  ...parts,
});

/** What every CRM adapter promises, run against an imitation of its CRM. */
export function crmContract(open: () => Promise<CrmLab>): void {
  let lab: CrmLab;
  beforeEach(async () => {
    lab = await open();
  });
  afterEach(() => lab.close());

  const upsert = (records: CrmRecord[]) => lab.crm.upsert(records, idempotencyKey(lab.crm.id, records));
  const statuses = async (records: CrmRecord[]) => (await upsert(records)).map(({ index, status }) => [index, status]);
  const three = [aRecord('a'), aRecord('b'), aRecord('c')];

  it('creates and then updates, with one verdict a record', async () => {
    expect(await statuses(three)).toEqual([
      [0, 'created'],
      [1, 'created'],
      [2, 'created'],
    ]);
    const later = aRecord('b', { lastInteraction: '2026-01-02T09:00:00.000Z' });
    expect(await statuses([later, aRecord('d')])).toEqual([
      [0, 'updated'],
      [1, 'created'],
    ]);
    expect((await lab.held()).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('changes nothing when the same is sent again', async () => {
    await upsert(three);
    const again = await upsert(three);
    expect(again.every(({ status }) => status !== 'refused' && status !== 'retry')).toBe(true);
    expect((await lab.held()).sort()).toEqual(['a', 'b', 'c']);
  });

  it('takes a whole chunk', async () => {
    const records = Array.from({ length: lab.crm.chunkSize }, (_, n) => aRecord(`r-${n}`));
    expect(await upsert(records)).toHaveLength(lab.crm.chunkSize);
    expect(await lab.held()).toHaveLength(lab.crm.chunkSize);
  });

  it('refuses a record by itself and takes its neighbours', async () => {
    await lab.refuse('POISON');
    const poisoned = [aRecord('a'), aRecord('b', { channelContext: { campaignId: 'POISON' } }), aRecord('c')];
    expect(await statuses(poisoned)).toEqual([
      [0, 'created'],
      [1, 'refused'],
      [2, 'created'],
    ]);
    expect((await lab.held()).sort()).toEqual(['a', 'c']);
  });

  it.each<[CrmFailure, string]>([
    ['silent', 'unavailable'],
    ['broken', 'unavailable'],
    ['credentials', 'unavailable'],
    ['busy', 'throttled'],
    ['accepts-unseen', 'unavailable'],
    ['refuses-batch', 'refused'],
  ])('that is %s is %s, and takes the same records afterwards', async (how, kind) => {
    await lab.fail(how);
    await expect(upsert(three)).rejects.toMatchObject({ kind });
    expect((await upsert(three)).every(({ status }) => status !== 'refused' && status !== 'retry')).toBe(true);
    expect((await lab.held()).sort()).toEqual(['a', 'b', 'c']);
  });

  it('says how long to wait when the CRM says so', async () => {
    await lab.fail('busy');
    await expect(upsert(three)).rejects.toMatchObject({ retryAfterMs: 2_000 });
  });

  it('shows no credential and no record in an error, however it is looked at', async () => {
    for (const how of ['silent', 'broken', 'credentials', 'refuses-batch'] as const) {
      await lab.fail(how);
      const error: unknown = await upsert(three).catch((caught: unknown) => caught);
      expect(everythingIn(error)).not.toMatch(/bearer|ab{1}ab{1}ab|externalId/i);
    }
  });

  it('answers a ping, and says so when it does not', async () => {
    await expect(lab.crm.ping()).resolves.toBeUndefined();
  });
}

/** All that can be read of a value, hidden properties and causes included. */
function everythingIn(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (seen.has(value)) return '';
  seen.add(value);
  return Reflect.ownKeys(value)
    .map((key) => `${String(key)}=${everythingIn((value as Record<PropertyKey, unknown>)[key], seen)}`)
    .join('\n');
}
