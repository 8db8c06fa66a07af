import { setTimeout as sleep } from 'node:timers/promises';

/** Something the story promised was not to be seen. */
export class NotSeen extends Error {}

/** Tells what happens, step by step, and believes nothing that it has not seen. */
export class Story {
  private number = 0;
  private title = '';

  constructor(private readonly print: (line: string) => void = console.log) {}

  /** Where the story is: `step 3 (…)`. */
  get place(): string {
    return this.number === 0 ? 'the beginning' : `step ${this.number} (${this.title})`;
  }

  step(title: string): void {
    this.number += 1;
    this.title = title;
    this.print(`\n${this.number}. ${title}\n`);
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) this.print(line === '' ? '' : `   ${line}`);
  }

  /** Says so if it is so, and ends the story otherwise. */
  saw(sentence: string, isSo: boolean): void {
    if (!isSo) throw new NotSeen(sentence);
    this.print(`   ✓ ${sentence}`);
  }

  /** As `saw`, for what needs a moment: looks again until there is something to see, and gives it. */
  async waitFor<T>(
    sentence: string,
    look: () => Promise<T | null | undefined | false>,
    patienceMs = 15_000,
  ): Promise<T> {
    const seen = await seenWithin(patienceMs, look);
    if (seen === null) throw new NotSeen(`${sentence} (waited ${patienceMs / 1_000} s)`);
    this.print(`   ✓ ${sentence}`);
    return seen;
  }
}

/** Looks again and again until there is something. Null when there was not in time. */
export async function seenWithin<T>(ms: number, look: () => Promise<T | null | undefined | false>): Promise<T | null> {
  const giveUpAt = Date.now() + ms;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined && seen !== false) return seen;
    if (Date.now() > giveUpAt) return null;
    await sleep(50);
  }
}
