'use strict';
/** Services that find records waiting for a CRM when they start, and how fast these leave them. */
const { setInterval, clearInterval } = require('node:timers');
const { BatchCrm } = require('./crm');
const { ask, start } = require('./processes');

const LONGEST_MS = 120_000;
const SAMPLE_MS = 50;

/**
 * @typedef {object} Drained
 * @property {number} recordsPerSecond
 * @property {number} residentBytes the most that one service held in memory meanwhile
 * @property {number} twice how many records were sent more than once
 */

/**
 * Lays down `waiting` records, starts a service in each of `places`, and lets them deliver until the CRM holds `wanted`.
 * @param {{ build: Record<string, string>, sandbox: import('./sandbox').Sandbox, places: readonly Record<string, string>[],
 *   waiting: number, wanted: number, callMs: number }} plan
 * @returns {Promise<Drained>}
 */
async function drain({ build, sandbox, places, waiting, wanted, callMs }) {
  const crm = new BatchCrm({ callMs });
  const url = await crm.listen();
  const [first = {}] = places;
  await ask('waiting-records', { ...build, ...first, BENCH_RECORDS: String(waiting) });
  const settings = { LOG_LEVEL: 'error', PORT: '0', SANDBOX_PORT: '0', CRM_BATCH_UPSERT_URL: `${url}/batch` };
  const services = await Promise.all(
    places.map((place) => start('service', { ...build, ...sandbox.environment, ...settings, ...place })),
  );
  let residentBytes = 0;
  const sample = () => {
    residentBytes = Math.max(residentBytes, ...services.map((service) => service.residentBytes()));
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  crm.isOpen = true;
  await crm.holds(wanted, LONGEST_MS);
  const { recordsPerSecond } = crm;
  sample();
  clearInterval(sampling);
  await Promise.all(services.map((service) => service.stop()));
  const twice = [...crm.held.values()].filter((times) => times > 1).length;
  crm.close();
  return { recordsPerSecond, residentBytes, twice };
}

module.exports = { drain };
