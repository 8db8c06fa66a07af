import { parsePhoneNumberFromString } from 'libphonenumber-js/max';

/**
 * E.164 (`+` and up to 15 digits), or null. The country code has to be there: a number without one belongs to a different person in each
 * country, and guessing would merge strangers. The number has to be possible in its country, not in use: fictional ranges pass.
 */
export function normalisePhone(raw: string): string | null {
  if (!raw.trim().startsWith('+')) return null;
  const phone = parsePhoneNumberFromString(raw.normalize('NFKC').trim(), { extract: false });
  return phone?.isPossible() === true ? phone.number : null;
}
