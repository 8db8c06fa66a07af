import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { imitation } from '../src/adapters/crm/imitation.contract.js';
import { newDataDir } from './storage/test-storage.js';
import { aBody, Client, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { startProcess } from './support/process.js';

const root = join(__dirname, '..');
const page = readFileSync(join(root, 'docs', 'add-a-crm.md'), 'utf8');
const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);
const INDEX = join('src', 'adapters', 'crm', 'index.ts');

/** A reader who does what the page says, in a copy of the repository. */
function follow(): string {
  const place = mkdtempSync(join(tmpdir(), 'guest-manager-crm-'));
  for (const name of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json', 'jest.config.js'])
    cpSync(join(root, name), join(place, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  for (const code of blocks) {
    const [, file] = /^\/\/ (src\/\S+)\n/.exec(code) ?? [];
    if (file !== undefined) writeFileSync(join(place, file), code);
  }
  const [line, used] = blocks.filter((code) => !code.startsWith('// '));
  const index = readFileSync(join(place, INDEX), 'utf8');
  writeFileSync(join(place, INDEX), `${used}${index.replace(/^\];$/m, `${line}];`)}`);
  return place;
}

describe('docs/add-a-crm.md', () => {
  let place: string;
  const run = async (command: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [join(root, 'node_modules', command), ...args], {
      cwd: place,
      maxBuffer: 1 << 26,
    });
  beforeAll(() => (place = follow()));
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it('names two files and one line with its import', () => {
    expect(blocks.map((code) => code.split('\n')[0])).toEqual([
      '// src/adapters/crm/acme.crm.ts',
      '  acme,',
      "import { acme } from './acme.crm.js';",
      '// src/adapters/crm/acme.crm.spec.ts',
    ]);
  });

  it('passes the contract of every CRM', async () => {
    const config =
      "module.exports = { ...require('./jest.config.js'), globalSetup: undefined, reporters: ['default'] };";
    writeFileSync(join(place, 'jest.acme.js'), config);
    const specs = ['src/adapters/crm/acme', 'src/adapters/crm/index'];
    const { stderr } = await run('jest/bin/jest.js', '-c', 'jest.acme.js', '-i', '--no-color', ...specs);
    expect(stderr).toMatch(/Test Suites: 2 passed, 2 total/);
    expect(stderr).toMatch(/Tests: +\d{2,} passed, \d+ total/);
  }, 180_000);

  it('compiles, and keeps Acme in step', async () => {
    await run('typescript/bin/tsc', '-p', 'tsconfig.build.json');
    const migrations = join('adapters', 'storage', 'migrations');
    cpSync(join(place, 'src', migrations), join(place, 'dist', migrations), { recursive: true });
    const arrived: { key: string; hash: string }[] = [];
    const server = await imitation(({ method, body }) => {
      if (method === 'GET') return { status: 200 };
      const { contacts } = body as { contacts: typeof arrived };
      arrived.push(...contacts);
      return { status: 200, body: { outcomes: contacts.map(({ key }) => ({ key, outcome: 'created' })) } };
    });
    const key = 'a-key-that-is-long-enough-0123';
    const env = { CRMS: 'acme', ACME_URL: server.url, ACME_TOKEN: 'acme-secret', API_KEYS: `web:${key}:*` };
    const entry = relative(join(root, 'dist'), join(place, 'dist', 'main.js'));
    const dataDir = await newDataDir();
    const ports = { DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0' };
    const service = await startProcess(entry, { ...env, ...ports }, /A first guest[\s\S]*?http/);
    try {
      const api = new Client(/API +(http:\S+)\/v1/.exec(service.output())![1]!, key);
      const { body, status } = await api.post<GuestAnswer>(
        '/v1/guests',
        aBody({ mode: 'widget', email: 'user@example.com' }),
      );
      expect(status).toBe(201);
      await until(
        async () => arrived,
        (all) => all.some((contact) => contact.key === body.id && /^[0-9a-f]{64}$/.test(contact.hash)),
      );
    } finally {
      await service.stop('SIGTERM');
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    }
  }, 180_000);
});
