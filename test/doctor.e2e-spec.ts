import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../src/sandbox/lab.contract.js';

const launcher = join(__dirname, '..', 'scripts', 'guest-manager.js');

type Ended = { readonly code: number; readonly said: string };

/** The command as somebody types it, in a directory of their own. */
async function guestManager(args: string[], env: Record<string, string> = {}): Promise<Ended & { wrote: boolean }> {
  const cwd = mkdtempSync(join(tmpdir(), 'doctor-'));
  const ended = await new Promise<Ended>((resolve) => {
    const options = { cwd, env: { PATH: process.env['PATH'], HOME: cwd, ...env } };
    execFile(process.execPath, [launcher, ...args], options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr }),
    );
  });
  const wrote = existsSync(join(cwd, 'data'));
  rmSync(cwd, { recursive: true, force: true });
  return { ...ended, wrote };
}

describe('guest-manager doctor', () => {
  it('examines a local sandbox where nothing is configured, and makes no data directory for it', async () => {
    const { code, said, wrote } = await guestManager(['doctor']);
    expect(said).toContain('Nothing is missing.');
    expect(said).toContain('no GENESYS_CLIENT_ID is given');
    expect([code, wrote]).toEqual([0, false]);
  });

  it('says by its exit code how much is missing, and shows no secret', async () => {
    const lab = await Lab.open();
    const env = { ...lab.sandbox.environment };
    await lab.http('PATCH', '/sandbox/genesys/deployment', { conversationClear: false });
    const costs = await guestManager(['doctor'], env);
    expect(costs.said).toContain('Conversation Clear is off');
    expect(costs.code).toBe(1);
    const stops = await guestManager(['doctor'], { ...env, GENESYS_CLIENT_SECRET: 'not-this-secret' });
    expect(stops.said).toContain('does not accept GENESYS_CLIENT_ID');
    expect(stops.code).toBe(2);
    for (const { said } of [costs, stops])
      for (const secret of [lab.sandbox.connection.genesys.clientSecret, 'not-this-secret'])
        expect(said).not.toContain(secret);
    await lab.close();
  });

  it('names what is wrong with the configuration, and what commands there are', async () => {
    const { code, said } = await guestManager(['doctor'], { GENESYS_MODE: 'cloud' });
    expect([code, said]).toEqual([2, expect.stringContaining('GENESYS_CLIENT_ID is missing')]);
    expect(await guestManager(['nonsense'])).toMatchObject({
      code: 64,
      said: expect.stringContaining('doctor') as string,
    });
    expect(await guestManager([])).toMatchObject({ code: 0, said: expect.stringContaining('doctor') as string });
  });
});
