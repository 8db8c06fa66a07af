import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

type Migration = { readonly number: number; readonly name: string; readonly sql: string; readonly checksum: string };

/** Any number, as long as it is always the same one. */
const LOCK = 7_305_491;

/**
 * Brings the schema up to date: every numbered file once, in order, each in a transaction of its own. Processes that start together
 * take turns.
 * @throws Error when a file that was applied has been changed since, or the database is ahead of this program
 */
export async function migrate(pool: pg.Pool, directory = join(__dirname, 'migrations')): Promise<void> {
  const migrations = readMigrations(directory);
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0; set lock_timeout = 0');
    await client.query(patiently(`select pg_advisory_lock(${LOCK})`));
    try {
      await client.query(`create table if not exists migration (
        number integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`);
      const { rows } = await client.query<{ number: number; checksum: string }>(
        'select number, checksum from migration',
      );
      const applied = new Map(rows.map((row) => [row.number, row.checksum]));
      refuseSurprises(migrations, applied);
      for (const migration of migrations) if (!applied.has(migration.number)) await apply(client, migration);
    } finally {
      await client.query('select pg_advisory_unlock($1)', [LOCK]);
    }
  } finally {
    await client.query('reset statement_timeout; reset lock_timeout');
    client.release();
  }
}

function readMigrations(directory: string): Migration[] {
  return readdirSync(directory)
    .filter((file) => /^\d{4}_.+\.sql$/.test(file))
    .sort()
    .map((name) => {
      const sql = readFileSync(join(directory, name), 'utf8');
      // A checkout may end its lines as its system likes.
      const checksum = createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex');
      return { number: Number(name.slice(0, 4)), name, sql, checksum };
    });
}

function refuseSurprises(migrations: readonly Migration[], applied: ReadonlyMap<number, string>): void {
  const known = new Map(migrations.map((migration) => [migration.number, migration]));
  for (const [number, checksum] of applied) {
    const migration = known.get(number);
    if (migration === undefined)
      throw new Error(`The database was migrated by a newer version of this program (migration ${number}).`);
    if (migration.checksum !== checksum)
      throw new Error(
        `Migration ${migration.name} was applied already and has been changed since. Add a new one instead.`,
      );
  }
}

async function apply(client: pg.PoolClient, { number, name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(patiently(sql));
    await client.query('insert into migration (number, name, checksum) values ($1, $2, $3)', [number, name, checksum]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** For what may rightly take longer than anything a request waits for. */
const patiently = (text: string): pg.QueryConfig => ({ text, query_timeout: 24 * 3_600_000 }) as pg.QueryConfig;
