'use strict';
/** A CRM with the batch endpoint of the `rest` adapter, to be measured against. It lives in the process of whoever measures. */
const { Buffer } = require('node:buffer');
const { createServer } = require('node:http');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');

const WINDOW_MS = 1_000;

class BatchCrm {
  /** Takes nothing, and complains, until it is. */
  isOpen = false;
  /** Calls it would not take while it was open. */
  complaints = 0;
  /** @type {number[]} when the calls it took began, in milliseconds */
  taken = [];
  /** @type {Map<string, number>} how often each record came */
  held = new Map();

  /** @param {{ callMs: number, limit?: number }} habits `limit`: calls it takes in any second */
  constructor({ callMs, limit = Infinity }) {
    this.callMs = callMs;
    this.limit = limit;
  }

  async listen() {
    this.server = createServer((request, answer) => {
      /** @type {Buffer[]} */
      const parts = [];
      request
        .on('data', (part) => parts.push(part))
        .once('end', () => {
          // Whether it is there may be asked at any time, at no cost.
          if (request.method === 'POST') void this.answer(Buffer.concat(parts), answer);
          else answer.writeHead(200).end();
        });
    });
    await new Promise((resolve) => this.server?.listen(0, '127.0.0.1', () => resolve(undefined)));
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.server.address());
    return `http://127.0.0.1:${port}`;
  }

  /** @param {Buffer} body @param {import('node:http').ServerResponse} answer */
  async answer(body, answer) {
    const isTaken = this.isOpen && this.hasRoom();
    if (isTaken) this.taken.push(performance.now());
    else if (this.isOpen) this.complaints++;
    await sleep(this.callMs);
    if (!isTaken) return void answer.writeHead(429, { 'retry-after': '1' }).end();
    for (const { externalId } of JSON.parse(body.toString()).records)
      this.held.set(externalId, (this.held.get(externalId) ?? 0) + 1);
    answer.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  }

  hasRoom() {
    const first = this.taken.at(-this.limit);
    return this.limit === Infinity || first === undefined || performance.now() - first >= WINDOW_MS;
  }

  /** How many records a second it was given, from its first call to its last answer. */
  get recordsPerSecond() {
    const [first = 0, last = 0] = [this.taken[0], this.taken.at(-1)];
    return (this.held.size * 1_000) / (last - first + this.callMs);
  }

  /**
   * Resolves when it holds so many records.
   * @param {number} records
   * @param {number} longestMs
   */
  async holds(records, longestMs) {
    const until = performance.now() + longestMs;
    while (this.held.size < records) {
      if (performance.now() > until)
        throw new Error(`after ${longestMs} ms the CRM holds ${this.held.size} of ${records} records`);
      await sleep(10);
    }
  }

  close() {
    this.server?.close();
    this.server?.closeAllConnections();
  }
}

module.exports = { BatchCrm };
