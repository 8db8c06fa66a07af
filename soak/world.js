'use strict';
/** A service and the other side in processes of their own, and hands to reach both. */
const { mkdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { Client } = require('../bench/http');
const { start } = require('../bench/processes');
const { scratchFile } = require('../bench/scratch');

const DIST = join(__dirname, '..', 'dist');

/**
 * @typedef {{ id: string, externalTag: string | null, participants: { purpose: string, attributes: Record<string, string> }[] }} Conversation
 */

async function openWorld() {
  const { told: others } = await start('other-side', { BENCH_DIST: DIST });
  const dataDir = scratchFile('soak-data');
  mkdirSync(dataDir);
  const { url, environment } = others.forService;
  const { told } = await start('service', {
    ...environment,
    BENCH_DIST: DIST,
    NODE_ENV: 'test',
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'info',
  });
  return new World(new Client(told.origin, 16), told.apiKey, new Client(url, 4));
}

class World {
  /** @param {Client} service @param {string} apiKey @param {Client} sandbox */
  constructor(service, apiKey, sandbox) {
    this.service = service;
    this.apiKey = apiKey;
    this.sandbox = sandbox;
  }

  /** Whether everything the service acknowledges is as it should be. @param {string} method @param {string} path @param {unknown} [body] */
  async api(method, path, body) {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { authorization: `Bearer ${this.apiKey}`, 'content-type': type, 'if-match': '*' };
    const { status, text } = await this.service.send({ method, path, headers, body: JSON.stringify(body ?? {}) });
    if (status >= 300) throw new Error(`${method} ${path.split('/', 3).join('/')} was answered ${status}`);
    return JSON.parse(text);
  }

  /** @param {string} method @param {string} path @param {unknown} [body] */
  async other(method, path, body) {
    const headers = { 'content-type': 'application/json' };
    const sent = body === undefined ? { method, path } : { method, path, headers, body: JSON.stringify(body) };
    const { status, text } = await this.sandbox.send(sent);
    if (status >= 300) throw new Error(`the sandbox answered ${method} ${path} with ${status}`);
    return text === '' ? null : JSON.parse(text);
  }

  /** @param {number} count @returns {Promise<string[]>} ids */
  async guests(count) {
    /** @type {string[]} */
    const ids = [];
    const consent = { marketing: false, dataProcessing: true };
    while (ids.length < count) {
      const made = Array.from({ length: Math.min(16, count - ids.length) }, () =>
        this.api('POST', '/v1/guests', { consent, attributes: { source: 'soak' } }),
      );
      for (const { id } of await Promise.all(made)) ids.push(id);
    }
    return ids;
  }

  /** What Genesys holds for each guest, by the guest's id. @returns {Promise<Map<string, Record<string, string>>>} */
  async told() {
    /** @type {Conversation[]} */
    const conversations = await this.other('GET', '/sandbox/genesys/conversations');
    const customers = conversations.flatMap(({ participants }) =>
      participants.filter((each) => each.purpose === 'customer'),
    );
    return new Map(customers.map(({ attributes }) => [attributes['guestSessionId'] ?? '', attributes]));
  }

  /** When the Platform API was called, in milliseconds since 1970. @returns {Promise<number[]>} */
  async calls() {
    /** @type {{ at: string, path: string, method: string }[]} */
    const requests = await this.other('GET', '/sandbox/requests');
    return requests
      .filter(({ path, method }) => path.startsWith('/api/v2/') && method !== 'WS')
      .map(({ at }) => Date.parse(at));
  }

  /** How often the service's log says this. @param {string} sentence */
  logged(sentence) {
    return readFileSync(scratchFile('service.log'), 'utf8').split(`"${sentence}"`).length - 1;
  }

  close() {
    this.service.close();
    this.sandbox.close();
  }
}

/**
 * Waits until it holds.
 * @param {string} what
 * @param {number} ms
 * @param {() => Promise<boolean>} holds
 */
async function until(what, ms, holds) {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${ms / 1_000} s: ${what}`);
    await sleep(500);
  }
}

module.exports = { openWorld, until };
