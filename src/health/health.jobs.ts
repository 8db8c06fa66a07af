import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { JobRunner } from '../kernel/job-runner.js';
import { HealthService } from './health.service.js';

/** Notices a dependency that goes down while nobody asks. */
@Injectable()
export class HealthJobs {
  constructor(
    private readonly health: HealthService,
    private readonly runner: JobRunner,
  ) {}

  @Cron(CronExpression.EVERY_30_SECONDS, { name: 'health.check', timeZone: 'UTC' })
  check(): Promise<void> {
    return this.runner.run('health.check', () => this.health.all());
  }
}
