import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type ClaimPace = {
  /** How often a living owner shows that it lives. */
  readonly beatMs: number;
  /** How long an owner elsewhere may be silent before it counts as dead. Longer than anything that holds up the event loop. */
  readonly patienceMs: number;
};

const PACE: ClaimPace = { beatMs: 1_000, patienceMs: 10_000 };

/**
 * Says in the directory itself who works in it, for those whom the kernel does not tell: two containers on one volume share no
 * names and no process ids. A living owner touches its claim again and again; one left behind on the same machine needs no patience,
 * because there the kernel has already said that its owner is gone.
 */
export class DirectoryClaim {
  private readonly content: string;
  private readonly path: string;
  private beat: NodeJS.Timeout | undefined;

  constructor(
    directory: string,
    private readonly place = placeOfThisProcess(),
    private readonly pace: ClaimPace = PACE,
  ) {
    this.path = join(directory, 'owner');
    this.content = `${randomUUID()} ${place}`;
  }

  /** False when somebody elsewhere works in the directory. `lost` is called if another takes it over while we still live. */
  async take(lost: () => void): Promise<boolean> {
    const before = this.look();
    const isElsewhere = before !== null && !before.content.endsWith(` ${this.place}`);
    if (isElsewhere && !(await this.staysSilent(before.touchedAt))) return false;
    this.write();
    // Two that found the same dead owner have both written now; the later one has it.
    if (isElsewhere) await sleep(this.pace.beatMs);
    if (this.look()?.content !== this.content) return false;
    this.beat = setInterval(() => {
      if (this.show()) return;
      clearInterval(this.beat);
      lost();
    }, this.pace.beatMs);
    this.beat.unref();
    return true;
  }

  release(): void {
    clearInterval(this.beat);
    if (this.look()?.content === this.content) rmSync(this.path, { force: true });
  }

  private async staysSilent(touchedAt: number): Promise<boolean> {
    for (let waited = 0; waited < this.pace.patienceMs; waited += this.pace.beatMs / 2) {
      await sleep(this.pace.beatMs / 2);
      const now = this.look();
      if (now === null) return true;
      if (now.touchedAt !== touchedAt) return false;
    }
    return true;
  }

  private look(): { readonly content: string; readonly touchedAt: number } | null {
    try {
      return { content: readFileSync(this.path, 'utf8'), touchedAt: statSync(this.path).mtimeMs };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  private write(): void {
    const unfinished = `${this.path}.${process.pid}`;
    writeFileSync(unfinished, this.content);
    renameSync(unfinished, this.path);
  }

  /** Shows that we live. False when the claim is another's now. */
  private show(): boolean {
    try {
      const now = this.look();
      if (now === null) this.write();
      else if (now.content === this.content) utimesSync(this.path, new Date(), new Date());
      else return false;
    } catch {
      // A claim that cannot be touched for a moment is no reason to stop: the next beat tries again.
    }
    return true;
  }
}

/** The same for processes that the kernel keeps apart by name, and for no others that live. */
function placeOfThisProcess(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${readlinkSync('/proc/self/ns/net')}`;
  } catch {
    return hostname();
  }
}
