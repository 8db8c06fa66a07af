import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { Clock } from '../kernel/clock.js';
import { JobRunner } from '../kernel/job-runner.js';
import { IDEMPOTENCY_TTL_MS, IdempotencyStore } from './idempotency.store.js';

const PURGE_LEASE_MS = 10 * 60_000;

/** Forgets answers nobody can ask for any more. */
@Injectable()
export class IdempotencyJobs {
  constructor(
    private readonly answers: IdempotencyStore,
    private readonly runner: JobRunner,
    private readonly clock: Clock,
  ) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'idempotency.purge', timeZone: 'UTC' })
  purge(): Promise<void> {
    return this.runner.runAlone('idempotency.purge', PURGE_LEASE_MS, () =>
      this.answers.purge(new Date(this.clock.now().getTime() - IDEMPOTENCY_TTL_MS)),
    );
  }
}
