import { Logger } from '@nestjs/common';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newDataDir } from '../../../../test/storage/test-storage.js';
import { DurableNodeFS } from './durable-fs.js';
import { openEmbedded } from './embedded.engine.js';
import { NodeFS } from './pglite.js';

Logger.overrideLogger(false);

describe('the embedded engine', () => {
  let dataDir: string;
  beforeAll(async () => void (dataDir = await newDataDir()), 120_000);
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it('brings every commit to disk', async () => {
    const engine = await openEmbedded({ dataDir });
    await engine.reads.query('create table if not exists note (text text)');
    for (let n = 0; n < 3; n++) {
      const before = engine.syncs;
      await engine.reads.query('insert into note values ($1)', [String(n)]);
      expect(engine.syncs).toBeGreaterThan(before);
    }
    const before = engine.syncs;
    await engine.reads.query('select * from note');
    expect(engine.syncs).toBe(before);
    await engine.close();
  });

  it('refuses to start when commits do not reach the disk', async () => {
    // As the next PGlite might have it: nobody calls what we patched.
    const sync = jest.spyOn(DurableNodeFS.prototype, 'init').mockImplementation(function (
      this: DurableNodeFS,
      ...args
    ) {
      return NodeFS.prototype.init.call(this, ...args);
    });
    await expect(openEmbedded({ dataDir })).rejects.toThrow('does not bring commits to disk');
    sync.mockRestore();
    await (await openEmbedded({ dataDir })).close();
  });

  it('answers nothing any more once the disk has refused, and everything that was answered is there afterwards', async () => {
    const engine = await openEmbedded({ dataDir });
    await engine.reads.query('create table if not exists kept (n int)');
    await engine.reads.query('insert into kept values (1)');
    const { files } = engine as unknown as { files: { reach: () => void } };
    files.reach = () => {
      throw new Error('EIO');
    };
    for (const query of ['insert into kept values (2)', 'select 1', 'insert into kept values (3)'])
      await expect(engine.reads.query(query)).rejects.toThrow('the disk refused');
    await engine.close();
    const again = await openEmbedded({ dataDir });
    const { rows } = await again.reads.query<{ n: number }>('select n from kept order by n');
    expect(rows[0]).toEqual({ n: 1 });
    await again.close();
  });

  it('lets nobody else open its directory, in this process or another, until it is closed', async () => {
    const engine = await openEmbedded({ dataDir });
    const inUse = { code: 'storage.in_use' };
    await expect(openEmbedded({ dataDir })).rejects.toMatchObject(inUse);
    const attempt = `require(${JSON.stringify(join(__dirname, 'embedded.engine.ts'))}).openEmbedded({ dataDir: process.argv[1] })
      .then(() => process.exit(0), (error) => { console.log(error.code); process.exit(3); })`;
    const register = join(__dirname, '../../../../test/storage/register.js');
    const other = spawnSync(process.execPath, ['-r', register, '-e', attempt, dataDir], { encoding: 'utf8' });
    expect(other).toMatchObject({ status: 3, stdout: 'storage.in_use\n' });
    await engine.close();
    await (await openEmbedded({ dataDir })).close();
  }, 60_000);

  it('makes a database where there is none, and leaves nothing half made', async () => {
    const fresh = mkdtempSync(join(tmpdir(), 'guest-manager-'));
    // What a first boot leaves that was killed.
    mkdirSync(join(fresh, 'deep', 'down', 'postgres.unfinished-abc', 'base'), { recursive: true });
    const engine = await openEmbedded({ dataDir: join(fresh, 'deep', 'down') });
    await engine.reads.query('select 1');
    await engine.close();
    expect(readdirSync(join(fresh, 'deep', 'down'))).toEqual(['postgres']);
    rmSync(fresh, { recursive: true, force: true });
  }, 120_000);
});
