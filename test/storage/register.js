'use strict';
const { transformSync } = require('@swc/core');
const { existsSync, readFileSync } = require('node:fs');
const Module = require('node:module');

// Runs TypeScript as it stands, for programs that tests start as processes of their own: compiled as jest compiles it.
const { transform } = require('../../jest.config.js');
const [, options] = Object.values(transform)[0];

Module._extensions['.ts'] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    ...options,
    filename,
    module: { type: 'commonjs' },
  });
  module._compile(code, filename);
};

// Imports name the file that a build would make.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const isOurs = request.startsWith('.') && request.endsWith('.js') && parent?.filename?.endsWith('.ts');
  if (isOurs) {
    const source = require('node:path').resolve(parent.path, `${request.slice(0, -3)}.ts`);
    if (existsSync(source)) return source;
  }
  return resolve.call(this, request, parent, ...rest);
};
