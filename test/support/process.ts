import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

export type Started = {
  /** Everything it has written so far, to either stream. */
  readonly output: () => string;
  /** As a power cut would end it, or as an operator would. */
  readonly stop: (signal: 'SIGKILL' | 'SIGTERM') => Promise<void>;
};

/** A built entry point in a process of its own, as a user starts it. Resolves when its output matches `ready`. */
export async function startProcess(entry: string, env: Record<string, string>, ready: RegExp): Promise<Started> {
  const child: ChildProcess = spawn(process.execPath, [join(root, 'dist', entry)], {
    cwd: root,
    env: { ...recording(), PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'test', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // None outlives this process, however that ends.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  let output = '';
  const isReady = new Promise<void>((resolve, reject) => {
    const heard = (chunk: Buffer): void => {
      output += String(chunk);
      if (ready.test(output)) resolve();
    };
    child.stdout!.on('data', heard);
    child.stderr!.on('data', heard);
    child.once('exit', (code) => reject(new Error(`${entry} ended with ${code}:\n${output}`)));
  });
  await isReady;
  return {
    output: () => output,
    stop: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, 'exit');
    },
  };
}

/** What lets the suite see which calls the process makes to Genesys Cloud. */
function recording(): Record<string, string> {
  const { NODE_OPTIONS, GENESYS_CALLS } = process.env;
  return NODE_OPTIONS === undefined || GENESYS_CALLS === undefined ? {} : { NODE_OPTIONS, GENESYS_CALLS };
}

/** A port nobody uses at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
