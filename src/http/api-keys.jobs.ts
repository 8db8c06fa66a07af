import { Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { JobRunner } from '../kernel/job-runner.js';
import { ApiKeys } from './api-keys.js';

/** Requests only note in memory that a key was used; once a minute, and when the process leaves, that is kept. */
@Injectable()
export class ApiKeysJobs implements BeforeApplicationShutdown {
  constructor(
    private readonly keys: ApiKeys,
    private readonly runner: JobRunner,
  ) {}

  @Cron(CronExpression.EVERY_MINUTE, { name: 'api-keys.uses', timeZone: 'UTC' })
  save(): Promise<void> {
    return this.runner.run('api-keys.uses', () => this.keys.saveUses());
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.keys.saveUses();
  }
}
