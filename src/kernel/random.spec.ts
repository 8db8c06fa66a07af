import { randomBytes } from './random.js';

describe('random bytes', () => {
  it('are never handed out twice, whatever sizes are asked for', () => {
    const sizes = Array.from({ length: 4_000 }, (_, at) => 12 + (at % 40));
    const made = sizes.map((size) => randomBytes(size));
    expect(made.map((bytes) => bytes.length)).toEqual(sizes);
    expect(new Set(made.map((bytes) => bytes.subarray(0, 12).toString('hex'))).size).toBe(sizes.length);
  });

  it('do not change when more are asked for', () => {
    const bytes = randomBytes(32);
    const copy = bytes.toString('hex');
    for (let at = 0; at < 500; at++) randomBytes(32).fill(7);
    expect(bytes.toString('hex')).toBe(copy);
  });

  it('come in any number', () => {
    expect(randomBytes(0)).toHaveLength(0);
    expect(randomBytes(100_000)).toHaveLength(100_000);
  });
});
