'use strict';
/** `npm run hostile`: the hostile requests of the suite, 20,000 of them unless HOSTILE_REQUESTS says otherwise. */
const { spawnSync } = require('node:child_process');

const env = { HOSTILE_REQUESTS: '20000', ...process.env };
const jest = require.resolve('jest/bin/jest');
process.exitCode = spawnSync(process.execPath, [jest, 'test/hostile'], { env, stdio: 'inherit' }).status ?? 1;
