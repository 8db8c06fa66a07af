import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aGuest } from '../../../test/builders/guest.js';
import { decidedAt, decisions, lastWordAt, mayLeave } from './consent.js';
import type { ConsentRecord } from './consent.js';
import { consented } from './guest.js';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1, 9, 0, seconds));

describe('a way out', () => {
  const open = { closeReason: null };

  it('is open under a live consent to data processing, whatever was said of marketing', () => {
    for (const way of [
      'crm.record',
      'genesys.session',
      'genesys.attributes',
      'genesys.message',
      'genesys.typing',
      'genesys.mark',
      'genesys.link',
      'attachment.content',
      'events.text',
      'webhook.event',
    ] as const) {
      expect(mayLeave({ ...open, consent: { dataProcessing: true, marketing: false } }, way)).toBe(true);
      expect(mayLeave({ ...open, consent: { dataProcessing: false, marketing: true } }, way)).toBe(false);
    }
  });

  it.each([true, false])('is closed for a guest that is being erased, but for what finds it (consent: %s)', (given) => {
    const consent = { dataProcessing: given, marketing: given };
    const leaving = (['crm.record', 'genesys.message', 'events.text', 'webhook.event', 'genesys.link'] as const).filter(
      (way) => mayLeave({ closeReason: 'erased', consent }, way),
    );
    expect(leaving).toEqual(['genesys.link']);
  });

  it('asks the rule: nobody in this module tests a flag by himself, except to show it and to make a guest', () => {
    const testing = readdirSync(__dirname).filter(
      (file) =>
        /(?<!\.spec)\.ts$/.test(file) &&
        /\.consent\??\.(dataProcessing|marketing)/.test(readFileSync(join(__dirname, file), 'utf8')),
    );
    expect(testing).toEqual(['guest.service.ts', 'guest.view.dto.ts']);
  });
});

describe('when a decision was made', () => {
  it('is when they say, but never later than now', () => {
    expect(decidedAt(at(1), at(10), at(0))).toEqual(at(1));
    expect(decidedAt(at(30), at(10), at(0))).toEqual(at(10));
  });

  it('is now when nobody says, and never before the last word, whose clock may be ahead', () => {
    expect(decidedAt(undefined, at(10), at(0))).toEqual(at(10));
    expect(decidedAt(undefined, at(10), at(12))).toEqual(at(12));
  });

  it('is measured against what stands, and without a record against the making of the guest', () => {
    const guest = aGuest();
    expect(lastWordAt(guest, null)).toEqual(guest.createdDate);
    expect(lastWordAt(guest, { at: at(7) } as ConsentRecord)).toEqual(at(7));
  });
});

describe('what somebody decided', () => {
  it('is, of a new guest, what was given: leaving something ungiven withdraws nothing', () => {
    expect(decisions(null, { dataProcessing: true, marketing: false })).toEqual([
      { purpose: 'dataProcessing', decision: 'granted' },
    ]);
  });

  it('is, of a change, every flag that changed', () => {
    expect(decisions({ dataProcessing: true, marketing: false }, { dataProcessing: false, marketing: true })).toEqual([
      { purpose: 'dataProcessing', decision: 'withdrawn' },
      { purpose: 'marketing', decision: 'granted' },
    ]);
    expect(decisions({ dataProcessing: true, marketing: false }, { dataProcessing: true, marketing: false })).toEqual(
      [],
    );
  });

  it('changes the guest once, also when the session is over, and is remembered for conflicts', () => {
    const guest = aGuest({ state: 'closed' });
    const withdrawn = consented(guest, 'dataProcessing', false, at(5));
    expect(withdrawn).toMatchObject({
      version: 2,
      state: 'closed',
      consent: { dataProcessing: false, marketing: false },
      touched: { '/consent/dataProcessing': 2 },
    });
    expect(consented(withdrawn, 'dataProcessing', false, at(6))).toBe(withdrawn);
  });
});
