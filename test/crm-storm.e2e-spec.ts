import { crmStorm } from './support/crm-storm/storm.js';
import type { StormReport } from './support/crm-storm/storm.js';
import { wrongIn } from './support/crm-storm/verdict.js';

const CRMS = ['rest', 'salesforce', 'hubspot', 'genesys-contacts'];
const GUESTS = 500;

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);

describe('500 guests made and changed while every CRM fails in a fifth of its calls, in all ways it can, and the service is killed five times', () => {
  let report: StormReport;
  beforeAll(async () => {
    report = await crmStorm({ crms: CRMS, guests: GUESTS, kills: 5, share: 0.2, seed: 7, stepsPerSecond: 50 });
  }, 360_000);

  it('has every guest as it was acknowledged', () => {
    expect(report.lost).toBe(0);
  });

  it.each(CRMS)('has each in %s once, in its newest state, or in its dead letters with the true reason', (crm) => {
    expect(wrongIn(report.crms[crm]!)).toEqual([]);
    const { inTheCrm, deadLetters, calls, struck } = report.crms[crm]!;
    expect([inTheCrm, deadLetters]).toEqual([GUESTS * 0.9, GUESTS * 0.1]);
    expect(sum(struck) / calls).toBeGreaterThan(0.1);
  });
});
