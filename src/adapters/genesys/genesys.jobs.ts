import { Logger } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import type { Finding } from './finding.js';
import { PlatformLimits } from './platform-limits.js';

const LOOK_MS = 5_000;

/** What is looked after without anybody asking: the organisation's limits, and once at the start whether everything is there. */
export class GenesysJobs implements OnApplicationBootstrap {
  private readonly logger = new Logger('genesys');

  constructor(
    private readonly limits: PlatformLimits,
    private readonly runner: JobRunner,
    /** Null where there is nothing to find out. */
    private readonly examine: (() => Promise<Finding[]>) | null,
  ) {}

  /** Nobody waits for it: guests are taken whatever it finds. */
  onApplicationBootstrap(): void {
    const { examine } = this;
    if (examine !== null) void this.runner.run('genesys.doctor', async () => this.tell(await examine()));
  }

  @Interval('genesys.limits', LOOK_MS)
  readLimits(): Promise<void> {
    return this.runner.run('genesys.limits', () => this.limits.keepFresh());
  }

  private tell(findings: readonly Finding[]): void {
    for (const { verdict, about, says, feature } of findings)
      if (verdict !== 'fine')
        this.logger[verdict === 'stops' ? 'error' : 'warn']('something is missing at genesys', {
          about,
          says,
          feature,
        });
    this.logger.log('genesys examined', { missing: findings.filter(({ verdict }) => verdict !== 'fine').length });
  }
}
