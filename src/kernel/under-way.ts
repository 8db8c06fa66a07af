import { setTimeout as sleep } from 'node:timers/promises';

/** What has been begun and not been awaited. The first failure is kept for whoever asks; none is lost or left unhandled. */
export class UnderWay {
  private readonly works = new Set<Promise<void>>();
  private readonly errors: unknown[] = [];

  get size(): number {
    return this.works.size;
  }

  get hasFailed(): boolean {
    return this.errors.length > 0;
  }

  add(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => void this.errors.push(error))
      .finally(() => this.works.delete(watched));
    this.works.add(watched);
  }

  /** Resolves when one of them has ended. */
  any(): Promise<void> {
    return Promise.race(this.works);
  }

  /** Resolves when one of them has ended, or after so many milliseconds. */
  async anyWithin(ms: number): Promise<void> {
    const timer = new AbortController();
    const over = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([...this.works, over]);
    timer.abort();
  }

  /** Resolves when all have ended, those begun meanwhile too. @throws what the first that failed threw */
  async all(): Promise<void> {
    while (this.works.size > 0) await this.any();
    if (this.hasFailed) throw this.errors[0];
  }
}
