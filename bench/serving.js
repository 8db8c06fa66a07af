'use strict';
/** The other end of `processes.js`: what every server of the bench has in common. */
const { join } = require('node:path');

/**
 * Says what `start` answers when it is ready, and closes when it is told to leave. Whoever started it gone, it goes too.
 * @param {() => Promise<{ told: unknown, close: () => Promise<unknown> }>} start
 */
function serve(start) {
  process.once('disconnect', () => process.exit(1));
  const failed = (/** @type {unknown} */ error) => {
    console.error(error);
    process.exit(1);
  };
  start().then(({ told, close }) => {
    // Nest ends its process by the signal it was sent, and a profile would be lost.
    process.removeAllListeners('SIGTERM');
    process.once('SIGTERM', () => void close().then(() => process.exit(0), failed));
    process.send?.(told);
  }, failed);
}

/** A part of the build that is measured. */
const built = (/** @type {string} */ path) => require(join(setting('BENCH_DIST'), path));

/** @param {string} name */
function setting(name) {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}

module.exports = { serve, built, setting };
