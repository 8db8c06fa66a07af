import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { Clock } from '../../src/kernel/clock.js';
import { openEmbedded } from '../../src/adapters/storage/embedded/embedded.engine.js';
import { migrate } from '../../src/adapters/storage/migrations.js';
import { openStorage, storageOn } from '../../src/adapters/storage/storage.js';
import type { Storage, StorageOptions } from '../../src/adapters/storage/storage.js';

/** A clock that stands still until it is moved. */
export class HandClock extends Clock {
  constructor(private at = new Date('2026-11-22T09:00:00.000Z')) {
    super();
  }

  now(): Date {
    return this.at;
  }

  advance(ms: number): void {
    this.at = new Date(this.at.getTime() + ms);
  }
}

/** A storage as one process has it, and the time as everybody there knows it. */
export type ProcessStorage = Storage & { readonly clock: HandClock };

export type TestStorage = ProcessStorage & {
  readonly options: StorageOptions;
  /** The same storage as another process has it; where only one process can open it, as another holder of leases. */
  openAnother(): Promise<ProcessStorage>;
};

/**
 * A storage of its own on real disk, gone when closed: the embedded database, or a new database on the server of `TEST_DATABASE_URL` if
 * `engine` says so.
 */
export async function openTestStorage(
  engine: 'embedded' | 'postgres' = 'embedded',
  more: Partial<StorageOptions> = {},
): Promise<TestStorage> {
  const clock = new HandClock();
  const place = engine === 'embedded' ? await newDirectory() : await newDatabase();
  const options = { clock, dataKeys: [{ id: 'test', secret: randomBytes(32) }], ...place.options, ...more };
  const storage = await openStorage(options);
  return {
    ...storage,
    clock,
    options,
    openAnother: async () =>
      engine === 'postgres'
        ? { ...(await openStorage(options)), clock }
        : { ...storageOn(storage.database, options), clock, close: async () => undefined },
    close: async () => {
      await storage.close();
      await place.remove();
    },
  };
}

type Place = { readonly options: Pick<StorageOptions, 'dataDir' | 'databaseUrl'>; remove(): Promise<void> };

async function newDirectory(): Promise<Place> {
  const dataDir = await newDataDir();
  return { options: { dataDir }, remove: async () => rmSync(dataDir, { recursive: true, force: true }) };
}

/** A data directory with an empty database in it. Making one takes seconds, so it is made once a machine and copied. */
export async function newDataDir(): Promise<string> {
  const template = await templateDirectory();
  const dataDir = mkdtempSync(join(tmpdir(), 'guest-manager-'));
  cpSync(template, dataDir, { recursive: true });
  return dataDir;
}

async function templateDirectory(): Promise<string> {
  const fingerprint = createHash('sha256');
  fingerprint.update(readFileSync(join(dirname(require.resolve('@electric-sql/pglite')), '..', 'package.json')));
  for (const file of readdirSync(MIGRATIONS).sort())
    fingerprint.update(file).update(readFileSync(join(MIGRATIONS, file)));
  const name = `guest-manager-template-${userInfo().uid}-${fingerprint.digest('hex').slice(0, 12)}`;
  const template = join(tmpdir(), name);
  if (existsSync(template)) return template;
  const unfinished = mkdtempSync(join(tmpdir(), 'guest-manager-template-'));
  const engine = await openEmbedded({ dataDir: unfinished });
  await migrate(engine.writes);
  await engine.close();
  try {
    renameSync(unfinished, template);
  } catch {
    // Another worker was quicker.
    rmSync(unfinished, { recursive: true, force: true });
  }
  return template;
}

const MIGRATIONS = join(__dirname, '../../src/adapters/storage/migrations');

/** A new database on the server of `TEST_DATABASE_URL`. */
export async function newDatabase(): Promise<Place> {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) throw new Error('TEST_DATABASE_URL names no server');
  const name = `guest_manager_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    options: { databaseUrl: url.href },
    remove: () => onServer(server, `drop database ${name} with (force)`),
  };
}

async function onServer(url: string, command: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(command);
  } finally {
    await client.end();
  }
}
