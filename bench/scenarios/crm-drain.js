'use strict';
/** Draining a queue to a CRM that takes 50 ms a call and 40 calls in any second, against sending the same chunks one after the other. */
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');
const { BatchCrm } = require('../crm');
const { rounded } = require('../figures');
const { Client } = require('../http');
const { machine } = require('../machine');
const { start } = require('../processes');
const { scratchFile } = require('../scratch');

const LIMIT = 40;
const CALL_MS = 50;
const GUESTS = 20_000;
const CREATORS = 32;
const LONGEST_MS = 120_000;
const TARGET = { ofLimit: 0.9, overSequential: 1.8 };

/** @param {import('../main').Options} options */
async function run({ dist, say }) {
  const crm = new BatchCrm({ callMs: CALL_MS, limit: LIMIT });
  const url = await crm.listen();
  const { told: others } = await start('other-side', { BENCH_DIST: dist });
  const { told } = await start('service', {
    ...others.forService.environment,
    BENCH_DIST: dist,
    NODE_ENV: 'test',
    DATA_DIR: scratchFile('drain-data'),
    PORT: '0',
    LOG_LEVEL: 'error',
    CRM_BATCH_UPSERT_URL: `${url}/batch`,
  });
  await createGuests(new Client(told.origin, CREATORS), told.apiKey);
  say(` ${GUESTS} guests wait`);
  crm.isOpen = true;
  await crm.holds(GUESTS, LONGEST_MS);
  const [first = 0, last = 0] = [crm.taken[0], crm.taken.at(-1)];
  const seconds = (last - first + CALL_MS) / 1_000;
  const { complaints } = crm;
  const calls = crm.taken.length;
  const sequential = await sequentialRate(url);
  crm.close();
  const perSecond = calls / seconds;
  const ratios = { ofLimit: rounded(perSecond / LIMIT, 3), overSequential: rounded(perSecond / sequential, 2) };
  return {
    machine: machine(),
    target: TARGET,
    ...ratios,
    calls,
    complaints,
    seconds: rounded(seconds, 2),
    sequentialPerSecond: rounded(sequential, 1),
  };
}

/** @param {Client} client @param {string} apiKey */
async function createGuests(client, apiKey) {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ consent: { marketing: false, dataProcessing: true } });
  let left = GUESTS;
  const creator = async () => {
    while (left-- > 0) {
      const { status } = await client.send({ method: 'POST', path: '/v1/guests', headers, body });
      if (status >= 300) throw new Error(`a guest was answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: CREATORS }, creator));
  client.close();
}

/** Calls a second of a loop that waits for each answer. @param {string} url */
async function sequentialRate(url) {
  await sleep(1_000);
  const client = new Client(url, 1);
  const body = JSON.stringify({ records: Array.from({ length: 50 }, (_, n) => ({ externalId: `sequential-${n}` })) });
  const since = performance.now();
  const CALLS = 60;
  for (let n = 0; n < CALLS; n++) {
    const { status } = await client.send({ method: 'POST', path: '/batch', headers: {}, body });
    if (status !== 200) throw new Error(`the CRM answered ${status}`);
  }
  client.close();
  return (CALLS * 1_000) / (performance.now() - since);
}

module.exports = { run };
