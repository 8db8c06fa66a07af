import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DirectoryClaim } from './directory-claim.js';

const PACE = { beatMs: 40, patienceMs: 400 };

describe('DirectoryClaim', () => {
  let directory: string;
  const claims: DirectoryClaim[] = [];
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'guest-manager-'))));
  afterEach(() => {
    claims.splice(0).forEach((claim) => claim.release());
    rmSync(directory, { recursive: true, force: true });
  });

  const claim = (place: string): DirectoryClaim => {
    const made = new DirectoryClaim(directory, place, PACE);
    claims.push(made);
    return made;
  };
  const nobody = (): void => undefined;
  /** Its process stands still, or is dead. */
  const silence = (owner: DirectoryClaim): void => clearInterval((owner as unknown as { beat: NodeJS.Timeout }).beat);

  it('keeps out another container while its owner lives', async () => {
    expect(await claim('here').take(nobody)).toBe(true);
    expect(await claim('there').take(nobody)).toBe(false);
    expect(await claim('there').take(nobody)).toBe(false);
  });

  it('lets another container in at once after a clean end, and after a while when the owner is silent', async () => {
    const first = claim('here');
    await first.take(nobody);
    first.release();
    const second = claim('there');
    expect(await second.take(nobody)).toBe(true);
    silence(second);
    const startedAt = Date.now();
    expect(await claim('here').take(nobody)).toBe(true);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(PACE.patienceMs - 10);
  });

  it('needs no patience where the kernel has said that the owner is dead', async () => {
    const killed = claim('here');
    await killed.take(nobody);
    silence(killed);
    const startedAt = Date.now();
    expect(await claim('here').take(nobody)).toBe(true);
    expect(Date.now() - startedAt).toBeLessThan(PACE.patienceMs);
  });

  it('lets one of two in who find the same dead owner', async () => {
    const dead = claim('here');
    await dead.take(nobody);
    silence(dead);
    const answers = await Promise.all([claim('there').take(nobody), claim('elsewhere').take(nobody)]);
    expect(answers.filter((isTaken) => isTaken)).toHaveLength(1);
  });

  it('tells an owner who stood still too long that it is one no more', async () => {
    const still = claim('here');
    let isLost = false;
    await still.take(() => (isLost = true));
    const taken = claim('there');
    // Standing still is not to beat; the claim is taken over meanwhile.
    const beat = jest.spyOn(still as unknown as { show(): boolean }, 'show').mockReturnValue(true);
    expect(await taken.take(nobody)).toBe(true);
    beat.mockRestore();
    await sleep(3 * PACE.beatMs);
    expect(isLost).toBe(true);
    still.release();
    expect(readdirSync(directory)).toEqual(['owner']);
  });
});
