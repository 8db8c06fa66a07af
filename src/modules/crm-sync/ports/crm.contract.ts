import type { CrmRecord } from '../crm-sync.js';
import { idempotencyKey, recordHash } from '../crm-sync.js';
import type { Crm } from './crm.js';

/** One way in which a CRM can fail, whatever it calls that. */
export type CrmFailure =
  | 'silent'
  | 'broken'
  | 'busy'
  | 'busy for it does not say how long'
  | 'out of quota'
  | 'locked to us'
  | 'forbidden to us'
  | 'silent after it took everything'
  | 'cut off in its answer'
  | 'not itself'
  | 'against the whole chunk'
  | 'against its size';

/** What the port calls each of them. */
const MEANS: Readonly<Record<CrmFailure, readonly [kind: string, code: string]>> = {
  silent: ['unavailable', 'crm.silent'],
  broken: ['unavailable', 'crm.unavailable'],
  busy: ['throttled', 'crm.throttled'],
  'busy for it does not say how long': ['throttled', 'crm.throttled'],
  'out of quota': ['throttled', 'crm.quota_exhausted'],
  'locked to us': ['unavailable', 'crm.credentials_refused'],
  'forbidden to us': ['unavailable', 'crm.credentials_refused'],
  'silent after it took everything': ['unavailable', 'crm.silent'],
  'cut off in its answer': ['unavailable', 'crm.silent'],
  'not itself': ['unavailable', 'crm.unavailable'],
  'against the whole chunk': ['refused', 'crm.refused'],
  'against its size': ['refused', 'crm.too_large'],
};

/** Those that erasing can meet: it is one record, and its answer may be empty. */
const MEETS_ERASING = Object.entries(MEANS).filter(
  ([how]) => how !== 'cut off in its answer' && how !== 'against its size',
) as [CrmFailure, readonly [string, string]][];

/** A CRM and a second eye on it: an adapter cannot be the only witness of itself. */
export type CrmLab = {
  readonly crm: Crm;
  /** The ids the CRM holds now, one per record. */
  readonly held: () => Promise<string[]>;
  /** All the CRM holds of one of them. For a CRM that empties records where it cannot delete them. */
  readonly kept?: (externalId: string) => Promise<object>;
  /** The next call that writes fails in this way. False for a CRM that has no such way. */
  readonly fail: (how: CrmFailure) => Promise<boolean>;
  /** From now on records with this campaign are refused, each by itself; or with the whole chunk they are in. */
  readonly refuse: (campaignId: string, wholeChunk?: boolean) => Promise<void>;
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

  const upsert = (records: CrmRecord[]) => lab.crm.upsert(records, idempotencyKey(lab.crm.id, records.map(recordHash)));
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

  it.each(Object.entries(MEANS) as [CrmFailure, readonly [string, string]][])(
    'that is %s is %s, and takes the same records afterwards',
    async (how, [kind, code]) => {
      // So that the next call is the upsert itself.
      await upsert([aRecord('z')]);
      if (!(await lab.fail(how))) return;
      const error: unknown = await upsert(three).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ kind, code });
      expect(everythingIn(error)).not.toMatch(/bearer|ab{1}ab{1}ab|externalId|WINTER/i);
      expect((await upsert(three)).every(({ status }) => status !== 'refused' && status !== 'retry')).toBe(true);
      expect((await lab.held()).sort()).toEqual(['a', 'b', 'c', 'z']);
    },
  );

  it('says how long to wait when the CRM says so', async () => {
    await upsert([aRecord('z')]);
    await lab.fail('busy');
    await expect(upsert(three)).rejects.toMatchObject({ retryAfterMs: 1_000 });
  });

  it('says when the quota is filled again, a day at the latest', async () => {
    await upsert([aRecord('z')]);
    if (!(await lab.fail('out of quota'))) return;
    const { retryAfterMs } = (await upsert(three).catch((caught: unknown) => caught)) as { retryAfterMs: number };
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(24 * 3_600_000);
  });

  it('refuses the chunk as a whole for one record, and takes the others without it', async () => {
    await lab.refuse('POISON', true);
    const poisoned = aRecord('b', { channelContext: { campaignId: 'POISON' } });
    await expect(upsert([aRecord('a'), poisoned])).rejects.toMatchObject({ kind: 'refused', code: 'crm.refused' });
    expect(await statuses([aRecord('a')])).toEqual([[0, 'created']]);
    await expect(upsert([poisoned])).rejects.toMatchObject({ kind: 'refused', code: 'crm.refused' });
    expect(await lab.held()).toEqual(['a']);
  });

  it('keeps of twins in one chunk the later, with a verdict for both', async () => {
    const twins = [aRecord('a'), aRecord('b'), aRecord('a', { lastInteraction: '2026-01-03T09:00:00.000Z' })];
    expect((await statuses(twins)).map(([, status]) => status)).toEqual(['created', 'created', 'created']);
    expect((await lab.held()).sort()).toEqual(['a', 'b']);
  });

  it('is read back page by page, as it was written', async () => {
    if (lab.crm.read === undefined) return;
    const written = Array.from({ length: lab.crm.chunkSize }, (_, n) =>
      aRecord(`r-${String(n).padStart(3, '0')}`, n === 3 ? { emailHash: null, channelContext: {} } : {}),
    );
    await upsert(written);
    await upsert([aRecord('s')]);
    const read = [];
    let cursor: string | null = null;
    do {
      const page = await lab.crm.read(cursor, 10);
      read.push(...page.records);
      cursor = page.nextCursor;
    } while (cursor !== null);
    const expected = [...written, aRecord('s')].map(({ externalId, ...fields }) => ({ externalId, fields }));
    expect(read.map(({ externalId, fields }) => ({ externalId, fields }))).toEqual(expected);
    expect(read.every(({ remoteId }) => typeof remoteId === 'string' && remoteId !== '')).toBe(true);
  });

  it('has the fields it is to be written into', async () => {
    const fields = await lab.crm.describe?.();
    expect(fields === undefined || fields.length > 0).toBe(true);
    await expect(upsert(three)).resolves.toHaveLength(3);
  });

  it('shows what it would send, without a secret, and sends nothing', async () => {
    if (lab.crm.preview === undefined) return;
    const shown = lab.crm.preview(three, 'key');
    expect(shown).toMatchObject({ method: expect.stringMatching(/^(POST|PATCH)$/) as string });
    expect(JSON.stringify(shown.body)).toContain('"a"');
    expect(JSON.stringify(shown.headers)).toContain('[redacted]');
    expect(JSON.stringify(shown)).not.toMatch(/sandbox-/);
    expect(await lab.held()).toEqual([]);
  });

  describe('asked to erase a guest', () => {
    const erase = (externalId: string, remoteId: string | null = null) => lab.crm.erase!(externalId, remoteId);
    const sendAgain = (record: CrmRecord) => lab.crm.upsert([record], 'another key');
    /** Nothing, or a record that says no more than whose it was. */
    const expectNothingOf = async (externalId: string) => {
      if (!(await lab.held()).includes(externalId)) return;
      expect(JSON.stringify(await lab.kept!(externalId))).not.toMatch(/abab|k1|true|2026|WINTER/);
    };

    it.each(['told', 'not told'])('holds nothing of it any more, %s what it calls its record', async (told) => {
      if (lab.crm.erase === undefined) return;
      const remoteId = (await upsert(three)).flatMap((verdict) => ('remoteId' in verdict ? [verdict.remoteId] : []))[1];
      expect(await erase('b', told === 'told' ? remoteId : null)).toMatch(/^(deleted|emptied)$/);
      await expectNothingOf('b');
      expect(await lab.held()).toEqual(expect.arrayContaining(['a', 'c']));
    });

    it('does no harm when it is asked again, or for one it never had', async () => {
      if (lab.crm.erase === undefined) return;
      await upsert(three);
      const done = await erase('b');
      for (const externalId of ['b', 'x']) {
        expect(await erase(externalId)).toBe(done === 'emptied' ? 'emptied' : 'absent');
        await expectNothingOf(externalId);
      }
      expect(await lab.held()).toEqual(expect.arrayContaining(['a', 'c']));
    });

    it('makes the record again when it is sent again, and erases that as well', async () => {
      if (lab.crm.erase === undefined) return;
      const [first] = await upsert([aRecord('a')]);
      const done = await erase('a');
      expect(await sendAgain(aRecord('a'))).toMatchObject([{ status: done === 'emptied' ? 'updated' : 'created' }]);
      expect(await lab.held()).toEqual(['a']);
      // What it calls the record may be another id since.
      expect(await erase('a', (first as { remoteId?: string }).remoteId ?? null)).toBe(done);
      await expectNothingOf('a');
    });

    it.each(MEETS_ERASING)('that is %s is %s, and erases afterwards', async (how, [kind, code]) => {
      if (lab.crm.erase === undefined) return;
      await upsert([aRecord('a')]);
      if (!(await lab.fail(how))) return;
      const error: unknown = await erase('a').catch((caught: unknown) => caught);
      expect(error).toMatchObject({ kind, code });
      expect(everythingIn(error)).not.toMatch(/bearer|ab{1}ab{1}ab|externalId|WINTER/i);
      await erase('a');
      await expectNothingOf('a');
    });

    it('says how long to wait when the CRM says so', async () => {
      if (lab.crm.erase === undefined) return;
      await upsert([aRecord('a')]);
      await lab.fail('busy');
      await expect(erase('a')).rejects.toMatchObject({ retryAfterMs: 1_000 });
    });
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
