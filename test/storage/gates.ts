import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { Database } from '../../src/adapters/storage/database.js';
import { openEmbedded } from '../../src/adapters/storage/embedded/embedded.engine.js';
import type { EmbeddedOptions } from '../../src/adapters/storage/embedded/embedded.engine.js';
import { migrate } from '../../src/adapters/storage/migrations.js';
import { openStorage, storageOn } from '../../src/adapters/storage/storage.js';
import type { Storage } from '../../src/adapters/storage/storage.js';
import { checkChain } from '../../src/modules/audit/audit.js';
import type { Entry, Subject } from '../../src/modules/audit/audit.js';
import { changeGuest, createGuest } from './create.js';
import { newDataDir } from './test-storage.js';

/**
 * What decides whether the embedded engine stays the default: each of these once failed with the engine as shipped, or could with its next
 * version. The suite runs them in short, `npm run gates` in full.
 */

export type Survival = {
  readonly acknowledged: number;
  readonly lost: number;
  readonly torn: number;
  readonly broken: number;
};

/** Kills a writing process again and again, and looks whether anything it had acknowledged is missing, half written or out of chain. */
export async function killAgainAndAgain(kills: number, mostUnits: number): Promise<Survival> {
  const dataDir = await newDataDir();
  const secret = randomBytes(32);
  const acknowledged = new Map<string, number>();
  const total = { acknowledged: 0, lost: 0, torn: 0, broken: 0 };
  try {
    for (let kill = 0; kill < kills; kill++) {
      const units = 50 + Math.floor(Math.random() * mostUnits);
      await writeUntilKilled(dataDir, secret, units, kill % 2 === 1, acknowledged);
      const storage = await openStorage({ dataDir, dataKeys: [{ id: 'test', secret }] });
      try {
        const found = await inspect(storage, acknowledged);
        total.lost += found.lost;
        total.torn += found.torn;
        total.broken += found.broken;
      } finally {
        await storage.close();
      }
    }
    return { ...total, acknowledged: [...acknowledged.values()].reduce((sum, version) => sum + version, 0) };
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function writeUntilKilled(
  dataDir: string,
  secret: Buffer,
  units: number,
  checkpoints: boolean,
  acknowledged: Map<string, number>,
): Promise<void> {
  const writer = spawn(
    process.execPath,
    [
      '-r',
      join(__dirname, 'register.js'),
      join(__dirname, 'writer.ts'),
      dataDir,
      secret.toString('hex'),
      checkpoints ? '40' : '0',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const gone = once(writer, 'exit');
  let said = '';
  for await (const chunk of writer.stdout) {
    said += String(chunk);
    if (said.split('\n').length > units) writer.kill('SIGKILL');
  }
  const [code, signal] = (await gone) as [number | null, string | null];
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${code}`);
  const lines = said.split('\n').slice(0, -1);
  for (const line of lines) {
    const [id, version] = line.split(' ') as [string, string];
    acknowledged.set(id, Math.max(acknowledged.get(id) ?? 0, Number(version)));
  }
}

async function inspect(
  storage: Storage,
  acknowledged: ReadonlyMap<string, number>,
): Promise<Omit<Survival, 'acknowledged'>> {
  const { rows: guests } = await storage.database.query<{ id: string; version: number }>({
    name: 'gate.guests',
    text: 'select id, version from guest',
  });
  const present = new Map(guests.map(({ id, version }) => [id, version]));
  const lost = [...acknowledged].filter(([id, version]) => (present.get(id) ?? 0) < version).length;
  // One unit writes all of these, so they are there together or not at all.
  const { rows: torn } = await storage.database.query({
    name: 'gate.torn',
    text: `select id from guest g where version <> (select sequence from audit_head where subject = 'guest:' || g.id)
        or version <> (select count(*) from audit_entry where subject = 'guest:' || g.id)
        or version <> (select count(*) from metric_event where guest_id = g.id)
        or version <> (select r.version from crm_record r where guest_id = g.id)
        or not exists (select from session where guest_id = g.id)
        or not exists (select from outbox where subject = g.id::text)
        or not exists (select from subject_key where subject = 'guest:' || g.id)
      union all select guest_id from metric_event m where not exists (select from guest where id = m.guest_id)`,
  });
  return { lost, torn: torn.length, broken: await brokenChains(storage) };
}

async function brokenChains(storage: Storage): Promise<number> {
  const chains = new Map<Subject, Entry[]>();
  let cursor: string | null = null;
  do {
    const page = await storage.audit.list({ limit: 1_000, ...(cursor === null ? {} : { cursor }) });
    for (const entry of page.items) chains.set(entry.subject, [...(chains.get(entry.subject) ?? []), entry]);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return [...chains].filter(([subject, entries]) => !checkChain(subject, entries).ok).length;
}

const anyOf = <T>(many: readonly T[]): T => many[Math.floor(Math.random() * many.length)]!;

export type Fuzz = { readonly queries: number; readonly refused: number; readonly wrong: readonly string[] };

/** Good and bad queries in disorder on one pool, every answer tagged: a query that is given another query's answer is noticed. */
export async function fuzzProtocol(pool: pg.Pool, queries: number): Promise<Fuzz> {
  await pool.query(
    'create table fuzz (tag text primary key, parent text references fuzz deferrable initially deferred)',
  );
  let refused = 0;
  const wrong: string[] = [];
  const expectTag = async (tag: string, answer: Promise<pg.QueryResult<{ tag: string }>>): Promise<void> => {
    const got = (await answer).rows[0]?.tag;
    if (got !== tag) wrong.push(`${tag} was answered with ${got}`);
  };
  const expectRefusal = async (code: string, answer: Promise<unknown>): Promise<void> => {
    refused++;
    const got = await answer.then(
      () => 'an answer',
      (error: pg.DatabaseError) => error.code,
    );
    if (got !== code) wrong.push(`${code} was answered with ${got}`);
  };
  const single: readonly ((tag: string, on: pg.Pool | pg.PoolClient) => Promise<void>)[] = [
    (tag, on) => expectTag(tag, on.query('select $1::text as tag', [tag])),
    (tag, on) => expectTag(tag, on.query({ name: 'fuzz.named', text: 'select $1::text as tag, 1', values: [tag] })),
    (tag, on) => expectTag(tag, on.query(`select '${tag}' as tag`)),
    (tag, on) => expectTag(tag, on.query(`select $1::text as tag, repeat('x', 300000)`, [tag])),
    (tag, on) => expectTag(tag, on.query('select $1::text as tag, $2::text as big', [tag, 'y'.repeat(200_000)])),
    (tag, on) => expectTag(tag, on.query('insert into fuzz values ($1) returning tag', [tag])),
    (_, on) => expectRefusal('42601', on.query('selct 1')),
    (_, on) => expectRefusal('42P01', on.query('select $1::text from nowhere', ['x'])),
    (_, on) => expectRefusal('22P02', on.query('select $1::int as tag', ['no number'])),
    (_, on) => expectRefusal('22012', on.query('select 1 / $1::int as tag', [0])),
    (_, on) => expectRefusal('22012', on.query({ name: 'fuzz.zero', text: 'select 1 / $1::int as tag', values: [0] })),
    (_, on) => expectRefusal('22012', on.query('select 1; select 1 / 0; select 2')),
    (_, on) => expectRefusal('08P01', on.query('select $1::text, $2::text', ['one'])),
    (tag, on) => expectRefusal('23503', on.query('insert into fuzz values ($1, $2)', [tag, 'nobody'])),
  ];
  const kinds: readonly ((tag: string) => Promise<void>)[] = [
    ...single.map((kind) => (tag: string) => kind(tag, pool)),
    // Several on one connection, none of which waits for the answer to the one before.
    async (tag) => {
      const client = await pool.connect();
      try {
        await Promise.all(Array.from({ length: 8 }, (_, n) => anyOf(single)(`${tag} ${n}`, client)));
      } finally {
        client.release();
      }
    },
    async (tag) => {
      const client = await pool.connect();
      try {
        await Promise.all([
          client.query('begin'),
          expectTag(tag, client.query({ name: 'fuzz.named', text: 'select $1::text as tag, 1', values: [tag] })),
          expectRefusal('22012', client.query('select 1 / $1::int as tag', [0])),
          expectRefusal('25P02', client.query('select $1::text as tag', [tag])),
          client.query('rollback'),
          expectTag(tag, client.query('select $1::text as tag', [tag])),
        ]);
      } finally {
        client.release();
      }
    },
    async (tag) => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await expectTag(tag, client.query('select $1::text as tag', [tag]));
        await client.query('insert into fuzz values ($1, $2)', [tag, 'nobody']);
        await expectRefusal('23503', client.query('commit'));
      } finally {
        client.release();
      }
    },
    async (tag) => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await expectRefusal('22012', client.query('select 1 / 0'));
        await expectRefusal('25P02', client.query('select $1::text as tag', [tag]));
        await client.query('rollback');
      } finally {
        client.release();
      }
    },
  ];
  const inFlight = new Set<Promise<void>>();
  for (let n = 0; n < queries; n++) {
    const query = anyOf(kinds)(`${n} ${randomUUID()}`).catch((error: unknown) => void wrong.push(String(error)));
    inFlight.add(query);
    void query.finally(() => inFlight.delete(query));
    if (inFlight.size >= 16) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  return { queries, refused, wrong };
}

export type Growth = { readonly writes: number; readonly walMegabytes: number; readonly deadRows: number };

/** Writes and rewrites for long, and looks at the largest the log of changes and the number of dead rows ever were. */
export async function writeForLong(writes: number, plan?: EmbeddedOptions['housekeeping']): Promise<Growth> {
  const dataDir = await newDataDir();
  const engine = await openEmbedded({ dataDir, ...(plan ? { housekeeping: plan } : {}) });
  try {
    await migrate(engine.writes);
    const storage = storageOn(new Database(engine), { dataKeys: [{ id: 'test', secret: randomBytes(32) }] });
    const guests: string[] = [];
    for (let n = 0; n < 200; n++) guests.push((await createGuest(storage)).id);
    let done = 0;
    let walMegabytes = 0;
    let deadRows = 0;
    const watch = setInterval(() => {
      walMegabytes = Math.max(walMegabytes, sizeOf(join(dataDir, 'postgres', 'pg_wal')) / 1024 ** 2);
      void storage.database
        .query<{ dead: number }>({ name: 'gate.dead', text: 'select max(n_dead_tup) as dead from pg_stat_user_tables' })
        .then(({ rows }) => (deadRows = Math.max(deadRows, rows[0]!.dead)));
    }, 500);
    await Promise.all(
      Array.from({ length: 48 }, async () => {
        while (done < writes) {
          const id = guests[done++ % guests.length]!;
          await changeGuest(storage, id);
          await storage.outbox.put({ topic: 'gate', subject: id });
          if (done % 25 === 0)
            for (const intent of await storage.outbox.claim('gate', 50, 1_000)) await storage.outbox.done(intent);
        }
      }),
    );
    clearInterval(watch);
    await storage.close();
    return { writes: done, walMegabytes: Math.round(walMegabytes), deadRows };
  } finally {
    await engine.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const sizeOf = (directory: string): number =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + (statSync(join(directory, entry.name), { throwIfNoEntry: false })?.size ?? 0), 0);
