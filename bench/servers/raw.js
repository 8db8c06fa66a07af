'use strict';
/**
 * Fastify and nothing else, on a database that the service filled: reads a guest by the service's statement, and writes what the service left when it
 * changed one and the CRM was told, one statement a table, in one durable transaction for up to 64 callers. Nothing is checked, merged, hashed or
 * delivered.
 */
const { setImmediate: nextTurn } = require('node:timers/promises');
const fastify = require('fastify');
const { footprintOf, insertInto } = require('../footprint');
const { built, serve, setting } = require('../serving');

const BATCH = 64;
const FIND = { name: 'guest.find', text: 'select document from guest where id = $1' };
const LOCK = { name: 'guest.lock', text: 'select document from guest where id = any($1::uuid[]) for update' };

/** @typedef {import('../footprint').Left} Left */

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const engine = await openEmbedded({ dataDir: setting('DATA_DIR') });
  const { id: exampleId, text: exampleText } = JSON.parse(setting('BENCH_EXAMPLE'));
  /** @type {Left[]} */
  const before = JSON.parse(setting('BENCH_BEFORE'));
  const statements = await changesOf(engine.reads, before, await footprintOf(engine.reads, exampleId));

  // The engine has one session: whoever holds it for writing keeps readers waiting.
  /** @type {import('pg').PoolClient | undefined} */
  let held;
  /** @type {{ id: string, resolve: (value?: unknown) => void, reject: (error: unknown) => void }[]} */
  const waiting = [];
  let working = false;
  let count = 1_000;
  const workOff = async () => {
    working = true;
    const connection = (held ??= await engine.writes.connect());
    while (waiting.length > 0) {
      await nextTurn();
      const batch = waiting.splice(0, BATCH);
      try {
        await connection.query('begin');
        await connection.query({ ...LOCK, values: [batch.map(({ id }) => id)] });
        for (const { rowsOf, ...statement } of statements) {
          const rows = batch.flatMap(({ id }) => rowsOf.map((rowOf) => rowOf(id, count++)));
          await connection.query({ ...statement, values: [`[${rows.join(',')}]`] });
        }
        await connection.query('commit');
        for (const member of batch) member.resolve();
      } catch (error) {
        for (const member of batch) member.reject(error);
        await connection.query('rollback');
      }
    }
    working = false;
  };

  const app = fastify();
  app.get('/v1/guests/:id', async (request) => {
    const { id } = /** @type {{ id: string }} */ (request.params);
    const { rows } = await engine.reads.query({ ...FIND, values: [id] });
    return rows[0].document;
  });
  app.patch('/v1/guests/:id', async (request, reply) => {
    const { id } = /** @type {{ id: string }} */ (request.params);
    await new Promise((resolve, reject) => {
      waiting.push({ id, resolve, reject });
      if (!working) void workOff();
    });
    void reply.header('content-type', 'application/json; charset=utf-8');
    return exampleText.replaceAll(exampleId, id);
  });
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    told: { origin, writes: statements.map(({ what, rowsOf }) => `${what} (${rowsOf.length})`) },
    close: async () => {
      await app.close();
      held?.release();
      await engine.close();
    },
  };
});

/**
 * One statement a table for the rows that the change added or altered, with what those rows are for another guest. Whole numbers in the key of an added
 * row count on, as they do where rows are numbered.
 * @param {import('pg').Pool} pool
 * @param {readonly Left[]} before
 * @param {readonly Left[]} after
 */
async function changesOf(pool, before, after) {
  const exampleId = JSON.parse(setting('BENCH_EXAMPLE')).id;
  const known = new Set(before.map(({ table, row }) => `${table} ${row}`));
  /** @type {Map<string, { what: string, name: string, text: string, rowsOf: ((id: string, count: number) => string)[] }>} */
  const statements = new Map();
  for (const left of after.filter(({ table, row }) => !known.has(`${table} ${row}`))) {
    const { table, columns } = left;
    const values = JSON.parse(left.row);
    const { rows } = await pool.query(
      `select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indrelid = $1::regclass and i.indisprimary`,
      [table],
    );
    /** @type {string[]} */
    const key = rows.map(({ name }) => name);
    /** @param {string} row */
    const keyOf = (row) => JSON.stringify(key.map((name) => JSON.parse(row)[name]));
    const isNumbered = key.some((name) => !columns.some((column) => column.name === name));
    const isAltered =
      !isNumbered && before.some((other) => other.table === table && keyOf(other.row) === keyOf(left.row));
    const counted = isAltered ? [] : key.filter((name) => Number.isInteger(values[name]));
    const text = isAltered ? updateOf(left, key) : insertInto(left, 0).text;
    /** @param {string} id @param {number} count */
    const rowOf = (id, count) => {
      const row = left.row.replaceAll(exampleId, id);
      return counted.length === 0
        ? row
        : JSON.stringify({ ...JSON.parse(row), ...Object.fromEntries(counted.map((name) => [name, count])) });
    };
    const what = `${isAltered ? 'alters' : 'adds'} ${table}`;
    const statement = statements.get(what) ?? { what, name: `raw.${statements.size}`, text, rowsOf: [] };
    statement.rowsOf.push(rowOf);
    statements.set(what, statement);
  }
  return [...statements.values()];
}

/**
 * @param {Left} left
 * @param {readonly string[]} key
 */
function updateOf({ table, columns }, key) {
  const shape = columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  const set = columns.filter(({ name }) => !key.includes(name)).map(({ name }) => `${name} = row.${name}`);
  const where = key.map((name) => `${table}.${name} = row.${name}`);
  return `update ${table} set ${set.join(', ')} from json_to_recordset($1) as row (${shape}) where ${where.join(' and ')}`;
}
