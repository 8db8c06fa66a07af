import { DynamicModule, Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { HEALTH_MODE, HealthController } from './health.controller.js';
import type { Mode } from './health.controller.js';
import { HealthJobs } from './health.jobs.js';
import { HealthService } from './health.service.js';

/** `Dependencies` comes from whoever knows the adapters. */
@Module({})
export class HealthModule {
  static with(mode: Mode): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [HealthService, HealthJobs, { provide: HEALTH_MODE, useValue: mode }],
    };
  }
}
