'use strict';
/** `node scripts/run.js <entry>`: runs a built entry point, building first when there is no build or the sources are newer. */
const { join } = require('node:path');
const { ensureBuilt } = require('./build-if-stale');

ensureBuilt();
require(join(__dirname, '..', 'dist', process.argv[2]));
