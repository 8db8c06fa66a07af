import { completeVerdicts, idempotencyKey, recordHash } from './crm-sync.js';
import type { CrmRecord } from './crm-sync.js';

const record = (externalId: string, lastInteraction = '2026-01-01T09:00:00.000Z'): CrmRecord => ({
  externalId,
  emailHash: null,
  phoneHash: null,
  keyId: null,
  consentFlags: { marketing: false, dataProcessing: true },
  lastInteraction,
  channelContext: {},
});

describe('the idempotency key of a chunk', () => {
  const keyOf = (crm: string, records: readonly CrmRecord[], rekeyed?: number) =>
    idempotencyKey(crm, records.map(recordHash), rekeyed);

  it('is the same for the same records in the same state, whenever they are sent', () => {
    expect(keyOf('rest', [record('a'), record('b')])).toBe(keyOf('rest', [record('a'), record('b')]));
  });

  it('is another for another CRM, another state, another order or another chunk', () => {
    const keys = [
      keyOf('rest', [record('a'), record('b')]),
      keyOf('acme', [record('a'), record('b')]),
      keyOf('rest', [record('b'), record('a')]),
      keyOf('rest', [record('a')]),
      keyOf('rest', [record('a'), record('b', '2026-01-01T09:00:01.000Z')]),
      keyOf('rest', [record('a'), record('b')], 1),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('a record', () => {
  it('looks the same to a CRM whatever the order of its members', () => {
    const { externalId, ...rest } = record('a');
    expect(recordHash({ ...rest, externalId })).toBe(recordHash(record('a')));
  });
});

describe('verdicts', () => {
  it('are completed: a record without an answer is tried again, never taken as delivered', () => {
    expect(completeVerdicts(3, [{ index: 1, status: 'created', remoteId: 'x' }])).toEqual([
      { index: 0, status: 'retry', error: 'no_answer' },
      { index: 1, status: 'created', remoteId: 'x' },
      { index: 2, status: 'retry', error: 'no_answer' },
    ]);
  });
});
