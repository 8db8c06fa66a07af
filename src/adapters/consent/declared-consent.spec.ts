import { aGuest } from '../../../test/builders/guest.js';
import { consentSourceContract } from '../../modules/guest/ports/consent.source.contract.js';
import { DeclaredConsent } from './declared-consent.js';

describe('DeclaredConsent', () => {
  consentSourceContract(() => new DeclaredConsent());

  it('takes the word of whoever asks', () => {
    const declared = { marketing: true, dataProcessing: false };
    expect(new DeclaredConsent().consentOf({ identity: aGuest().identity, declared })).toEqual(declared);
  });
});
