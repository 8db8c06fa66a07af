import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { newDataDir } from '../storage/test-storage.js';
import { Client } from './client.js';
import { freePort, startProcess } from './process.js';
import type { Started } from './process.js';

/** A service in a process of its own, and its API. */
export type ServiceApart = { readonly api: Client; readonly service: Started };

/** The service and the other side in processes of their own, so that one can die alone. */
export class Apart {
  private readonly started: Started[] = [];

  private constructor(
    /** The controls of the other side. */
    readonly sandbox: Client,
    private readonly dataDir: string,
    private readonly env: Record<string, string>,
  ) {}

  /** `env` is what the service has beside what connects it to the other side. */
  static async open(env: Record<string, string> = {}): Promise<Apart> {
    const port = String(await freePort());
    const other = await startProcess('sandbox/main.js', { SANDBOX_PORT: port }, /CRM_AUTH_TOKEN=.*\n/);
    const lines = [...other.output().matchAll(/^([A-Z_]+)=(.*)$/gm)];
    const connected = Object.fromEntries(lines.map(([, name, value]) => [name!, value!]));
    const apart = new Apart(new Client(`http://127.0.0.1:${port}/sandbox`), await newDataDir(), {
      ...connected,
      LOG_LEVEL: 'warn',
      ...env,
    });
    apart.started.push(other);
    return apart;
  }

  /** Starts the service, each time on the same data. */
  async service(): Promise<ServiceApart> {
    const port = String(await freePort());
    const service = await startProcess('main.js', { ...this.env, DATA_DIR: this.dataDir, PORT: port }, /A first guest/);
    this.started.push(service);
    const apiKey = readFileSync(join(this.dataDir, 'api-key'), 'utf8').trim();
    return { service, api: new Client(`http://127.0.0.1:${port}`, apiKey) };
  }

  async close(): Promise<void> {
    await Promise.all(this.started.map((one) => one.stop('SIGKILL')));
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
