'use strict';
/**
 * Changing guests, durably: `PATCH /v1/guests/{id}` with 32 callers, against raw Fastify that reads the guest and writes the rows a change leaves on the
 * same engine, and does nothing else.
 */
const { againstRaw, change } = require('../against-raw');

/** @param {import('../main').Options} options */
const run = (options) => againstRaw('patch', change, options);

module.exports = { run };
