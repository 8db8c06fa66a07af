#!/usr/bin/env node
'use strict';
/** The command `guest-manager`: from a checkout it builds first where that is needed, installed from a package it just runs. */
const { existsSync } = require('node:fs');
const { join } = require('node:path');

if (existsSync(join(__dirname, '..', 'src'))) require('./build-if-stale').ensureBuilt(2);
require('../dist/cli/main.js');
