'use strict';
/** One queue drained by one instance and by two, on the PostgreSQL server of `TEST_DATABASE_URL`. The CRM takes 50 ms a call. */
const { randomBytes } = require('node:crypto');
const { URL } = require('node:url');
const pg = require('pg');
const { drain } = require('../draining');
const { median, rounded } = require('../figures');
const { machine } = require('../machine');
const { start } = require('../processes');
const { scratchFile } = require('../scratch');

const RECORDS = 40_000;
const TARGET = { overOne: 1 };

/** @param {import('../main').Options} options */
async function run({ rounds, dist, say }) {
  const server = process.env['TEST_DATABASE_URL'];
  if (server === undefined) return { skipped: 'TEST_DATABASE_URL names no PostgreSQL server' };
  const build = { BENCH_DIST: dist };
  const { told } = await start('other-side', build);
  const keys = {
    IDENTITY_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    DATA_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    API_KEYS: `bench:${randomBytes(24).toString('base64url')}:*`,
  };
  /** @type {Record<'one' | 'two', number[]>} */
  const rates = { one: [], two: [] };
  for (let round = 1; round <= rounds; round++)
    for (const [name, instances] of /** @type {const} */ ([
      ['one', 1],
      ['two', 2],
    ])) {
      const rate = await onNewDatabase(server, async (url) => {
        const places = Array.from({ length: instances }, (_, n) => ({
          ...keys,
          DATABASE_URL: url,
          DATA_DIR: scratchFile(`two-${n}`),
        }));
        const plan = { build, sandbox: told.forService, places, waiting: RECORDS, wanted: RECORDS, callMs: 50 };
        const { recordsPerSecond, twice } = await drain(plan);
        if (twice > 0) throw new Error(`${twice} records were sent more than once`);
        return recordsPerSecond;
      });
      rates[name].push(rate);
      say(`  round ${round}, ${name}: ${rounded(rate, 0)} records a second`);
    }
  const [one, two] = [median(rates.one), median(rates.two)];
  return { machine: machine(), recordsPerSecond: { one, two }, overOne: rounded(two / one, 2), target: TARGET };
}

/**
 * @template T
 * @param {string} server
 * @param {(url: string) => Promise<T>} use
 */
async function onNewDatabase(server, use) {
  const name = `guest_manager_bench_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client(server);
  await client.connect();
  try {
    await client.query(`create database ${name}`);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return await use(url.href);
  } finally {
    await client.query(`drop database if exists ${name} with (force)`);
    await client.end();
  }
}

module.exports = { run };
