'use strict';
const { existsSync, readFileSync, rmSync } = require('node:fs');
const { dirname } = require('node:path');
const { isAbout, readTable } = require('./table');

/**
 * Fails the run when a test made the product call something of Genesys Cloud that `docs/genesys-calls.md` does not have, and, when
 * everything ran, when it has a call nobody makes.
 */
module.exports = class GenesysCallsReporter {
  constructor(globalConfig) {
    this.globalConfig = globalConfig;
  }

  onRunComplete(_contexts, results) {
    const file = process.env.GENESYS_CALLS;
    if (file === undefined) return;
    const calls = existsSync(file) ? [...new Set(readFileSync(file, 'utf8').split('\n'))].filter(Boolean) : [];
    rmSync(dirname(file), { recursive: true, force: true });
    const rows = readTable();
    const problems = [
      ...calls
        .filter((call) => !rows.some((row) => isAbout(row, call)))
        .map((call) => `${call} was called, undocumented`),
      ...(ranWhole(this.globalConfig, results)
        ? rows.filter((row) => !calls.some((call) => isAbout(row, call))).map(({ wire }) => `${wire} was never called`)
        : []),
    ];
    if (problems.length === 0) return;
    this.error = new Error(`docs/genesys-calls.md and the calls made do not agree:\n  ${problems.join('\n  ')}`);
    results.numFailedTests += 1;
    console.error(`\n${this.error.message}`);
  }

  getLastError() {
    return this.error;
  }
};

/** Only then a call that was not made says something. */
function ranWhole({ testPathPatterns, testNamePattern, onlyChanged, shard }, results) {
  const everything = testPathPatterns.patterns.length === 0 && !testNamePattern && !onlyChanged && !shard;
  return everything && results.numPassedTests === results.numTotalTests && results.numRuntimeErrorTestSuites === 0;
}
