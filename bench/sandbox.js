'use strict';
/** Steering and watching the other side. */
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');
const { Client } = require('./http');

/** How long the CRM takes to answer. */
const CRM_MS = 50;

/** @typedef {{ url: string, environment: Record<string, string> }} Sandbox */

/** @param {Sandbox} sandbox @param {number} [delayMs] */
async function slowCrm({ url }, delayMs = CRM_MS) {
  const client = new Client(url, 1);
  const fault = { target: 'crm/rest', match: 'upsert', effect: { delayMs }, times: 1_000_000_000 };
  const headers = { 'content-type': 'application/json' };
  const { status } = await client.send({
    method: 'POST',
    path: '/sandbox/faults',
    headers,
    body: JSON.stringify(fault),
  });
  client.close();
  if (status !== 201) throw new Error(`the sandbox did not take the fault: ${status}`);
}

/** How far a CRM is behind. Creating does not wait for it, but nothing is measured while it catches up with what was measured before. */
class CrmWatch {
  /** @type {{ behind: number, ms: number }[]} how many records it lacked when a measurement ended, and how long they took */
  lags = [];
  /** @type {{ behind: number, since: number } | null} */
  noted = null;

  /**
   * @param {Sandbox} sandbox
   * @param {() => number} wanted how many records it should hold
   */
  constructor({ url, environment }, wanted) {
    this.client = new Client(url, 1);
    this.headers = { authorization: `Bearer ${environment['CRM_AUTH_TOKEN']}` };
    this.wanted = wanted;
  }

  /** From now on the time is taken until it has caught up. */
  async note() {
    const since = performance.now();
    this.noted = { behind: await this.behind(), since };
  }

  forget() {
    this.lags = [];
  }

  /**
   * Whether it catches up within this time.
   * @param {number} ms
   */
  async caughtUp(ms) {
    const until = performance.now() + ms;
    while ((await this.behind()) > 0) {
      if (performance.now() > until) return false;
      await sleep(50);
    }
    if (this.noted !== null) {
      const { behind, since } = this.noted;
      this.lags.push({ behind, ms: Math.round(performance.now() - since) });
    }
    this.noted = null;
    return true;
  }

  async behind() {
    const { text } = await this.client.send({ method: 'GET', path: '/crm/rest/health', headers: this.headers });
    return Math.max(0, this.wanted() - JSON.parse(text).records);
  }
}

module.exports = { CrmWatch, slowCrm };
