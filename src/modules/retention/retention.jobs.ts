import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import { RetentionService } from './retention.service.js';

const LEASE_MS = 30 * 60_000;

@Injectable()
export class RetentionJobs {
  constructor(
    private readonly retention: RetentionService,
    private readonly runner: JobRunner,
  ) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'retention.sweep', timeZone: 'UTC' })
  sweep(): Promise<void> {
    return this.runner.runAlone('retention.sweep', LEASE_MS, (leaving) => this.retention.sweep(leaving));
  }
}
