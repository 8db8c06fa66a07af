import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');

describe('the demo', () => {
  it('sees every step on the other side, and leaves nothing behind', async () => {
    const place = await mkdtemp(join(tmpdir(), 'demo-spec-'));
    const { code, output } = await demo({ TMPDIR: place });
    expect(output).toContain('All of this was really seen');
    expect(code).toBe(0);
    for (const seen of [
      'a conversation started there, and its participant carries our guest id',
      'the bot greeted',
      "the agent's reply came back through our API",
      'both changes are there, and nobody had to be asked',
      'our merge rule kept both',
      'that is refused with 412',
      'the participant carries source, locale, converted, campaignId, originPage, emailHash',
      'we count as many messages as Genesys Cloud holds',
      'there is one record under our guest id, with both hashes',
      'recomputed here, every hash is the one in the trail',
      'the conversation has really ended at Genesys Cloud',
      'our guest is closed',
      'not in its log',
      'not in anything Genesys Cloud or the CRM received',
    ])
      expect(output).toContain(`✓ ${seen}`);
    expect(output).not.toMatch(/user@example|555-?0147/);
    expect(await readdir(place)).toEqual([]);
    await rm(place, { recursive: true });
  }, 180_000);

  it('says where it failed, and fails', async () => {
    const { code, output } = await demo({ TMPDIR: '/does/not/exist' });
    expect(output).toContain('✗ The demo failed at step 1');
    expect(code).toBe(1);
  }, 180_000);
});

/** As `npm run demo` does it. */
function demo(env: NodeJS.ProcessEnv): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd: ROOT, env: { ...process.env, ...env }, timeout: 170_000 };
    execFile(process.execPath, ['scripts/run.js', 'demo/main'], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, output: stdout + stderr }),
    );
  });
}
