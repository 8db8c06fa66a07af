'use strict';
/** Reading guests: `GET /v1/guests/{id}` with 32 callers, against raw Fastify with the same statement on the same engine. */
const { againstRaw } = require('../against-raw');

/** @param {import('../main').Options} options */
const run = (options) => againstRaw('get', (id) => ({ method: 'GET', path: `/v1/guests/${id}` }), options);

module.exports = { run };
