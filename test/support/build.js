'use strict';
const { mkdtempSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { ensureBuilt } = require('../../scripts/build-if-stale');

module.exports = async () => {
  ensureBuilt();
  recordGenesysCalls();
};

/** In this process, in jest's workers, and in every process a test starts. */
function recordGenesysCalls() {
  process.env.GENESYS_CALLS = join(mkdtempSync(join(tmpdir(), 'genesys-calls-')), 'calls.txt');
  const recorder = join(__dirname, 'genesys-calls', 'record.js');
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --require ${JSON.stringify(recorder)}`.trim();
  require(recorder);
}
