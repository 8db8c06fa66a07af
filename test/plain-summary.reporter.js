'use strict';
const { writeSync } = require('node:fs');

/** Prints `N passed, N failed` as the very last line, after jest's own summary, for tools that read only that. */
module.exports = class PlainSummaryReporter {
  onRunComplete(_contexts, r) {
    const broken = r.testResults.filter((s) => s.testExecError !== undefined && s.testResults.length === 0).length;
    const skipped = r.numPendingTests + r.numTodoTests;
    const line = `${r.numPassedTests} passed, ${r.numFailedTests + broken} failed${skipped ? `, ${skipped} skipped` : ''}\n`;
    process.once('exit', () => writeSync(1, line));
  }
};
