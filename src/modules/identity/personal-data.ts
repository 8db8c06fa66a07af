import { isIPv4, isIPv6 } from 'node:net';
import type { FieldError } from '../../kernel/app-error.js';

export type PersonalData = 'e-mail address' | 'phone number' | 'card number' | 'IP address';

/**
 * What in a text looks like a person, or null. It is asked of fields that hold no personal data by intention, so it knows the usual ways of
 * writing and no disguise; ids, hashes, versions, dates and short numbers are left alone.
 */
export function personalDataIn(text: string): PersonalData | null {
  if (HARMLESS.test(text)) return null;
  const forms = [text];
  // What is encoded twice is decoded by whoever reads it twice.
  for (let form = decoded(text); form !== forms.at(-1) && forms.length < 4; form = decoded(form)) forms.push(form);
  return forms.map(plain).reduce<PersonalData | null>((seen, form) => seen ?? kindIn(form), null);
}

/** Why a field cannot be taken as it is, or null. What it holds is not repeated. */
export function personalDataError(
  pointer: string,
  text: string,
  remedy: (kind: PersonalData) => string = (kind) => REMEDY[kind],
): FieldError | null {
  const kind = personalDataIn(text);
  if (kind === null) return null;
  return { pointer, rule: 'personalData', message: `must not hold ${ARTICLE[kind]} ${kind}: ${remedy(kind)}` };
}

const ARTICLE: Readonly<Record<PersonalData, string>> = {
  'e-mail address': 'an',
  'phone number': 'a',
  'card number': 'a',
  'IP address': 'an',
};

/** For a text that has nothing to do with one guest. */
export const LEAVE_OUT = (): string => 'leave it out';

const REMEDY: Readonly<Record<PersonalData, string>> = {
  'e-mail address': 'send it as `email` when the guest is created, where it is hashed, or leave it out',
  'phone number': 'send it as `phone` when the guest is created, where it is hashed, or leave it out',
  'card number': 'leave it out',
  'IP address': 'leave it out',
};

/** Plain ASCII with neither a digit nor an @ nor anything encoded: none of them can be in it. */
const HARMLESS = /^[ -$&-/:-?A-~]*$/;

function kindIn(text: string): PersonalData | null {
  if (EMAIL.test(text)) return 'e-mail address';
  if (holdsIp(text)) return 'IP address';
  const numbers = text.replaceAll(UUID, ' ');
  if (holdsCard(numbers)) return 'card number';
  return holdsPhone(numbers) ? 'phone number' : null;
}

/** One way of writing: other digits, odd dashes and invisible characters hide nothing. */
export const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .replaceAll(/\p{Pd}/gu, '-')
    .replaceAll(/[^\P{Nd}0-9]/gu, western);

/** A digit of any script. Unicode has the ten of each in a row. */
function western(digit: string): string {
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(digit.codePointAt(0)! - value - 1))) value++;
  return String(value);
}

/** Without percent-encoding, each part by itself: one that stands for nothing hides no other. */
const decoded = (text: string): string =>
  text.replaceAll(/(?:%[0-9a-f]{2})+/gi, (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });

// Bounded repetitions: a long text without an @ must not take quadratic time.
const EMAIL = /[^\s@<>"'(),:;=&/?]{1,64}@[^\s@<>"'(),:;=&/?]{1,253}\.(?:\p{L}{2,24}|xn--[a-z0-9-]{1,59})/iu;

export const UUID = /(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])/gi;

function holdsIp(text: string): boolean {
  const v4 = text.match(/(?<![\p{L}\p{N}.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?[\p{L}\p{N}])/gu) ?? [];
  // A colon at the end may be the sentence's; two of them are the address's.
  const v6 = (text.match(/(?<![\p{L}\p{N}])[0-9a-f:]{3,}(?![\p{L}\p{N}])/giu) ?? []).map((token) =>
    token.replace(/^:(?!:)|(?<!:):$/g, ''),
  );
  return v4.some(isIPv4) || v6.some((token) => /\d/.test(token) && isIPv6(token));
}

/** Digits, perhaps in groups, that are no part of a word. */
export const NUMBERS = /(?<![\p{L}\p{N}])\d+(?:[ .-]\d+)*(?![\p{L}\p{N}])/gu;

/** 13 to 19 digits with a true check digit that begin as a bank's cards do, written as one or in groups of three and more. */
export function holdsCard(text: string): boolean {
  return (text.match(NUMBERS) ?? []).some((run) => {
    const groups = run.split(/[ .-]/);
    return groups.some((_, first) => {
      let digits = '';
      for (const group of groups.slice(first)) {
        digits += group;
        if (group.length < 3 || digits.length > 19) return false;
        if (digits.length >= 13 && /^(?:[3-6]|2[2-7])/.test(digits) && hasCheckDigit(digits)) return true;
      }
      return false;
    });
  });
}

/** Luhn. */
function hasCheckDigit(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, at) => {
    const value = Number(digit) * (at % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

export const PHONES: readonly RegExp[] = [
  // +353 1 234 5678, +1 (650) 555-1212. A plus within a word joins: 1.0.0+20261122.
  /(?<![\p{L}\p{N}])\+[ (]{0,2}[1-9](?:[ ()./-]{0,3}\d){7,14}(?!\d)/u,
  // (650) 555-1212, 1-650-555-1212, 650 555 1212
  /(?<![\p{L}\p{N}])(?:1[ .-])?(?:\(\d{3}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\p{L}\p{N}])/u,
  // 0871234567, 07911123456, 00353871234567: as people type them; a number that begins so is hardly an amount.
  /(?<![\p{L}\p{N}.,])(?:0[1-9]\d{8,10}|00[1-9]\d{8,12})(?![\p{L}\p{N}])/u,
];

/** 020 7946 0958, (01) 234 5678, 06 12 34 56 78, 00353 1 234 5678: a zero before the area or the country. */
export const ZERO_FIRST = /(?<![\p{L}\p{N}])\(?0{1,2}[1-9]\d{0,4}\)?(?:[ ./-]{1,2}\d{1,8}){1,6}(?![\p{L}\p{N}])/gu;
/** 01.02.2026, perhaps with more after it. */
const DATE = /^\d{2}([ ./-])\d{2}\1\d{4}(?!\d)/;

export const holdsPhone = (text: string): boolean =>
  PHONES.some((phone) => phone.test(text)) ||
  (text.match(ZERO_FIRST) ?? []).some((run) => {
    const digits = run.replaceAll(/\D/g, '').length;
    return digits >= 9 && digits <= 15 && !DATE.test(run);
  });
