import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { LEAVE_OUT, personalDataError, personalDataIn } from './personal-data.js';

describe('personal data in a text', () => {
  it.each([
    ['e-mail address', 'jane@example.com'],
    ['e-mail address', 'from Jane.Doe+x@mail.example.co.uk, today'],
    ['e-mail address', 'mailto:jane@example.com'],
    ['e-mail address', 'jane%40example.com'],
    ['e-mail address', '100% jane%40example.com'],
    ['e-mail address', '%ff jane%40example.com'],
    ['e-mail address', 'jane\u200b@example.com'],
    ['e-mail address', 'ｊａｎｅ＠example.com'],
    ['e-mail address', 'jörg@exämple.de'],
    ['e-mail address', 'jane@example.xn--p1ai'],
    ['phone number', '+16505551212'],
    ['phone number', '+353 1 234 5678'],
    ['phone number', 'call +1 (650) 555-1212 now'],
    ['phone number', '+44 (0)20 7946 0958'],
    ['phone number', 'tel:+4930901820'],
    ['phone number', '%2B353%201%20234%205678'],
    ['phone number', '(650) 555-1212'],
    ['phone number', '650-555-1212'],
    ['phone number', '650\u2011555\u20111212'],
    ['phone number', '650.555.1212'],
    ['phone number', '1-800-555-1212'],
    ['phone number', '020 7946 0958'],
    ['phone number', '(01) 234 5678 9'],
    ['phone number', '06 12 34 56 78'],
    ['phone number', '00353 1 234 5678'],
    ['phone number', 'call 0871234567'],
    ['phone number', '07911123456'],
    ['phone number', '00353871234567'],
    ['phone number', '٠٨٧ ١٢٣ ٤٥٦٧'],
    ['phone number', '+९१ ९८७६५ ४३२१०'],
    ['card number', '4111111111111111'],
    ['card number', '4111 1111 1111 1111'],
    ['card number', 'paid with 5555-5555-5555-4444, 12/27'],
    ['card number', '4111 1111 1111 1111 12 27'],
    ['card number', '378282246310005'],
    ['card number', '3782 822463 10005'],
    ['card number', '6011111111111117'],
    ['card number', '2223003122003222'],
    ['card number', '4222222222222'],
    ['IP address', '192.168.0.1'],
    ['IP address', 'seen from 203.0.113.255.'],
    ['IP address', '203.0.113.7:443'],
    ['IP address', '2001:db8::1'],
    ['IP address', 'ip:2001:0db8:0000:0000:0000:ff00:0042:8329'],
    ['IP address', '[fe80::1]:8080'],
    ['IP address', '::ffff:203.0.113.7'],
  ])('%s: %j', (kind, text) => expect(personalDataIn(text)).toBe(kind));

  it.each([
    '',
    'website',
    'true',
    'WINTER-2024',
    'en-US',
    '1.2.3',
    'v1.2.3.4',
    '120.0.6099.109',
    '1.0.0+20261122103045',
    '10.15.7',
    '999.1.1.1',
    '1.2.3.4.5',
    '2026-11-22',
    '2026-11-22T10:20:30.123Z',
    '2026-11-22T10:20:30+01:00',
    '2026-11-22 10:20:30 +0100',
    '22.11.2026 10:30',
    '01.02.2026',
    '01-02-2026 10',
    '10:20:30',
    '12345678',
    '1234-5678',
    'order 00123456',
    'order 0012345678',
    '0.0871234567',
    '087123456',
    '1700000000000',
    '20261122102030',
    '4111111111111112',
    'std::vector',
    'Foo::Bar',
    '00:1a:2b:3c:4d:5e',
    '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    '41111111-1111-4111-8111-111111111111',
    'a@b',
    '@scope/pkg@1.2.3',
    '3 @ 4.50',
    '1920x1080',
    '100%',
    '%zz',
    'Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.6099.109',
  ])('none: %j', (text) => expect(personalDataIn(text)).toBeNull());

  it('is not seen in ids and hashes', () => {
    for (let n = 0; n < 2_000; n++) {
      const hash = createHash('sha256').update(String(n));
      for (const text of [randomUUID(), hash.copy().digest('hex'), hash.digest('hex').slice(0, 32)])
        expect([text, personalDataIn(text)]).toEqual([text, null]);
    }
  });

  it('is not seen in dates, versions and short numbers', () => {
    const at = fc.date({ min: new Date('1970-01-01'), max: new Date('2100-01-01'), noInvalidDate: true });
    const version = fc.tuple(fc.nat(99), fc.nat(999), fc.nat(9_999)).map((parts) => parts.join('.'));
    const short = fc.nat(99_999_999).map(String);
    const text = fc.oneof(
      at.map((date) => date.toISOString()),
      at.map((date) => date.toISOString().slice(0, 10)),
      version,
      short,
    );
    fc.assert(fc.property(text, (each) => personalDataIn(each) === null));
  });

  it('is seen wherever it stands', () => {
    const before = fc.constantFrom('', ' ', 'a word ', ', ', '(', '"', ' - ', '\n', 'https://example.com/?q=');
    const after = fc.constantFrom('', ' ', ' a word', ', ', ')', '"', ' - ', '\n', '.', '&x=y');
    const digits = (min: number, max: number) => fc.stringMatching(new RegExp(`^[1-9]\\d{${min - 1},${max - 1}}$`));
    const octet = fc.nat(255);
    const kinds = fc.oneof(
      fc.emailAddress().filter((email) => /^[\w.+-]+@/.test(email)),
      digits(8, 15).map((number) => `+${number}`),
      fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.')),
      fc.ipV6().filter((ip) => /^[\da-f:]*\d[\da-f:]*$/i.test(ip) && ip !== '::'),
      fc.stringMatching(/^[3-6]\d{14}$/).map(withCheckDigit),
    );
    fc.assert(
      fc.property(before, kinds, after, (...parts) => personalDataIn(parts.join('')) !== null),
      {
        numRuns: 2_000,
      },
    );
  });

  it('is looked for in little time, whatever the text', () => {
    const startedAt = performance.now();
    for (const part of ['a', '1', '1 ', '4111-', '0 ', '+1', ':', 'f:', '.', '1.', '@', 'a@', '(', '%41', '%', '01-'])
      personalDataIn(part.repeat(2_048 / part.length));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('is named by kind and never repeated', () => {
    expect(personalDataError('/attributes/source', 'jane@example.com')).toEqual({
      pointer: '/attributes/source',
      rule: 'personalData',
      message:
        'must not hold an e-mail address: send it as `email` when the guest is created, where it is hashed, or leave it out',
    });
    expect(personalDataError('/x', '4111111111111111')?.message).toBe('must not hold a card number: leave it out');
    const description = personalDataError('/description', 'of jane@example.com', LEAVE_OUT);
    expect(description?.message).toBe('must not hold an e-mail address: leave it out');
    expect(personalDataError('/x', 'website')).toBeNull();
  });
});

function withCheckDigit(body: string): string {
  const sum = [...body].reverse().reduce((total, digit, at) => {
    const doubled = Number(digit) * (at % 2 === 0 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}
