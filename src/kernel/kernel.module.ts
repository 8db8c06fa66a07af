import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Clock } from './clock.js';
import { Courier } from './courier.js';
import { JobRunner } from './job-runner.js';
import { Leases } from './leases.js';
import { Outbox } from './outbox.js';

/** What every module may ask for without importing anything: the clock, the job runner and the courier. */
@Global()
@Module({})
export class KernelModule {
  static with(clock: Clock): DynamicModule {
    return {
      module: KernelModule,
      providers: [
        { provide: Clock, useValue: clock },
        { provide: JobRunner, useFactory: (leases: Leases) => new JobRunner(leases), inject: [Leases] },
        { provide: Courier, useFactory: (outbox: Outbox) => new Courier(outbox, clock), inject: [Outbox] },
      ],
      exports: [Clock, JobRunner, Courier],
    };
  }
}
