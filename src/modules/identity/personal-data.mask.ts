import { holdsCard, holdsPhone, NUMBERS, personalDataIn, PHONES, plain, UUID, ZERO_FIRST } from './personal-data.js';
import type { PersonalData } from './personal-data.js';

const MASK: Readonly<Record<PersonalData, string>> = {
  'e-mail address': '[email]',
  'phone number': '[phone]',
  'card number': '[card]',
  'IP address': '[ip]',
};

/**
 * The text with a word such as `[email]` in place of everything `personalDataIn` finds in it; the text itself when it finds nothing. What can
 * be seen only in another spelling, as when it is encoded, takes the whole text with it: half a mask shows who it hides.
 */
export function maskPersonalData(text: string): string {
  const kind = personalDataIn(text);
  if (kind === null) return text;
  const rest = withoutNumbers(withoutAddresses(plain(text)));
  return rest === plain(text) || personalDataIn(rest) !== null ? MASK[kind] : rest;
}

/** A whole word goes for an address in it: what stands beside the @ may be more of the name. */
const withoutAddresses = (text: string): string =>
  text.replaceAll(/\S+/g, (word) => {
    const kind = personalDataIn(word);
    return kind === 'e-mail address' || kind === 'IP address' ? MASK[kind] : word;
  });

const withoutNumbers = (text: string): string => {
  const ids: string[] = text.match(UUID) ?? [];
  const parts = text.split(UUID).map((part) =>
    PHONES.reduce(
      (rest, phone) => rest.replaceAll(new RegExp(phone, 'gu'), MASK['phone number']),
      part.replaceAll(NUMBERS, (run) => (holdsCard(run) ? MASK['card number'] : run)),
    ).replaceAll(ZERO_FIRST, (run) => (holdsPhone(run) ? MASK['phone number'] : run)),
  );
  return parts.map((part, at) => part + (ids[at] ?? '')).join('');
};
