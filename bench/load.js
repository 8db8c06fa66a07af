'use strict';
const { performance } = require('node:perf_hooks');
const { Client } = require('./http');
const { quantile, rounded } = require('./figures');

/** However fast a server is, one measurement sends no more than this. */
const MOST_CALLS = 200_000;

/**
 * @typedef {object} Measured
 * @property {number} perSecond
 * @property {number} p50Ms
 * @property {number} p99Ms
 * @property {number} calls
 * @property {number} senderBusy share of the time in which the sender itself had something to do: near 1, it was measured instead
 */

/**
 * Callers that each send their next request when the last one was answered.
 * @param {object} load
 * @param {string} load.origin
 * @param {number} load.callers
 * @param {number} load.seconds
 * @param {number} [load.calls] no more than these
 * @param {() => import('./http').Call} load.next
 * @param {(answer: import('./http').Answer) => void} load.check throws when an answer is wrong
 * @returns {Promise<Measured>}
 */
async function load({ origin, callers, seconds, calls = MOST_CALLS, next, check }) {
  const client = new Client(origin, callers);
  /** @type {number[]} */
  const took = [];
  const before = performance.eventLoopUtilization();
  const begun = performance.now();
  const until = begun + seconds * 1_000;
  let begunCalls = 0;
  const caller = async () => {
    while (performance.now() < until && begunCalls++ < calls) {
      const call = next();
      const sentAt = performance.now();
      const answer = await client.send(call);
      took.push(performance.now() - sentAt);
      check(answer);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, caller));
    const elapsed = performance.now() - begun;
    const sorted = Float64Array.from(took).sort();
    return {
      perSecond: rounded((took.length / elapsed) * 1_000, 1),
      p50Ms: rounded(quantile(sorted, 0.5), 2),
      p99Ms: rounded(quantile(sorted, 0.99), 2),
      calls: took.length,
      senderBusy: rounded(performance.eventLoopUtilization(before).utilization, 2),
    };
  } finally {
    client.close();
  }
}

module.exports = { load };
