import { Pace } from './pace.js';

describe('Pace', () => {
  it('lets a burst through at once and the rest when there is room', async () => {
    const pace = new Pace([{ count: 3, perMs: 200 }]);
    const startedAt = performance.now();
    const at: number[] = [];
    const turn = async (): Promise<void> => {
      await pace.turn(1_000);
      at.push(performance.now() - startedAt);
    };
    await Promise.all(Array.from({ length: 7 }, turn));
    expect(at[2]).toBeLessThan(100);
    expect(at[3]).toBeGreaterThan(195);
    expect(at[6]).toBeGreaterThan(395);
  });

  it('counts what took long to arrive from when it had', async () => {
    const pace = new Pace([{ count: 1, perMs: 150 }]);
    const counted = await pace.turn(1_000);
    const next = pace.turn(1_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    counted();
    const countedAt = performance.now();
    await next;
    expect(performance.now() - countedAt).toBeGreaterThan(145);
  });

  it('rests when told to, also for those who wait already', async () => {
    const pace = new Pace([{ count: 1, perMs: 50 }]);
    await pace.turn(1_000);
    const next = pace.turn(1_000);
    const toldAt = performance.now();
    pace.rest(200);
    expect(pace.spareTurn()).toBe(false);
    await next;
    expect(performance.now() - toldAt).toBeGreaterThan(195);
  });

  it('keeps to the slowest of several rates', async () => {
    const pace = new Pace([
      { count: 2, perMs: 10 },
      { count: 4, perMs: 300 },
    ]);
    const startedAt = performance.now();
    for (let times = 0; times < 5; times++) await pace.turn(1_000);
    expect(performance.now() - startedAt).toBeGreaterThan(295);
  });

  it('spares turns for what may be left out only from the half that is free', async () => {
    const pace = new Pace([
      { count: 6, perMs: 200 },
      { count: 100, perMs: 60_000 },
    ]);
    expect(Array.from({ length: 5 }, () => pace.spareTurn())).toEqual([true, true, true, false, false]);
    const startedAt = performance.now();
    for (let times = 0; times < 3; times++) await pace.turn(0);
    expect(performance.now() - startedAt).toBeLessThan(100);
    expect(pace.spareTurn()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 220));
    expect(pace.spareTurn()).toBe(true);
  });

  it('does not hurry after the process was busy', async () => {
    const pace = new Pace([{ count: 1, perMs: 100 }]);
    const at: number[] = [];
    const turn = async (): Promise<void> => {
      await pace.turn(1_000);
      at.push(performance.now());
    };
    const turns = Promise.all([turn(), turn(), turn()]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    for (const until = performance.now() + 200; performance.now() < until;);
    await turns;
    expect(at[2]! - at[1]!).toBeGreaterThan(95);
  });

  it('says how long it would take when that is too long, and takes no place then', async () => {
    const pace = new Pace([{ count: 1, perMs: 5_000 }]);
    await pace.turn(0);
    await expect(pace.turn(100)).rejects.toMatchObject({ kind: 'throttled', code: 'genesys.paced' });
    const error = (await pace.turn(100).catch((thrown: unknown) => thrown)) as { retryAfterMs: number };
    expect(error.retryAfterMs).toBeLessThanOrEqual(5_000);
  });
});
