import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NotSeen, seenWithin } from './story.js';

const START_MS = 90_000;
const STOP_MS = 10_000;

/** A service of our own, as `npm start` runs it, with a directory that nobody else uses and nothing of our environment. */
export class LocalService {
  /** Everything it has written so far. */
  log = '';

  private constructor(
    readonly url: string,
    readonly sandboxUrl: string,
    readonly dataDir: string,
    private readonly directory: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    // However the demo ends, nothing of it goes on.
    process.once('exit', () => {
      this.child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  /** Starts it and waits until it reaches its database, Genesys Cloud and the CRM. */
  static async start(): Promise<LocalService> {
    const directory = await mkdtemp(join(tmpdir(), 'guest-manager-demo-'));
    const [port, sandboxPort] = await freePorts();
    const dataDir = join(directory, 'data');
    const env = {
      PATH: process.env['PATH'],
      GENESYS_MODE: 'sandbox',
      PORT: String(port),
      SANDBOX_PORT: String(sandboxPort),
      DATA_DIR: dataDir,
      // As talkative as it can be: what it must not say, it must not say even then.
      LOG_LEVEL: 'trace',
    };
    // Elsewhere than here, so that a .env of this directory is not its own.
    const child = spawn(process.execPath, [join(__dirname, '..', 'main.js')], { env, cwd: directory });
    const url = `http://127.0.0.1:${port}`;
    const service = new LocalService(url, `http://127.0.0.1:${sandboxPort}/sandbox`, dataDir, directory, child);
    try {
      await service.untilReady();
    } catch (error) {
      await service.remove();
      throw error;
    }
    return service;
  }

  /** The key it has made for itself. */
  async apiKey(): Promise<string> {
    return (await readFile(join(this.dataDir, 'api-key'), 'utf8')).trim();
  }

  /** Lets it leave in its own way. False when it had to be made to. */
  async stop(): Promise<boolean> {
    if (!this.hasEnded) {
      const ended = once(this.child, 'close');
      this.child.kill('SIGTERM');
      const killing = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(killing);
    }
    return this.child.exitCode === 0;
  }

  /** Stops it and leaves nothing behind. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** For whoever has to find out what went wrong. */
  lastWords(): string {
    return `It wrote last:\n${this.log.trimEnd().split('\n').slice(-15).join('\n')}`;
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async untilReady(): Promise<void> {
    const isReady = await seenWithin(START_MS, async () => this.hasEnded || (await this.isReady()));
    if (isReady === null || this.hasEnded) throw new NotSeen(`the service is ready. ${this.lastWords()}`);
  }

  private async isReady(): Promise<boolean> {
    const answer = await fetch(`${this.url}/health/dependencies`).catch(() => null);
    const health = answer?.ok ? ((await answer.json()) as { status: string }) : null;
    return health?.status === 'ok';
  }
}

/** Two ports nobody listens on just now. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = servers.map(async (server) => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  });
  const [first, second] = await Promise.all(ports);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return [first!, second!];
}
