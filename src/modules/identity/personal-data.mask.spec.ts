import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { maskPersonalData } from './personal-data.mask.js';
import { personalDataIn } from './personal-data.js';

describe('a mask', () => {
  it.each([
    ['ask jane.doe+x@mail.example.com, today', 'ask [email] today'],
    [`ask o'brien@example.com`, 'ask [email]'],
    ['call +1 (650) 555-1212 now', 'call [phone] now'],
    ['020 7946 0958 or 06 12 34 56 78', '[phone] or [phone]'],
    ['paid with 5555-5555-5555-4444, 12/27', 'paid with [card], 12/27'],
    ['4111 1111 1111 1111 12 27', '[card]'],
    ['from 192.0.2.17 and 2001:db8::1', 'from [ip] and [ip]'],
    ['jane@example.com +353 1 234 5678', '[email] [phone]'],
    ['jane%40example.com', '[email]'],
    ['ｊａｎｅ＠example.com', '[email]'],
    ['tel %2B353%201%20234%205678', '[phone]'],
    ['WINTER-2024', 'WINTER-2024'],
    ['1.0.0+20261122 on 01.02.2026', '1.0.0+20261122 on 01.02.2026'],
  ])('of %j is %j', (text, mask) => expect(maskPersonalData(text)).toBe(mask));

  it('leaves an id beside a number as it is', () => {
    const id = randomUUID();
    expect(maskPersonalData(`${id} 650-555-1212`)).toBe(`${id} [phone]`);
  });

  it('leaves nothing that is found again, and nothing to mask twice', () => {
    const piece = fc.constantFrom(
      'jane@example.com',
      '+353 1 234 5678',
      '4111 1111 1111 1111',
      '192.0.2.17',
      '%40',
      '٣',
      ' ',
      '/',
      '-',
      '(0',
      'a',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 8 }), (pieces) => {
        const mask = maskPersonalData(pieces.join(''));
        expect(personalDataIn(mask)).toBeNull();
        expect(maskPersonalData(mask)).toBe(mask);
      }),
    );
  });
});
