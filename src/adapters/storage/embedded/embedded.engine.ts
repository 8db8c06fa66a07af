import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { PLANNER, types } from '../database.js';
import type { Engine } from '../database.js';
import { lockDirectory } from './directory-lock.js';
import type { DirectoryLock } from './directory-lock.js';
import { DurableNodeFS } from './durable-fs.js';
import { makeDatabase } from './first-boot.js';
import { Housekeeping } from './housekeeping.js';
import type { HousekeepingPlan } from './housekeeping.js';
import { PGlite } from './pglite.js';
import { PGliteStream } from './pglite-stream.js';

export type EmbeddedOptions = {
  readonly dataDir: string;
  readonly housekeeping?: Partial<HousekeepingPlan>;
};

const logger = new Logger('storage');

const DURABLE = ['fsync=on', 'wal_sync_method=fsync'];
/** Figures about a table are made on the event loop's own thread, from a sample so many times 300 rows large. */
const SMALL = ['shared_buffers=64MB', 'max_wal_size=96MB', 'min_wal_size=32MB', 'default_statistics_target=10'];
const START = [
  // `-F` is fsync=off.
  ...PGlite.defaultStartParams.filter((parameter) => parameter !== '-F'),
  ...[...DURABLE, ...SMALL, ...PLANNER].flatMap((setting) => ['-c', setting]),
];

/** PostgreSQL inside this process, on disk under `dataDir`. One process at a time. */
export async function openEmbedded({ dataDir, housekeeping }: EmbeddedOptions): Promise<EmbeddedEngine> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  let lost = (): void => undefined;
  const lock = await lockDirectory(dataDir, () => lost());
  try {
    const directory = join(dataDir, 'postgres');
    await makeDatabase(directory);
    const files = new DurableNodeFS(directory);
    lost = () => {
      logger.error('another process has taken the data directory over');
      files.failure ??= new Error('another process has taken the data directory over');
    };
    const database = await PGlite.create({ fs: files, startParams: START });
    const engine = new EmbeddedEngine(lock, files, database);
    try {
      await engine.proveDurable();
      engine.keepHouse(housekeeping);
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  } catch (error) {
    await lock.release();
    throw error;
  }
}

export class EmbeddedEngine implements Engine {
  readonly name = 'embedded';
  readonly reads: pg.Pool;
  readonly writes: pg.Pool;
  private housekeeping: Housekeeping | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly lock: DirectoryLock,
    private readonly files: DurableNodeFS,
    private readonly database: PGlite,
  ) {
    // There is one session in a PGlite, so there is one connection, for ever.
    this.reads = this.writes = new pg.Pool({
      stream: () => new PGliteStream(this.database, () => this.files.failure),
      max: 1,
      pipeline: true,
      idleTimeoutMillis: 0,
      user: 'postgres',
      database: 'postgres',
      host: 'localhost',
      ssl: false,
      types,
    });
    this.reads.on('error', ({ message }) => logger.error('embedded connection broke', { reason: message }));
  }

  /** How often something was brought to disk since the start. */
  get syncs(): number {
    return this.files.syncs;
  }

  /** @throws Error when a commit does not reach the disk: then nothing this engine promises would hold. */
  async proveDurable(): Promise<void> {
    const before = this.syncs;
    await this.reads.query(`select pg_logical_emit_message(true, 'guest-manager', 'started')`);
    const { rows } = await this.reads.query<{ fsync: string }>('show fsync');
    if (this.syncs === before || rows[0]?.fsync !== 'on')
      throw new Error(
        'The embedded database does not bring commits to disk: refusing to start. Use DATABASE_URL instead.',
      );
  }

  keepHouse(plan?: Partial<HousekeepingPlan>): void {
    this.housekeeping = new Housekeeping(this.reads, () => this.syncs, plan);
  }

  close(): Promise<void> {
    return (this.closing ??= this.shutDown());
  }

  private async shutDown(): Promise<void> {
    await this.housekeeping?.stop();
    // So that the next start has nothing to recover. If it fails, the log of changes still holds everything.
    await this.reads.query('checkpoint').catch((error: unknown) => logger.warn('no checkpoint at the end', { error }));
    await this.reads.end();
    await this.database.close();
    await this.lock.release();
  }
}
