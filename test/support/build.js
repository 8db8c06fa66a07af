'use strict';
const { ensureBuilt } = require('../../scripts/build-if-stale');

module.exports = async () => ensureBuilt();
