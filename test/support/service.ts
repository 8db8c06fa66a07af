import { rmSync } from 'node:fs';
import { Writable } from 'node:stream';
import { readConfig } from '../../src/config.js';
import { withSandboxKeys } from '../../src/config.keys.js';
import { PinoLogger } from '../../src/logging.js';
import { startService } from '../../src/service.js';
import type { Service } from '../../src/service.js';
import { newDataDir } from '../storage/test-storage.js';
import { Client } from './client.js';

export type TestService = {
  readonly service: Service;
  /** Calls with `apiKey`. */
  readonly api: Client;
  /** The one that was made, or the first of `API_KEYS`. */
  readonly apiKey: string;
  /** The other side's own controls. */
  readonly sandbox: Client;
  readonly dataDir: string;
  /** Everything logged so far. */
  readonly log: () => string;
  close(): Promise<void>;
};

/** The whole application on real sockets and a real database on disk, with the sandbox beside it; nothing of it is replaced. */
export async function testService(env: Record<string, string> = {}): Promise<TestService> {
  const dataDir = await newDataDir();
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  let apiKey = env['API_KEYS']?.split(':')[1] ?? '';
  const settings = withSandboxKeys(
    { NODE_ENV: 'test', DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'debug', ...env },
    (made) => (apiKey = made.apiKey),
  );
  const config = readConfig(settings);
  const service = await startService(config, new PinoLogger(config.logLevel, destination));
  return {
    service,
    api: new Client(service.url, apiKey),
    apiKey,
    sandbox: new Client(`${service.sandbox!.url}/sandbox`),
    dataDir,
    log: () => lines.join(''),
    close: async () => {
      await service.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * A `testService` for the suite this is called in: started before its tests, without faults after each, closed after them. Its clients may be taken at
 * once; everything else is there when it runs.
 */
export function suiteService(env?: Record<string, string>): TestService {
  let started: TestService | undefined;
  const running = (): TestService => {
    if (started === undefined) throw new Error('The service of this suite is not running.');
    return started;
  };
  beforeAll(async () => void (started = await testService(env)), 60_000);
  afterEach(() => started?.sandbox.call('DELETE', '/faults'));
  afterAll(() => started?.close());
  return {
    api: new Client(
      () => running().api.url,
      () => running().apiKey,
    ),
    sandbox: new Client(() => running().sandbox.url),
    get service() {
      return running().service;
    },
    get apiKey() {
      return running().apiKey;
    },
    get dataDir() {
      return running().dataDir;
    },
    log: () => running().log(),
    close: () => running().close(),
  };
}
