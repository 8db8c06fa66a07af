import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { testService } from './support/service.js';

const root = join(__dirname, '..');
const bundle = join(root, 'dist', 'client', 'index.mjs');
const TOKEN = 'a-key-that-is-long-enough-for-tests';

/** Makes a guest, changes it and ends it, and prints what became of it. */
const STORY = `
  const guests = GuestManager.http({ baseUrl: process.argv[1], token: async () => '${TOKEN}' });
  const guest = await guests.createGuest({ mode: 'widget', consent: { marketing: false, dataProcessing: true } });
  await guests.updateGuest(guest, { attributes: { source: 'website' } });
  const { state, attributes } = await guests.closeGuest(guest);
  console.log(JSON.stringify({ state, attributes }));
`;

describe('genesys-guest-manager/client', () => {
  it('weighs at most 6 kB, as browsers load it', () => {
    const source = readFileSync(bundle, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n?$/, '');
    const { outputFiles } = buildSync({ stdin: { contents: source }, minify: true, write: false, format: 'esm' });
    expect(gzipSync(outputFiles[0]!.contents).length).toBeLessThanOrEqual(6_000);
    // It is minified as it is: doing it again gains nothing worth mentioning.
    expect(gzipSync(source).length).toBeLessThanOrEqual(6_000);
  });

  it('brings all it needs: nothing of Node, no package', () => {
    const { metafile } = buildSync({
      entryPoints: [bundle],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'browser',
      format: 'esm',
    });
    expect(Object.values(metafile.inputs).flatMap(({ imports }) => imports)).toEqual([]);
    const source = readFileSync(bundle, 'utf8');
    expect(source).not.toMatch(/\b(require|import)\b\s*[("']/);
    for (const name of ['process', 'Buffer', 'global', ...builtinModules.map((name) => `"${name}"`)])
      expect(source).not.toMatch(new RegExp(`(^|[^.\\w])${name.replace('/', '\\/')}\\b(?!:)`));
  });

  it.each([
    ['imported', ['--input-type=module', '-e', `import { GuestManager } from 'genesys-guest-manager/client';${STORY}`]],
    [
      'required',
      ['-e', `const { GuestManager } = require('genesys-guest-manager/client');(async () => {${STORY}})();`],
    ],
  ])('works against the service when %s by its name', async (_, args) => {
    const running = await testService({ API_KEYS: `tests:${TOKEN}:*` });
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [...args, running.service.url], { cwd: root });
      expect(JSON.parse(stdout)).toEqual({ state: 'closing', attributes: { source: 'website' } });
    } finally {
      await running.close();
    }
  });
});
