import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AppError } from '../../../kernel/app-error.js';
import { DirectoryClaim } from './directory-claim.js';

export type DirectoryLock = { release(): Promise<void> };

const inUse = (directory: string): AppError =>
  new AppError(
    'conflict',
    'storage.in_use',
    `The data directory ${directory} is already in use by another process. Give each its own DATA_DIR, or share a PostgreSQL by DATABASE_URL.`,
  );

/**
 * Keeps every other process out of a data directory for as long as this one lives. PGlite itself has no such lock: two of them on one
 * directory lose what was acknowledged, without an error (electric-sql/pglite#1106). `lost` is called in the one case that cannot be
 * prevented: this process stood still for so long that another took it for dead.
 */
export async function lockDirectory(directory: string, lost: () => void): Promise<DirectoryLock> {
  const resolved = realpathSync(directory);
  if (process.platform !== 'linux') return lockByFile(resolved);
  const name = await lockByName(resolved);
  const claim = new DirectoryClaim(resolved);
  try {
    if (!(await claim.take(lost))) throw inUse(resolved);
  } catch (error) {
    await name.release();
    throw error;
  }
  return {
    release: async () => {
      claim.release();
      await name.release();
    },
  };
}

/** A socket in the abstract namespace: the kernel frees its name with the process, however that ends. */
async function lockByName(directory: string): Promise<DirectoryLock> {
  const name = createHash('sha256').update(directory).digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? inUse(directory) : error),
    );
    server.listen(`\0guest-manager/${name}`, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A file that names the process, taken over only from one that is dead. */
async function lockByFile(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'process.pid');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return { release: async () => rmSync(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (isAlive(Number(readFileSync(path, 'utf8')))) break;
      rmSync(path, { force: true });
    }
  }
  throw inUse(directory);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
