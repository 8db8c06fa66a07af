import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { errorCode } from './app-error.js';
import { Leases } from './leases.js';
import { withRunContext } from './run-context.js';

/** What the schedule lacks: one run at a time, an outcome by name, and a shutdown that waits for what is running. */
export class JobRunner implements BeforeApplicationShutdown {
  private readonly logger = new Logger('jobs');
  private readonly running = new Map<string, Promise<void>>();
  private readonly again = new Set<string>();
  private stopping = false;

  constructor(private readonly leases: Leases) {}

  /**
   * For work that several processes may share, because they lease what they work on: one run at a time in this process. Asked for while
   * running, it runs once more afterwards, so that what was asked for is never missed.
   */
  async run(name: string, work: () => Promise<unknown>): Promise<void> {
    if (this.stopping) return;
    const running = this.running.get(name);
    if (running !== undefined) {
      this.again.add(name);
      return running;
    }
    const run = this.repeatedly(name, work).finally(() => this.running.delete(name));
    this.running.set(name, run);
    return run;
  }

  /** For work that only one process may do at a time. `leaseMs` is longer than the work ever takes. */
  runAlone(name: string, leaseMs: number, work: () => Promise<unknown>): Promise<void> {
    return this.run(name, async () => {
      if (!(await this.leases.take(`job:${name}`, leaseMs))) return;
      try {
        await work();
      } finally {
        await this.leases.release(`job:${name}`);
      }
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running.values());
  }

  private async repeatedly(name: string, work: () => Promise<unknown>): Promise<void> {
    do {
      this.again.delete(name);
      await withRunContext({ id: randomUUID(), actor: `job:${name}` }, () => this.observe(name, work));
    } while (this.again.has(name) && !this.stopping);
  }

  private async observe(name: string, work: () => Promise<unknown>): Promise<void> {
    const startedAt = performance.now();
    try {
      await work();
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
