import {
  IsArray,
  IsDefined,
  IsInt,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  validateSync,
} from 'class-validator';
import fc from 'fast-check';
import { instanceOf, keepsAllRules } from './shape.js';
import { MayBeAbsent, Nested, NestedList, QueryInt } from './validation.js';

class Leaf {
  @IsString()
  @MaxLength(3)
  name: string;
}

class Branch {
  @IsDefined()
  @IsString()
  label: string;

  @MayBeAbsent()
  @Matches(/^[a-c]+$/)
  word?: string;

  @IsOptional()
  @IsInt()
  count?: number | null;

  @MayBeAbsent()
  @Nested(() => Leaf)
  leaf?: Leaf;

  @MayBeAbsent()
  @NestedList(() => Leaf)
  leaves?: Leaf[];

  @MayBeAbsent()
  @IsArray()
  @IsString({ each: true })
  words?: string[];

  @MayBeAbsent()
  @Min(1)
  @Max(5)
  size?: number;
}

class Query {
  @MayBeAbsent()
  @QueryInt({ min: 1, max: 9 })
  limit?: number;
}

const OPTIONS = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true };

describe('the short way of checking', () => {
  const scalar = fc.oneof(
    fc.constantFrom(undefined, null, true, '', 'a', 'ab', 'abcd', 'xyz', 1, 3, 7, 1.5, NaN),
    fc.string(),
  );
  const leaf = fc.oneof(
    fc.record({ name: scalar }, { requiredKeys: [] }),
    fc.record({ name: scalar, other: scalar }),
    scalar,
    fc.array(scalar, { maxLength: 2 }),
  );
  const mostly = (good: fc.Arbitrary<unknown>, other: fc.Arbitrary<unknown>) =>
    fc.oneof({ weight: 6, arbitrary: good }, { weight: 1, arbitrary: other });
  const branch = fc.record(
    {
      label: mostly(fc.constant('b'), scalar),
      word: mostly(fc.constantFrom('a', 'cab'), scalar),
      count: mostly(fc.constantFrom(1, null), scalar),
      leaf: mostly(fc.constant({ name: 'ok' }), leaf),
      leaves: mostly(fc.constant([{ name: 'ok' }]), fc.oneof(fc.array(leaf, { maxLength: 3 }), leaf)),
      words: mostly(fc.array(fc.string()), fc.oneof(fc.array(scalar, { maxLength: 3 }), scalar)),
      size: mostly(fc.constant(2), scalar),
    },
    { requiredKeys: [] },
  );

  it('accepts exactly what class-validator finds no fault with', () => {
    let accepted = 0;
    fc.assert(
      fc.property(branch, (value) => {
        const faults = validateSync(instanceOf(Branch, value), OPTIONS);
        const accepts = keepsAllRules(instanceOf(Branch, value));
        if (accepts) accepted++;
        expect(accepts).toBe(faults.length === 0);
      }),
      { numRuns: 3_000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('needs no report for a good object', () => {
    const good = {
      label: 'b',
      word: 'abc',
      count: null,
      leaf: { name: 'x' },
      leaves: [{ name: 'y' }],
      words: ['z'],
      size: 5,
    };
    expect(keepsAllRules(instanceOf(Branch, good))).toBe(true);
    expect(keepsAllRules(instanceOf(Branch, { label: 'b' }))).toBe(true);
    expect(keepsAllRules(instanceOf(Query, { limit: '7' }))).toBe(true);
  });

  it('accepts no member that is not named', () => {
    expect(keepsAllRules(instanceOf(Branch, { label: 'b', other: 1 }))).toBe(false);
    expect(keepsAllRules(instanceOf(Branch, { label: 'b', leaf: { name: 'x', other: undefined } }))).toBe(false);
  });

  it('knows nothing of objects without rules', () => {
    expect(keepsAllRules({})).toBe(false);
  });
});
