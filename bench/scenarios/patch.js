'use strict';
/**
 * Changing guests, durably: `PATCH /v1/guests/{id}` with 32 callers, against raw Fastify that puts the same statements to the same engine, those of the
 * CRM's delivery included, and does nothing else.
 */
const { againstRaw, change } = require('../against-raw');

/** @param {import('../main').Options} options */
const run = (options) => againstRaw('patch', change, options);

module.exports = { run };
