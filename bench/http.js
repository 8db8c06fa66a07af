'use strict';
/** The least that can be called an HTTP client: the one who measures should not be what is measured. */
const { Buffer } = require('node:buffer');
const { Agent, request } = require('node:http');
const { URL } = require('node:url');

/**
 * @typedef {{ status: number, headers: import('node:http').IncomingHttpHeaders, text: string }} Answer
 * @typedef {{ method: string, path: string, headers?: Record<string, string>, body?: string }} Call
 */

/** One origin, and connections that are kept open and used again. */
class Client {
  /**
   * @param {string} origin
   * @param {number} connections
   */
  constructor(origin, connections) {
    const { hostname, port } = new URL(origin);
    this.to = { hostname, port, agent: new Agent({ keepAlive: true, maxSockets: connections }) };
  }

  /**
   * @param {Call} call
   * @returns {Promise<Answer>}
   */
  send({ method, path, headers, body = '' }) {
    const length = { 'content-length': String(Buffer.byteLength(body)) };
    return new Promise((resolve, reject) => {
      const sent = request({ ...this.to, method, path, headers: { ...headers, ...length } }, (answer) => {
        /** @type {Buffer[]} */
        const chunks = [];
        answer.on('data', (chunk) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString();
          resolve({ status: /** @type {number} */ (answer.statusCode), headers: answer.headers, text });
        });
      });
      sent.setTimeout(30_000, () => sent.destroy(new Error(`no answer to ${method} ${path} within 30 s`)));
      sent.on('error', reject);
      sent.end(body);
    });
  }

  close() {
    this.to.agent.destroy();
  }
}

module.exports = { Client };
