import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { newDataDir, newDatabase } from '../../../test/storage/test-storage.js';
import { openEmbedded } from './embedded/embedded.engine.js';
import { migrate } from './migrations.js';
import { openStorage } from './storage.js';

const hasServer = process.env['TEST_DATABASE_URL'] !== undefined;

describe('migrations', () => {
  let dataDir: string;
  let directory: string;
  let pool: pg.Pool;
  let close: () => Promise<void>;

  beforeAll(async () => {
    dataDir = await newDataDir();
    const engine = await openEmbedded({ dataDir });
    pool = engine.writes;
    close = () => engine.close();
  }, 120_000);
  afterAll(async () => {
    await close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'guest-manager-'));
    // One connection, so one search path: every test finds an empty database.
    await pool.query('drop schema if exists scratch cascade; create schema scratch; set search_path = scratch');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const file = (name: string, sql: string): void => writeFileSync(join(directory, name), sql);
  const applied = async (): Promise<string[]> =>
    (await pool.query<{ name: string }>('select name from migration order by number')).rows.map((row) => row.name);

  it('applies each file once, in order', async () => {
    file('0002_b.sql', 'alter table a add column n int; insert into a values (2)');
    file('0001_a.sql', 'create table a (id int); insert into a values (1)');
    file('readme.md', 'not sql');
    await migrate(pool, directory);
    await migrate(pool, directory);
    file('0003_c.sql', 'insert into a values (3)');
    await migrate(pool, directory);
    expect(await applied()).toEqual(['0001_a.sql', '0002_b.sql', '0003_c.sql']);
    expect((await pool.query('select id from a order by id')).rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it('keeps nothing of a file that fails, and everything of those before it', async () => {
    file('0001_a.sql', 'create table a (id int)');
    file('0002_b.sql', 'insert into a values (1); select 1 / 0');
    await expect(migrate(pool, directory)).rejects.toThrow('division by zero');
    expect(await applied()).toEqual(['0001_a.sql']);
    expect((await pool.query('select id from a')).rows).toEqual([]);
    file('0002_b.sql', 'insert into a values (1)');
    await migrate(pool, directory);
    expect(await applied()).toEqual(['0001_a.sql', '0002_b.sql']);
  });

  it('refuses to go on when a file was changed after it was applied, but not over line ends', async () => {
    file('0001_a.sql', 'create table a (id int);\n-- more\n');
    await migrate(pool, directory);
    file('0001_a.sql', 'create table a (id int);\r\n-- more\r\n');
    await migrate(pool, directory);
    file('0001_a.sql', 'create table a (id bigint);\n-- more\n');
    await expect(migrate(pool, directory)).rejects.toThrow('0001_a.sql was applied already and has been changed');
  });

  it('refuses a database that a newer program has migrated', async () => {
    file('0001_a.sql', 'create table a (id int)');
    file('0002_b.sql', 'create table b (id int)');
    await migrate(pool, directory);
    rmSync(join(directory, '0002_b.sql'));
    await expect(migrate(pool, directory)).rejects.toThrow('newer version');
  });

  it('knows since when guests from before are at rest', async () => {
    const ours = join(__dirname, 'migrations');
    const files = readdirSync(ours).sort();
    const at = files.indexOf('0009_lifecycle.sql');
    for (const name of files.slice(0, at)) copyFileSync(join(ours, name), join(directory, name));
    await migrate(pool, directory);
    const insert = `insert into guest (id, version, state, mode, created_at, document)
      values (gen_random_uuid(), 1, $1, 'server', '2026-01-01T00:00:00Z', $2)`;
    const modifiedDate = '2026-01-02T00:00:00.000Z';
    await pool.query(insert, ['active', { modifiedDate, closedDate: null }]);
    await pool.query(insert, ['closed', { modifiedDate, closedDate: '2026-01-03T00:00:00.000Z' }]);
    await pool.query(insert, ['erased', { modifiedDate, closedDate: null }]);
    copyFileSync(join(ours, files[at]!), join(directory, files[at]!));
    await migrate(pool, directory);
    const { rows } = await pool.query<{ state: string; day: number }>(
      `select state, extract(day from resting_since at time zone 'utc')::int as day from guest order by state`,
    );
    expect(rows.map(({ state, day }) => [state, day])).toEqual([
      ['active', 1],
      ['closed', 3],
      ['erased', 2],
    ]);
  });

  (hasServer ? it : it.skip)('lets processes that start together take turns', async () => {
    const database = await newDatabase();
    const { options } = database;
    const dataKeys = [{ id: 'test', secret: Buffer.alloc(32) }];
    const storages = await Promise.all([1, 2, 3, 4].map(() => openStorage({ ...options, dataKeys })));
    await Promise.all(storages.map((storage) => storage.close()));
    const client = new pg.Client({ connectionString: options.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ number: number }>('select number from migration order by number');
    await client.end();
    expect(rows.map((row) => row.number)).toEqual(rows.map((_, index) => index + 1));
    await database.remove();
  });
});
