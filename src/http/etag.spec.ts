import { AppError } from '../kernel/app-error.js';
import { etagOf, ifMatch, matches, notModified, parseEntityTags, requireIfMatch } from './etag.js';

const strong = (opaque: string) => ({ weak: false, opaque });
const weak = (opaque: string) => ({ weak: true, opaque });

describe('entity tags', () => {
  it('are made of a version', () => {
    expect(etagOf(7)).toBe('"7"');
  });

  it.each([
    ['*', '*'],
    [' * ', '*'],
    ['"1"', [strong('1')]],
    ['W/"1"', [weak('1')]],
    ['"1", "2" ,W/"3"', [strong('1'), strong('2'), weak('3')]],
    ['"1","2"', [strong('1'), strong('2')]],
    ['"a,b"', [strong('a,b')]],
    ['""', [strong('')]],
    [', "1", ,', [strong('1')]],
    ['"\\"', [strong('\\')]],
  ])('are read from %p', (value, tags) => {
    expect(parseEntityTags('If-Match', value)).toEqual(tags);
  });

  it.each(['1', '"1', '1"', '"1" "2"', 'w/"1"', 'W/ "1"', '*, "1"', '"a b"', '"a"b"', ',', ',,'])(
    'are not read from %p',
    (value) => {
      expect(() => parseEntityTags('If-Match', value)).toThrow(AppError);
      expect(() => parseEntityTags('If-Match', value)).toThrow(/^The If-Match header must be/);
    },
  );

  it('take no time to refuse', () => {
    const startedAt = performance.now();
    expect(() => parseEntityTags('If-Match', `${' ,'.repeat(8_000)}x`)).toThrow(AppError);
    expect(() => parseEntityTags('If-Match', `"${'x'.repeat(16_000)}`)).toThrow(AppError);
    expect(() => parseEntityTags('If-Match', ' '.repeat(16_000))).toThrow(AppError);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe('If-Match', () => {
  it('compares strongly: a weak tag matches nothing', () => {
    expect(matches(requireIfMatch('"7"'), 7)).toBe(true);
    expect(matches(requireIfMatch('"6", "7"'), 7)).toBe(true);
    expect(matches(requireIfMatch('W/"7"'), 7)).toBe(false);
    expect(matches(requireIfMatch('"07"'), 7)).toBe(false);
    expect(matches(requireIfMatch('*'), 7)).toBe(true);
  });

  it('may come in several lines', () => {
    expect(matches(requireIfMatch(['"6"', '"7"']), 7)).toBe(true);
  });

  it('is asked for where it is required, and may be left out elsewhere', () => {
    for (const absent of [undefined, '', []]) {
      expect(() => requireIfMatch(absent)).toThrow(
        expect.objectContaining({ code: 'http.precondition_required' }) as Error,
      );
      expect(ifMatch(absent)).toBeNull();
    }
    expect(ifMatch('"1"')).toEqual([strong('1')]);
  });
});

describe('If-None-Match', () => {
  it('compares weakly: what the reader has need only say the same', () => {
    expect(notModified('"7"', 7)).toBe(true);
    expect(notModified('W/"7"', 7)).toBe(true);
    expect(notModified('"6", W/"7"', 7)).toBe(true);
    expect(notModified('*', 7)).toBe(true);
    expect(notModified('"6"', 7)).toBe(false);
    expect(notModified(undefined, 7)).toBe(false);
  });
});
