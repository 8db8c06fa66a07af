import { Logger } from '@nestjs/common';
import pg from 'pg';
import { PLANNER, types } from './database.js';
import type { Engine } from './database.js';

export type PostgresOptions = {
  readonly url: string;
  /** Connections for reading; one more writes. */
  readonly connections?: number;
};

const OLDEST_VERSION = 15;
const logger = new Logger('storage');

/** A PostgreSQL server by URL, shared by as many processes as needed. */
export async function openPostgres({ url, connections = 10 }: PostgresOptions): Promise<Engine> {
  const pool = (max: number, pipeline: boolean): pg.Pool => {
    const made = new pg.Pool({
      connectionString: url,
      max,
      pipeline,
      types,
      application_name: 'guest-manager',
      options: PLANNER.map((setting) => `-c ${setting}`).join(' '),
      connectionTimeoutMillis: 2_000,
      statement_timeout: 15_000,
      // For a server that does not even answer that the time is over. Counted from when a statement was sent: in a pipeline others may be before it.
      query_timeout: pipeline ? 60_000 : 20_000,
      lock_timeout: 5_000,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
    });
    made.on('error', ({ message }) => logger.warn('database connection broke', { reason: message }));
    return made;
  };
  const reads = pool(connections, false);
  const writes = pool(1, true);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= Promise.all([reads.end(), writes.end()]).then(() => undefined));
  try {
    const { rows } = await reads.query<{ server_version_num: string }>('show server_version_num');
    const version = Math.floor(Number(rows[0]?.server_version_num) / 10_000);
    if (version < OLDEST_VERSION)
      throw new Error(`PostgreSQL ${OLDEST_VERSION} or newer is needed; this is ${version}.`);
    return { name: 'postgres', reads, writes, close };
  } catch (error) {
    await close();
    throw error;
  }
}
