'use strict';
/**
 * What this machine allows: the answer the service gave once and the rows it left then, again and again under new ids. Same engine, same
 * tables, same indexes, one durable transaction for up to 64 callers, each answered after it; nothing is checked, hashed, encrypted or
 * delivered.
 */
const { randomBytes } = require('node:crypto');
const fastify = require('fastify');
const { inBatches } = require('../batches');
const { footprintOf, insertInto } = require('../footprint');
const { built, serve, setting } = require('../serving');

serve(async () => {
  const { openEmbedded } = built('adapters/storage/embedded/embedded.engine.js');
  const { uuidv7 } = built('kernel/uuid.js');
  const example = JSON.parse(setting('BENCH_EXAMPLE'));

  const engine = await openEmbedded({ dataDir: setting('DATA_DIR') });
  const footprint = await footprintOf(engine.reads, example.id);
  const { templates, hexDigits } = templatesOf([example.text, ...footprint.map(({ row }) => row)], example.id);
  const [answerOf, ...rowsOf] = /** @type {[Template, ...Template[]]} */ (templates);
  const inserts = footprint.map(insertInto);

  const connection = await engine.writes.connect();
  const write = inBatches(async (/** @type {Values[]} */ batch) => {
    const values = rowsOf.map((rowOf) => `[${batch.map(rowOf).join(',')}]`);
    try {
      await connection.query('begin');
      for (const [index, insert] of inserts.entries()) await connection.query({ ...insert, values: [values[index]] });
      await connection.query('commit');
    } catch (error) {
      await connection.query('rollback');
      throw error;
    }
  });

  const app = fastify();
  app.post('/v1/guests', async (_request, reply) => {
    const values = { id: uuidv7(), hex: randomBytes(hexDigits / 2).toString('hex') };
    await write(values);
    void reply.code(201).header('content-type', 'application/json; charset=utf-8');
    return answerOf(values);
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  /** @type {Record<string, number>} */
  const rows = {};
  for (const { table } of footprint) rows[table] = (rows[table] ?? 0) + 1;
  return {
    told: { origin, rows },
    close: async () => {
      await app.close();
      connection.release();
      await engine.close();
    },
  };
});

/**
 * @typedef {{ id: string, hex: string }} Values
 * @typedef {(values: Values) => string} Template
 * @typedef {import('../footprint').Left} Left
 */

/**
 * The texts with another guest's id, and other digits in place of what are hashes in them: indexes care how well these spread.
 * @param {readonly string[]} texts
 * @param {string} id
 * @returns {{ templates: Template[], hexDigits: number }}
 */
function templatesOf(texts, id) {
  /** @type {Map<string, number>} */
  const places = new Map();
  const templates = texts.map((text) => {
    const [first = '', ...rest] = text.split(new RegExp(`(${id}|[0-9a-f]{64})`));
    /** @type {{ place: number | null, after: string }[]} */
    const parts = [];
    for (let index = 0; index < rest.length; index += 2) {
      const [changing = '', after = ''] = rest.slice(index, index + 2);
      if (changing !== id && !places.has(changing)) places.set(changing, places.size * 64);
      parts.push({ place: changing === id ? null : /** @type {number} */ (places.get(changing)), after });
    }
    return (/** @type {Values} */ { id: newId, hex }) =>
      parts.reduce(
        (filled, { place, after }) => filled + (place === null ? newId : hex.slice(place, place + 64)) + after,
        first,
      );
  });
  return { templates, hexDigits: places.size * 64 };
}
