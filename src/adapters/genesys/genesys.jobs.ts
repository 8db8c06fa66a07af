import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { JobRunner } from '../../kernel/job-runner.js';
import { PlatformLimits } from './platform-limits.js';

const LOOK_MS = 5_000;

@Injectable()
export class GenesysJobs {
  constructor(
    private readonly limits: PlatformLimits,
    private readonly runner: JobRunner,
  ) {}

  @Interval('genesys.limits', LOOK_MS)
  readLimits(): Promise<void> {
    return this.runner.run('genesys.limits', () => this.limits.keepFresh());
  }
}
