'use strict';
/** Makes one ES module of the built client, for browsers and `import`: `dist/client/index.mjs` beside the CommonJS of the build. */
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { buildSync } = require('esbuild');

const client = join(__dirname, '..', 'dist', 'client');

buildSync({
  entryPoints: [join(__dirname, '..', 'src', 'client', 'index.ts')],
  outfile: join(client, 'index.mjs'),
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  sourcemap: true,
  tsconfig: join(__dirname, '..', 'tsconfig.json'),
  logLevel: 'warning',
});
// The types are the same; by its name TypeScript knows that this one is an ES module.
writeFileSync(join(client, 'index.d.mts'), "export * from './index.js';\n");
