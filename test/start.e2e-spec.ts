import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from './support/process.js';

describe('a service that cannot start', () => {
  const place = mkdtempSync(join(tmpdir(), 'guest-manager-start-'));
  const dataDir = join(place, 'data');
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  /** How it ended, and what it said. */
  const start = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, ['dist/main.js'], {
      cwd: join(__dirname, '..'),
      env: { PATH: process.env['PATH'], DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'error', ...env },
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearTimeout(timer);
    return { code, said };
  };

  it('says in a sentence what to change, and lets go of what it had opened', async () => {
    const first = await startProcess('main.js', { DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0' }, /A first guest/);
    await first.stop('SIGTERM');

    const taken = createServer().listen(0, '127.0.0.1');
    taken.unref();
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    writeFileSync(join(place, 'file'), '');
    const mistakes: [Record<string, string>, RegExp][] = [
      [{ CRMS: 'nobody' }, /CRMS names nobody; there are adapters for rest/],
      [{ CRM_BATCH_UPSERT_URL: 'nowhere', CRM_AUTH_TOKEN: 'x' }, /CRM rest: CRM_BATCH_UPSERT_URL must be an http/],
      [{ PORT: String(port) }, /PORT names a port that another process listens on/],
      [{ SANDBOX_PORT: String(port) }, /SANDBOX_PORT names a port that another process listens on/],
      [{ DATA_DIR: join(place, 'file') }, /DATA_DIR must be a directory/],
      [
        { GENESYS_CLIENT_ID: 'x', GENESYS_CLIENTSECRET: 'y' },
        /GENESYS_CLIENTSECRET is not known: perhaps GENESYS_CLIENT_SECRET/,
      ],
    ];
    for (const [env, sentence] of mistakes) {
      const { code, said } = await start(env);
      expect(said.match(new RegExp(sentence, 'g'))).toHaveLength(1);
      expect(said).not.toContain('"level"');
      expect(said).not.toMatch(/^\s+at /m);
      expect(code).toBe(1);
    }

    const again = await startProcess('main.js', { DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0' }, /A first guest/);
    await again.stop('SIGTERM');
  }, 120_000);

  it('goes on without a variable that nobody reads, and says which was probably meant', async () => {
    const env = { DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0', CRM_AUTH_TOKN: 'a-value', LOGLEVEL: 'a-level' };
    const started = /"LOGLEVEL"[^]*A first guest|A first guest[^]*"LOGLEVEL"[^]*\n/;
    const service = await startProcess('main.js', env, started);
    await service.stop('SIGTERM');
    const told = service
      .output()
      .split('\n')
      .filter((line) => line.includes('variable is not known'))
      .map((line) => JSON.parse(line) as { variable: string; meant: string });
    expect(told.map(({ variable, meant }) => [variable, meant]).sort()).toEqual([
      ['CRM_AUTH_TOKN', 'CRM_AUTH_TOKEN'],
      ['LOGLEVEL', 'LOG_LEVEL'],
    ]);
    expect(service.output()).not.toMatch(/a-value|a-level/);
  }, 60_000);

  it('is told about a key of its own instead of one that is nowhere', async () => {
    const own = {
      API_KEYS: 'widget:a-key-that-is-long-enough-0123:*',
      DATA_DIR: dataDir,
      PORT: '0',
      SANDBOX_PORT: '0',
    };
    const service = await startProcess('main.js', own, /A first guest/);
    await service.stop('SIGTERM');
    expect(service.output()).toContain('as given in API_KEYS');
    expect(service.output()).not.toContain('a-key-that-is-long-enough');
  }, 60_000);
});
