import { Logger } from '@nestjs/common';
import { rmSync } from 'node:fs';
import { fuzzProtocol, killAgainAndAgain, writeForLong } from '../../../../test/storage/gates.js';
import { newDataDir } from '../../../../test/storage/test-storage.js';
import { openEmbedded } from './embedded.engine.js';

Logger.overrideLogger(false);

/** In short; in full they are `test/storage/run-gates.ts`. */
describe('the embedded engine, under strain', () => {
  it('gives every query its own answer, however many before it failed', async () => {
    const dataDir = await newDataDir();
    const engine = await openEmbedded({ dataDir });
    const { wrong, refused } = await fuzzProtocol(engine.reads, 3_000);
    expect(wrong).toEqual([]);
    expect(refused).toBeGreaterThan(1_200);
    await engine.close();
    rmSync(dataDir, { recursive: true, force: true });
  }, 120_000);

  it('loses nothing it has acknowledged when it is killed', async () => {
    const survival = await killAgainAndAgain(3, 200);
    expect(survival).toMatchObject({ lost: 0, torn: 0, broken: 0 });
    expect(survival.acknowledged).toBeGreaterThanOrEqual(150);
  }, 240_000);

  it('keeps its log short and its tables tidy while it writes for long', async () => {
    const housekeeping = { lookMs: 50, checkpointBytes: 1024 ** 2, tidyMs: 100, tidyRows: 100 };
    const { walMegabytes, deadRows } = await writeForLong(4_000, housekeeping);
    expect(walMegabytes).toBeLessThan(128);
    // How many come between two rounds depends on the machine; left alone there would be one a write.
    expect(deadRows).toBeLessThan(2_500);
  }, 120_000);
});
