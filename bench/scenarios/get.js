'use strict';
/**
 * Reading guests: `GET /v1/guests/{id}` with 32 callers, against raw Fastify on the same engine: with a statement a request, and with one for all that are
 * asked for in a turn, as the service does it.
 */
const { againstRaw } = require('../against-raw');

/** @param {import('../main').Options} options */
const run = (options) => {
  const path = (/** @type {string} */ id) => `/v1/guests/${id}`;
  return againstRaw('get', (id) => ({ method: 'GET', path: path(id) }), {
    ...options,
    together: (id) => ({ method: 'GET', path: `${path(id)}/together` }),
  });
};

module.exports = { run };
