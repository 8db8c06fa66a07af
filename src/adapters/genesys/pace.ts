import { setTimeout as sleep } from 'node:timers/promises';
import type { Rate } from '../../kernel/rates.js';
import { tooFast } from './genesys-errors.js';

/** When one went, or is going to go as things stand. */
type Slot = { at: number };

/** Our side of a limit of Genesys's: we wait rather than be refused, since a refused message is not kept for us. */
export class Pace {
  private slots: readonly Slot[] = [];
  private last: Promise<void> = Promise.resolve();
  private restUntil = -Infinity;
  private readonly most: number;

  constructor(private readonly rates: readonly Rate[]) {
    this.most = Math.max(...rates.map(({ count }) => count));
  }

  /**
   * Resolves when the next one may go, in the order of asking. What takes long to arrive is counted by Genesys later than it went: calling what
   * is answered says that it has been counted by now.
   * @throws AppError `throttled` at once when that takes longer than `patienceMs`
   */
  async turn(patienceMs: number): Promise<() => void> {
    const before = this.slots;
    const now = performance.now();
    const slot = { at: Math.max(now, this.earliestAfter(before)) };
    if (slot.at - now > patienceMs) throw tooFast(Math.ceil(slot.at - now));
    this.slots = [...before, slot].slice(-this.most);
    // In the order of asking, also where a busy process wakes those who wait late and all at once.
    this.last = this.last.then(() => this.wait(slot, before));
    await this.last;
    return () => (slot.at = performance.now());
  }

  /** Nobody goes for so long, because we were told so: those who wait already, too. */
  rest(ms: number): void {
    this.restUntil = Math.max(this.restUntil, performance.now() + ms);
  }

  private async wait(slot: Slot, before: readonly Slot[]): Promise<void> {
    const due = (): number => Math.max(slot.at, this.earliestAfter(before)) - performance.now();
    for (let waitMs = due(); waitMs > 0; waitMs = due()) await sleep(waitMs);
    // Whoever comes next counts from when it really went: a busy process is late, and would otherwise go twice as fast afterwards.
    slot.at = performance.now();
  }

  /**
   * A turn at once, for what can be left out, or none: only while less than half of every rate is used, so that what cannot be left out always has
   * the other half.
   */
  spareTurn(): boolean {
    const now = performance.now();
    if (this.restUntil > now) return false;
    const isBusy = this.rates.some(
      ({ count, perMs }) => this.slots.filter(({ at }) => at > now - perMs).length * 2 >= count,
    );
    if (isBusy) return false;
    this.slots = [...this.slots, { at: now }].slice(-this.most);
    return true;
  }

  private earliestAfter(slots: readonly Slot[]): number {
    return Math.max(
      this.restUntil,
      ...this.rates.map(({ count, perMs }) => (slots.at(-count)?.at ?? -Infinity) + perMs),
    );
  }
}
