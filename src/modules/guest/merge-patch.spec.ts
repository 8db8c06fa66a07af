import fc from 'fast-check';
import { leaves, mergePatch } from './merge-patch.js';
import type { Json, JsonObject } from './merge-patch.js';

describe('a merge patch', () => {
  // RFC 7396, appendix A.
  it.each<[Json, Json, Json]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('turns %j with %j into %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('changes nothing the second time', () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const once = mergePatch(target, patch);
        expect(mergePatch(once, patch)).toEqual(once);
      }),
    );
  });

  it('never reaches the prototype of anything', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":"yes"}}') as Json;
    mergePatch({}, patch);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('the leaves of an object', () => {
  it('are named by JSON pointers', () => {
    const object: JsonObject = { a: { 'b/c': 1, 'd~e': [2] }, f: null };
    expect([...leaves(object)]).toEqual([
      ['/a/b~1c', 1],
      ['/a/d~0e', [2]],
      ['/f', null],
    ]);
  });
});
