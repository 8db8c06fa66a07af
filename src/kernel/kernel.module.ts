import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Clock } from './clock.js';
import { Courier } from './courier.js';
import { DataClasses } from './data-class.js';
import { JobRunner } from './job-runner.js';
import { Leases } from './leases.js';
import { Outbox } from './outbox.js';

/** What every module may ask for without importing anything: the clock, the job runner, the courier and the list of data classes. */
@Global()
@Module({})
export class KernelModule {
  static with(clock: Clock): DynamicModule {
    return {
      module: KernelModule,
      providers: [
        { provide: Clock, useValue: clock },
        { provide: DataClasses, useValue: new DataClasses() },
        { provide: JobRunner, useFactory: (leases: Leases) => new JobRunner(leases), inject: [Leases] },
        { provide: Courier, useFactory: (outbox: Outbox) => new Courier(outbox, clock), inject: [Outbox] },
      ],
      exports: [Clock, DataClasses, JobRunner, Courier],
    };
  }
}
