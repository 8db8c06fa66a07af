import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newDataDir } from './storage/test-storage.js';
import { Client, until } from './support/client.js';
import { startProcess } from './support/process.js';

const root = join(__dirname, '..');

/** Somebody's CRM: it keeps contacts by key. */
async function startAcme() {
  const contacts = new Map<string, Record<string, unknown>>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isKnown = request.headers.authorization === 'Bearer acme-secret';
      if (isKnown && request.method === 'POST')
        for (const contact of JSON.parse(Buffer.concat(chunks).toString()) as { key: string }[])
          contacts.set(contact.key, contact);
      response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { contacts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

describe('the examples', () => {
  let dataDir: string;
  beforeAll(async () => {
    // As a user would: against the package by its name, as it was built.
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', 'examples/tsconfig.build.json'], {
      cwd: root,
    });
    expect(stdout).toBe('');
  }, 120_000);
  beforeEach(async () => {
    dataDir = await newDataDir();
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it('own-crm: a shop keeps its own CRM in step', async () => {
    const acme = await startAcme();
    const env = { DATA_DIR: dataDir, SANDBOX_PORT: '0', SHOP_PORT: '0', ACME_URL: acme.url, ACME_TOKEN: 'acme-secret' };
    const shop = await startProcess('examples/own-crm/main.js', env, /the shop is open at (\S+)/);
    try {
      const api = new Client(/the shop is open at (\S+)/.exec(shop.output())![1]!);
      const { body } = await api.post<{ guest: string }>('/visits', { email: 'user@example.com', newsletter: true });
      await until(
        async () => acme.contacts.get(body.guest),
        (contact) => contact !== undefined,
      );
      expect(acme.contacts.get(body.guest)).toEqual({
        key: body.guest,
        hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        newsletter: true,
        seen: expect.any(String) as string,
      });
      await until(
        async () => (await api.get<{ state: string }>(`/visits/${body.guest}`)).body.state,
        (state) => state === 'active',
      );
    } finally {
      await shop.stop('SIGTERM');
      acme.close();
    }
  }, 60_000);

  it('own-consent-source: a shop whose preference centre has the last word', async () => {
    const env = { DATA_DIR: dataDir, SANDBOX_PORT: '0' };
    const shop = await startProcess('examples/own-consent-source/main.js', env, /^closed$/m);
    await shop.stop('SIGTERM');
    expect(shop.output()).toContain('reader@example.com: {"marketing":true,"dataProcessing":true}');
    expect(shop.output()).toContain('stranger@example.com: {"marketing":false,"dataProcessing":true}');
    expect(shop.output()).toContain('objector@example.com: consent.required');
  }, 60_000);
});
