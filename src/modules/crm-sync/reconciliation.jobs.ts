import { Injectable } from '@nestjs/common';
import { Cron, CronExpression, Interval } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import { CrmReconciliationService } from './reconciliation.service.js';

const LEASE_MS = 30_000;

@Injectable()
export class CrmReconciliationJobs {
  constructor(
    private readonly reconciliations: CrmReconciliationService,
    private readonly runner: JobRunner,
  ) {}

  @Cron(CronExpression.EVERY_MINUTE, { name: 'crm-sync.reconcile', timeZone: 'UTC' })
  begin(): Promise<void> {
    return this.runner.runAlone('crm-sync.reconcile', LEASE_MS, () => this.reconciliations.beginDue());
  }

  @Interval('crm-sync.reconcile.steps', 1_000)
  async advance(): Promise<void> {
    await Promise.all(
      this.reconciliations
        .ids()
        .map((id) =>
          this.runner.run(`crm-sync.reconcile.${id}`, (leaving) => this.reconciliations.advance(id, leaving)),
        ),
    );
  }
}
