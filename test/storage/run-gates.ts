import { rmSync } from 'node:fs';
import { openEmbedded } from '../../src/adapters/storage/embedded/embedded.engine.js';
import { fuzzProtocol, killAgainAndAgain, writeForLong } from './gates.js';
import { newDataDir } from './test-storage.js';

/** The gates in full: `node -r ./test/storage/register.js test/storage/run-gates.ts [kills] [queries] [writes]`. */
async function main(): Promise<void> {
  const [kills = 20, queries = 20_000, writes = 200_000] = process.argv.slice(2).map(Number);
  const gate = (name: string, passed: boolean, facts: object): void => {
    console.log(passed ? 'passed' : 'FAILED', name, JSON.stringify(facts));
    if (!passed) process.exitCode = 1;
  };

  const dataDir = await newDataDir();
  const engine = await openEmbedded({ dataDir });
  const { wrong, ...fuzz } = await fuzzProtocol(engine.reads, queries);
  await engine.close();
  rmSync(dataDir, { recursive: true, force: true });
  gate('protocol', wrong.length === 0, { ...fuzz, wrong: wrong.slice(0, 5) });

  const survival = await killAgainAndAgain(kills, 1_500);
  gate('kill -9', survival.lost + survival.torn + survival.broken === 0, { kills, ...survival });

  const growth = await writeForLong(writes);
  gate('growth', growth.walMegabytes < 128 && growth.deadRows < 50_000, growth);
}

void main();
