'use strict';
/** Runs the built service, building it first when there is no build or the sources are newer. */
const { ensureBuilt } = require('./build-if-stale');

ensureBuilt();
require('../dist/main.js');
