'use strict';
/** Creating guests while the CRM answers in 50 ms, and while it takes every connection and never answers. */
const { createServer } = require('node:http');
const { median, rounded } = require('../figures');
const { load } = require('../load');
const { machine } = require('../machine');
const { start } = require('../processes');
const { slowCrm } = require('../sandbox');
const { scratchFile } = require('../scratch');

const CALLERS = 8;
/** Short turns, taken by one after the other, so that both meet the same machine. */
const TURN_SECONDS = 1;
const WARM_UP = { calls: 4_000, seconds: 8 };
const TARGET = { p50: 1.2, p99: 2 };

/** @param {import('../main').Options} options */
async function run({ seconds, rounds, dist, say }) {
  const build = { BENCH_DIST: dist, LOG_LEVEL: 'error', PORT: '0', SANDBOX_PORT: '0' };
  const other = await start('other-side', build);
  await slowCrm(other.told.forService);
  const silence = await silentServer();
  const healthy = await start('service', {
    ...build,
    ...other.told.forService.environment,
    DATA_DIR: scratchFile('healthy'),
  });
  const silent = await start('service', {
    ...build,
    ...other.told.forWaiting.environment,
    CRM_BATCH_UPSERT_URL: silence.url,
    DATA_DIR: scratchFile('silent'),
  });
  const servers = { healthy, silent };
  /** @param {keyof typeof servers} variant @param {{ seconds: number, calls?: number }} length */
  const measure = (variant, length) => {
    const { origin, apiKey } = servers[variant].told;
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ mode: 'widget', consent: { marketing: false, dataProcessing: true } });
    return load({
      origin,
      callers: CALLERS,
      ...length,
      next: () => ({ method: 'POST', path: '/v1/guests', headers, body }),
      check: ({ status, text }) => {
        if (status !== 201) throw new Error(`${variant} answered ${status}: ${text.slice(0, 500)}`);
      },
    });
  };
  for (const variant of /** @type {const} */ (['healthy', 'silent'])) await measure(variant, WARM_UP);
  /** @type {Record<keyof typeof servers, import('../load').Measured[]>} */
  const measured = { healthy: [], silent: [] };
  const turns = Math.ceil((rounds * seconds) / TURN_SECONDS);
  for (let turn = 0; turn < turns; turn++)
    for (const variant of /** @type {const} */ (turn % 2 === 0 ? ['healthy', 'silent'] : ['silent', 'healthy']))
      measured[variant].push(await measure(variant, { seconds: TURN_SECONDS }));
  await Promise.all([healthy, silent, other].map((server) => server.kill()));
  silence.close();
  /** @param {'p50Ms' | 'p99Ms'} figure @param {keyof typeof servers} variant */
  const typical = (figure, variant) => rounded(median(measured[variant].map((one) => one[figure])), 2);
  const p50Ms = { healthy: typical('p50Ms', 'healthy'), silent: typical('p50Ms', 'silent') };
  const p99Ms = { healthy: typical('p99Ms', 'healthy'), silent: typical('p99Ms', 'silent') };
  say(`  calls the silent CRM was made: ${silence.calls()}`);
  const ratio = { p50: rounded(p50Ms.silent / p50Ms.healthy, 2), p99: rounded(p99Ms.silent / p99Ms.healthy, 2) };
  return { machine: machine(), callers: CALLERS, turns, p50Ms, p99Ms, ratio, target: TARGET };
}

/** Takes connections and requests, and never answers. */
async function silentServer() {
  let calls = 0;
  const server = createServer(() => void calls++);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/batch`,
    calls: () => calls,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

module.exports = { run };
