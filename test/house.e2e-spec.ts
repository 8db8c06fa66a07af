import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const root = join(__dirname, '..');
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

/** What a command printed; it is no fault here that it complained. */
async function output(command: string, args: string[], cwd = root): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, maxBuffer: 2 ** 26 });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

/** A wrong import for every rule: the file it stands in, what it says, and the rule that has to notice. */
const PLANTED: [rule: string, file: string, line: string][] = [
  ['no-cycles', 'src/kernel/clock.ts', "export * from './kernel.module';"],
  ['rules-and-ports-import-no-package', 'src/modules/guest/guest.ts', "import '@nestjs/common';"],
  ['rules-and-ports-import-no-package', 'src/modules/guest/ports/conversations.ts', "import 'axios';"],
  ['rules-and-ports-know-no-service', 'src/modules/metrics/metrics.ts', "import './metrics.service';"],
  ['inside-never-imports-outside', 'src/modules/guest/guest.service.ts', "import '../../adapters/crm/index';"],
  ['inside-never-imports-outside', 'src/modules/crm-sync/crm-sync.service.ts', "import '../../config';"],
  ['kernel-knows-nobody', 'src/kernel/backoff.ts', "import '../modules/audit/index';"],
  ['http-knows-only-the-kernel', 'src/http/etag.ts', "import '../modules/audit/index';"],
  ['modules-meet-at-the-front-door', 'src/modules/guest/guest.service.ts', "import '../audit/audit.service';"],
  ['nobody-imports-its-own-front-door', 'src/modules/guest/guest.service.ts', "import './index';"],
  ['identity-arrows', 'src/modules/identity/identity.service.ts', "import '../audit/index';"],
  ['metrics-arrows', 'src/modules/metrics/metrics.service.ts', "import '../crm-sync/index';"],
  ['retention-arrows', 'src/modules/retention/retention.service.ts', "import '../guest/index';"],
  ['webhooks-arrows', 'src/modules/webhooks/webhooks.service.ts', "import '../guest/index';"],
  ['audit-arrows', 'src/modules/audit/audit.service.ts', "import '../identity/index';"],
  ['adapters-use-front-doors', 'src/adapters/crm/rest.crm.ts', "import '../../modules/guest/guest';"],
  ['adapters-keep-apart', 'src/adapters/crm/rest.crm.ts', "import '../genesys/genesys.settings';"],
  ['adapters-know-only-the-inside', 'src/adapters/crm/rest.crm.ts', "import '../../sandbox/sandbox';"],
  ['the-other-side-knows-nothing-of-us', 'src/sandbox/sandbox.ts', "import '../kernel/clock';"],
  ['the-client-depends-on-nothing', 'src/client/index.ts', "import 'axios';"],
  [
    'the-in-process-edge-uses-front-doors',
    'src/in-process/in-process-guest-transport.ts',
    "import '../modules/guest/guest.service';",
  ],
  ['one-adapter-knows-the-genesys-sdk', 'src/modules/guest/guest.jobs.ts', "import 'purecloud-platform-client-v2';"],
  ['tests-are-not-shipped', 'src/modules/guest/guest.service.ts', "import './guest.spec';"],
  ['shipped-code-needs-no-dev-dependency', 'src/http/etag.ts', "import 'fast-check';"],
];

describe('the house', () => {
  it('has only arrows that point the right way', async () => {
    const { code, text } = await output(bin('depcruise'), ['src', '--config', '.dependency-cruiser.cjs']);
    expect({ code, text }).toEqual({
      code: 0,
      text: expect.stringContaining('no dependency violations found') as string,
    });
  }, 180_000);

  it('notices every kind of wrong import', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'guest-manager-arch-'));
    try {
      for (const name of ['src', 'tsconfig.json', 'package.json', '.dependency-cruiser.cjs'])
        cpSync(join(root, name), join(copy, name), { recursive: true });
      symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
      for (const [, file, line] of PLANTED) {
        mkdirSync(dirname(join(copy, file)), { recursive: true });
        writeFileSync(join(copy, file), `\n${line}\n`, { flag: 'a' });
      }
      const { code, text } = await output(bin('depcruise'), ['src', '--config', '.dependency-cruiser.cjs'], copy);
      expect(code).not.toBe(0);
      for (const [rule, file] of PLANTED) expect(text).toContain(`error ${rule}: ${file}`);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  }, 180_000);

  it('has no type errors, tests included', async () => {
    for (const project of ['tsconfig.json', 'examples/tsconfig.json'])
      expect(await output(bin('tsc'), ['--noEmit', '-p', project])).toEqual({ code: 0, text: '' });
  }, 300_000);

  it('is linted and formatted', async () => {
    expect(await output(bin('eslint'), ['.'])).toEqual({ code: 0, text: '' });
    expect((await output(bin('prettier'), ['--check', '--log-level', 'warn', '.'])).text).toBe('');
  }, 300_000);
});
