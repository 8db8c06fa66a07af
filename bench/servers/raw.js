'use strict';
/**
 * Fastify and nothing else, on a database that the service filled: reads a guest by its key, and puts the statements that the service puts for one that is
 * changed and brought to the CRM, in one durable transaction for up to 64 callers. Their values are an example's under another id. Nothing is checked, merged,
 * hashed, sealed or delivered.
 */
const { randomUUID } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const fastify = require('fastify');
const { inBatches } = require('../batches');
const { built, serve, setting } = require('../serving');

/** As the service does for `rest`: up to as many chunks of as many records at once, and this long between two looks. */
const [CHUNKS, CHUNK, LOOK_MS] = [8, 50, 50];
/** A read a request, by key. */
const FIND = { name: 'guest.find', text: 'select document from guest where id = $1' };
/** As the service does it: those of one turn together. */
const FIND_MANY = { name: 'guest.find_many', text: 'select id, document from guest where id = any($1::uuid[])' };
/** Between two rows in the text that a column goes as. */
const NEXT = '\u001e';

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const engine = await openEmbedded({ dataDir: setting('DATA_DIR') });
  /** @type {Record<string, { text: string, values: any[] }>} */
  const recorded = JSON.parse(readFileSync(setting('BENCH_STATEMENTS'), 'utf8'));
  const { id: exampleId, text: exampleText } = JSON.parse(setting('BENCH_EXAMPLE'));
  /** @param {string} name @param {any[]} values */
  const put = (name, values) => ({ name, text: /** @type {any} */ (recorded[name]).text, values });
  const now = () => new Date().toISOString();

  /**
   * The first row of an example, of whoever it is.
   * @param {string} name
   * @param {(row: string[]) => string | undefined} whose
   */
  const example = (name, whose) => {
    const row = (recorded[name]?.values ?? []).map((column) => column.split(NEXT)[0]);
    return (/** @type {string} */ id) => row.map((value) => value.replaceAll(whose(row), id));
  };
  const entryOf = example('audit.append', ([subject]) => subject?.slice('guest:'.length));
  const desiredOf = example('crm.put', (row) => row[1]);
  const eventOf = example('metric.insert', ([id]) => id);
  const settledOf = example('crm.settle', (row) => row[3]);
  /** @param {(string | number)[][]} rows */
  const texts = (rows) => (rows[0] ?? []).map((_, at) => rows.map((row) => row[at]).join(NEXT));

  let last = Promise.resolve();
  /** One transaction after another. @param {(connection: import('pg').PoolClient) => Promise<void>} work */
  const transact = (work) => {
    const done = last.then(async () => {
      const connection = await engine.writes.connect();
      await connection.query('begin');
      await work(connection);
      await connection.query('commit');
      connection.release();
    });
    // One that fails is told to whoever asked; it is a mistake in here, and ends the measurement.
    last = done.catch(() => undefined);
    return done;
  };

  /** @param {import('pg').PoolClient} connection @param {string[]} ids */
  const append = async (connection, ids) => {
    const heads = await connection.query(put('audit.heads', [ids.map((id) => `guest:${id}`)]));
    const entries = heads.rows.map(({ subject, sequence }) => {
      const entry = entryOf(subject.slice('guest:'.length));
      return [entry[0], sequence + 1, ...entry.slice(2, 6), entry[6], sequence + 1, ...entry.slice(8)];
    });
    await connection.query(put('audit.append', texts(/** @type {string[][]} */ (entries))));
  };

  let count = 0;
  /** @param {string[]} ids */
  const change = (ids) =>
    transact(async (connection) => {
      const guests = await connection.query(put('guest.lock_many', [ids]));
      await connection.query(put('subject_key.find_many', [ids.map((id) => `guest:${id}`)]));
      await append(connection, ids);
      const desired = guests.rows.map(({ id, document }) => {
        const [crm, guestId, , record] = desiredOf(id);
        return [crm, guestId, document.version + 1, record, String(++count).padStart(64, '0'), now()];
      });
      await connection.query(put('crm.put', texts(/** @type {string[][]} */ (desired))));
      const changed = guests.rows.map(({ document }) => {
        const sent = { ...document, version: document.version + 1, attributes: { source: count % 2 ? 'app' : 'web' } };
        return [JSON.stringify(sent), document.version];
      });
      await connection.query(put('guest.update', texts(changed)));
      await connection.query(put('metric.insert', texts(ids.map(eventOf))));
    });

  let leaving = false;
  const deliver = async () => {
    while (!leaving) {
      await sleep(LOOK_MS);
      /** @type {any[]} */
      let rows = [];
      await transact(async (connection) => {
        const ids = Array.from({ length: CHUNKS }, () => randomUUID());
        const until = new Date(Date.now() + 45_000).toISOString();
        ({ rows } = await connection.query(put('crm.claim_fresh', ['rest', now(), CHUNKS * CHUNK, until, ids, CHUNK])));
      });
      if (rows.length === 0) continue;
      await transact(async (connection) => {
        const settled = rows.map(({ chunk, member, version, hash }) => {
          const row = settledOf(member);
          return [row[0], chunk, 1, member, version, hash, ...row.slice(6, 8), now(), now(), ...row.slice(10)];
        });
        await append(
          connection,
          rows.map(({ member }) => member),
        );
        await connection.query(put('crm.settle', texts(/** @type {string[][]} */ (settled))));
      });
    }
  };
  const delivering = recorded['crm.settle'] === undefined ? Promise.resolve() : deliver();

  const changed = inBatches((/** @type {string[]} */ ids) => change([...new Set(ids)]));

  const app = fastify();
  app.get('/v1/guests/:id', async (request) => {
    const { id } = /** @type {{ id: string }} */ (request.params);
    const { rows } = await engine.reads.query({ ...FIND, values: [id] });
    return rows[0].document;
  });
  /** @type {Map<string, object>} */
  const read = new Map();
  const found = inBatches(async (/** @type {string[]} */ ids) => {
    const { rows } = await engine.reads.query({ ...FIND_MANY, values: [[...new Set(ids)]] });
    for (const { id, document } of rows) read.set(id, document);
  });
  app.get('/v1/guests/:id/together', async (request) => {
    const { id } = /** @type {{ id: string }} */ (request.params);
    await found(id);
    return read.get(id);
  });
  app.patch('/v1/guests/:id', async (request, reply) => {
    const { id } = /** @type {{ id: string }} */ (request.params);
    await changed(id);
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
    told: { origin },
    close: async () => {
      leaving = true;
      await app.close();
      await delivering;
      await engine.close();
    },
  };
});
