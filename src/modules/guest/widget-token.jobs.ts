import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import { WidgetTokenService } from './widget-token.service.js';

const PURGE_LEASE_MS = 5 * 60_000;

/** Forgets widget tokens that have expired. */
@Injectable()
export class WidgetTokenJobs {
  constructor(
    private readonly tokens: WidgetTokenService,
    private readonly runner: JobRunner,
  ) {}

  @Cron(CronExpression.EVERY_10_MINUTES, { name: 'widget-token.purge', timeZone: 'UTC' })
  purge(): Promise<void> {
    return this.runner.runAlone('widget-token.purge', PURGE_LEASE_MS, () => this.tokens.purge());
  }
}
