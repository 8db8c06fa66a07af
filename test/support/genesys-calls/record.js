'use strict';
/**
 * Writes down which calls to Genesys Cloud this process makes, each once. Loaded by `NODE_OPTIONS` into every process the suite starts;
 * all of them append to one file.
 */
const { subscribe } = require('node:diagnostics_channel');
const { appendFileSync } = require('node:fs');

const ID = /^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;
const seen = new Set();

if (process.env.GENESYS_CALLS !== undefined)
  subscribe('guest-manager.genesys-call', ({ verb, what }) => {
    const segments = what.split('/').map((segment) => (ID.test(segment) ? '{id}' : segment));
    const line = `${verb} ${segments.join('/')}\n`;
    if (seen.has(line)) return;
    seen.add(line);
    try {
      appendFileSync(process.env.GENESYS_CALLS, line);
    } catch {
      // A process that outlives the run has nobody left to tell.
    }
  });
