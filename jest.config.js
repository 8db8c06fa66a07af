'use strict';
const { availableParallelism } = require('node:os');

/** @type {import('jest').Config} */
module.exports = {
  rootDir: __dirname,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/test/**/*spec.ts'],
  testTimeout: 40_000,
  // Much of a suite is waiting for sockets and clocks, so two share two processors well; jest would leave one of them alone.
  maxWorkers: Math.max(2, availableParallelism() - 1),
  // Some suites start the service as a user does: as a process of its own, built.
  globalSetup: '<rootDir>/test/support/build.js',
  transform: {
    '^.+\\.[tj]s$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        jsc: {
          target: 'es2022',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
      },
    ],
  },
  // Relative imports may be written with the ending that Node will see.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // @nestjs/* 12 and jose are published as ES modules only; jest can require() those itself only on Node >= 24.9.
  transformIgnorePatterns: ['/node_modules/(?!@nestjs/|jose/)'],
  reporters: [
    'default',
    '<rootDir>/test/support/genesys-calls/reporter.js',
    '<rootDir>/test/plain-summary.reporter.js',
  ],
};
