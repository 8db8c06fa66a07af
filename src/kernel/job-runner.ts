import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { errorCode } from './app-error.js';
import { Leases } from './leases.js';
import { withRunContext } from './run-context.js';

/** What a job does. Work without end of its own looks at `leaving` and stops where it may: the process is about to go. */
export type Work = (leaving: AbortSignal) => Promise<unknown>;

/** What the schedule lacks: one run at a time, an outcome by name, and a shutdown that waits for what is running. */
export class JobRunner implements BeforeApplicationShutdown {
  private readonly logger = new Logger('jobs');
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private readonly leaving = new AbortController();

  constructor(private readonly leases: Leases) {}

  /**
   * For work that several processes may share, because they lease what they work on: one run at a time in this process. Asked for while
   * running, it runs once more afterwards, so that what was asked for is never missed.
   */
  async run(name: string, work: Work): Promise<void> {
    if (this.leaving.signal.aborted) return;
    const running = this.running.get(name);
    if (running !== undefined) {
      this.again.add(name);
      return running;
    }
    const run = this.repeatedly(name, work);
    this.running.set(name, run);
    return run;
  }

  /** For work that only one process may do at a time. `leaseMs` is longer than the work ever takes. */
  runAlone(name: string, leaseMs: number, work: Work): Promise<void> {
    return this.run(name, async (leaving) => {
      if (!(await this.leases.take(`job:${name}`, leaseMs))) return;
      try {
        await work(leaving);
      } finally {
        await this.leases.release(`job:${name}`);
      }
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.leaving.abort();
    await Promise.all(this.running.values());
  }

  private async repeatedly(name: string, work: Work): Promise<void> {
    do {
      this.again.delete(name);
      await withRunContext({ id: randomUUID(), actor: `job:${name}` }, () => this.observe(name, work));
    } while (this.again.has(name) && !this.leaving.signal.aborted);
    // At once, so that whoever asks from now on begins another run.
    this.running.delete(name);
  }

  private async observe(name: string, work: Work): Promise<void> {
    const startedAt = performance.now();
    try {
      await work(this.leaving.signal);
      this.logger.debug('job done', { job: name, ms: Math.round(performance.now() - startedAt) });
    } catch (error) {
      this.logger.error('job failed', {
        job: name,
        code: errorCode(error),
        ms: Math.round(performance.now() - startedAt),
        error,
      });
    }
  }
}
