import { execFile } from 'node:child_process';
import { closeSync, existsSync, fsyncSync, mkdtempSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Makes a new, empty database. It needs some 800 MB for a moment, which a process cannot give back, so it happens in one of its own.
 * Built beside its final name, brought to disk, then renamed: an interrupted first boot leaves nothing that looks like a database.
 */
export async function makeDatabase(directory: string): Promise<void> {
  if (existsSync(directory)) return;
  const unfinished = `${directory}.unfinished-`;
  for (const name of readdirSync(dirname(directory)))
    if (name.startsWith(basename(unfinished))) rmSync(join(dirname(directory), name), { recursive: true, force: true });
  // Another name each time: the process of a boot that was killed may still be at work.
  const made = mkdtempSync(unfinished);
  await promisify(execFile)(process.execPath, ['-e', MAKE, require.resolve('@electric-sql/pglite'), made]);
  syncTree(made);
  renameSync(made, directory);
  sync(dirname(directory));
}

const MAKE = `
  const [, pglite, directory] = process.argv;
  require(pglite).PGlite.create(directory).then((database) => database.close());
`;

function syncTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) syncTree(inner);
    else if (entry.isFile()) sync(inner);
  }
  sync(path);
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
