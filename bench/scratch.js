'use strict';
/** Where databases and logs live while something is measured. */
const { mkdirSync, mkdtempSync, rmSync, statfsSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

/** File systems in memory, by the numbers Linux gives them: there bringing something to disk costs nothing. */
const IN_MEMORY = new Set([0x01021994 /* tmpfs */, 0x858458f6 /* ramfs */]);

/** @type {string | undefined} */
let directory;

function scratch() {
  if (directory !== undefined) return directory;
  const parents = [tmpdir(), join(__dirname, '..', 'data')];
  const parent = parents.find((each) => !isInMemory(each)) ?? parents[0];
  mkdirSync(/** @type {string} */ (parent), { recursive: true });
  directory = mkdtempSync(join(/** @type {string} */ (parent), 'guest-manager-bench-'));
  return directory;
}

/** @param {string} path */
function isInMemory(path) {
  try {
    return IN_MEMORY.has(statfsSync(path).type);
  } catch {
    return false;
  }
}

/** @param {string} name */
const scratchFile = (name) => join(scratch(), name);

/** Whether what is measured is durable on a disk, as far as can be told. */
const isOnDisk = () => !isInMemory(scratch());

function removeScratch() {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  directory = undefined;
}

module.exports = { scratchFile, isOnDisk, removeScratch };
