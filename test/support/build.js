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
  const required = `--require ${JSON.stringify(recorder)}`;
  const { NODE_OPTIONS = '' } = process.env;
  if (!NODE_OPTIONS.includes(required)) process.env.NODE_OPTIONS = `${NODE_OPTIONS} ${required}`.trim();
  require(recorder);
}
