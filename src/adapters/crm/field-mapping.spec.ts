import { aRecord } from '../../modules/crm-sync/ports/crm.contract.js';
import { faultsAgainst, held, mapped, mappingFault, readMapping } from './field-mapping.js';

describe('a mapping of fields', () => {
  it.each<[string, RegExp | null]>([
    ['A:emailHash, B__c : consentFlags.marketing,C:channelContext.campaignId', null],
    ['A', /of field:source/],
    ['', /of field:source/],
    ['A:emailHash:x', /of field:source/],
    ['A b:emailHash', /of field:source/],
    ['A:email', /names email, which no record has/],
    ['A:__proto__', /which no record has/],
    ['A:channelContext.', /which no record has/],
    ['A:emailHash,A:phoneHash', /twice/],
  ])('%s', (text, fault) => {
    if (fault === null) expect(mappingFault(text)).toBeNull();
    else expect(mappingFault(text)).toMatch(fault);
  });

  it('writes what a record has, and empties what it has not', () => {
    const mapping = readMapping(
      'E:emailHash,P:phoneHash,M:consentFlags.marketing,C:channelContext,I:channelContext.campaignId',
    );
    expect(mapped(aRecord('a', { channelContext: {} }), mapping)).toEqual({
      E: 'ab'.repeat(32),
      P: null,
      M: false,
      C: '{}',
      I: null,
    });
  });

  it('reads other spellings of the same back, and leaves out what it cannot compare', () => {
    const mapping = readMapping(
      'E:emailHash,L:lastInteraction,M:consentFlags.marketing,I:channelContext.campaignId,X:externalId',
    );
    const values = { E: '', L: '2026-01-01T10:00:00.000+0100', M: 'true', I: 'WINTER', X: 'a' };
    expect(held('a', '1', values, mapping)).toEqual({
      externalId: 'a',
      remoteId: '1',
      fields: { emailHash: null, lastInteraction: '2026-01-01T09:00:00.000Z' },
    });
    const broken = held('a', '1', { L: 'yesterday', C: '{"a":1' }, readMapping('L:lastInteraction,C:channelContext'));
    expect(broken.fields).toEqual({ channelContext: {} });
  });

  it('is told what the CRM lacks and what it keeps to itself', () => {
    const described = [
      { name: 'A', type: 'string', writable: true },
      { name: 'B', type: 'string', writable: false },
    ];
    expect(faultsAgainst(described, ['A', 'B', 'C'], { crm: 'Acme', variable: 'ACME_FIELDS' })).toEqual([
      'Acme does not let us write its field B: change its permissions, or ACME_FIELDS',
      'Acme has no field C: make it there, or change ACME_FIELDS',
    ]);
  });
});
