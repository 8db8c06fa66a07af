'use strict';
const { execFileSync } = require('node:child_process');
const { readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
/** Written last by a build. */
const MARK = join(root, 'dist', 'client', 'index.d.mts');
const INPUTS = ['src', 'scripts', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isStale() {
  const built = statSync(MARK, { throwIfNoEntry: false });
  return built === undefined || INPUTS.some((input) => newest(join(root, input)) > built.mtimeMs);
}

/** Builds `dist/` unless it is newer than everything it is made from. What the build says goes to the file descriptor `output`. */
exports.ensureBuilt = function ensureBuilt(output = 1) {
  if (!isStale()) return;
  const nest = require.resolve('@nestjs/cli/bin/nest.js');
  execFileSync(process.execPath, [nest, 'build'], { cwd: root, stdio: ['ignore', output, 2] });
  // In a process of its own too: the bundler leaves one running for as long as whoever called it.
  execFileSync(process.execPath, [join(__dirname, 'bundle-client.js')], { cwd: root, stdio: ['ignore', output, 2] });
};
