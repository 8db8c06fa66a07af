import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import { GATHER_MS } from './crm-delivery.service.js';
import { CrmSyncService } from './crm-sync.service.js';

/** Sends what is due to each CRM: soon after something became due in this process, and by schedule for all that did elsewhere. */
@Injectable()
export class CrmSyncJobs implements OnModuleInit {
  private gathering = false;

  constructor(
    private readonly crmSync: CrmSyncService,
    private readonly runner: JobRunner,
  ) {}

  onModuleInit(): void {
    this.crmSync.onDue((isFresh) => {
      if (this.gathering) return;
      this.gathering = true;
      setTimeout(
        () => {
          this.gathering = false;
          void this.drain();
        },
        isFresh ? GATHER_MS : 0,
      ).unref();
    });
  }

  @Interval('crm-sync.drain', 1_000)
  async drain(): Promise<void> {
    // A job each: one CRM may be slow for as long as it likes.
    await Promise.all(
      this.crmSync
        .ids()
        .map((id) => this.runner.run(`crm-sync.drain.${id}`, (leaving) => this.crmSync.drainOne(id, leaving))),
    );
  }
}
