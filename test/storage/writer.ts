import { writeSync } from 'node:fs';
import { openStorage } from '../../src/adapters/storage/storage.js';
import { changeGuest, createGuest } from './create.js';

/**
 * A process to be killed: writes for ever with many callers, and says what was acknowledged, one line each, straight to the pipe, so that
 * what it said is known however it ends.
 */
const [dataDir, secret, checkpointMs] = process.argv.slice(2);
const CALLERS = 24;

async function main(): Promise<void> {
  const storage = await openStorage({
    dataDir: dataDir!,
    dataKeys: [{ id: 'test', secret: Buffer.from(secret!, 'hex') }],
  });
  if (Number(checkpointMs) > 0)
    setInterval(() => void storage.database.engine.reads.query('checkpoint'), Number(checkpointMs));
  const say = (id: string, version: number): void => void writeSync(1, `${id} ${version}\n`);
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      for (;;) {
        const { id, version } = await createGuest(storage);
        say(id, version);
        if (Math.random() < 0.4) say(id, (await changeGuest(storage, id)).version);
      }
    }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
