import { aGuest } from '../../../../test/builders/guest.js';
import type { ConsentSource } from './consent.source.js';

/** What every `ConsentSource` promises, whatever it knows of people. */
export function consentSourceContract(open: () => ConsentSource): void {
  const somebody = { identity: aGuest().identity };
  const both = [true, false];
  const declarations = both.flatMap((marketing) => both.map((dataProcessing) => ({ marketing, dataProcessing })));

  it.each(declarations)('answers at once and for every purpose: %j', (declared) => {
    const consent = open().consentOf({ ...somebody, declared });
    expect(Object.entries(consent).map(([purpose, is]) => [purpose, typeof is])).toEqual(
      expect.arrayContaining([
        ['marketing', 'boolean'],
        ['dataProcessing', 'boolean'],
      ]),
    );
  });

  it('answers the same when it is asked twice, and leaves what it was asked as it is', () => {
    const source = open();
    const asking = Object.freeze({ ...somebody, declared: Object.freeze({ marketing: true, dataProcessing: true }) });
    expect(source.consentOf(asking)).toEqual(source.consentOf(asking));
    expect(asking.declared).toEqual({ marketing: true, dataProcessing: true });
  });
}
