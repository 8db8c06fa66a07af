import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { RetentionController } from './retention.controller.js';
import { RetentionJobs } from './retention.jobs.js';
import { RetentionService } from './retention.service.js';
import { RetentionSettings } from './retention.settings.js';

@Module({})
export class RetentionModule {
  static with(settings: RetentionSettings): DynamicModule {
    return {
      module: RetentionModule,
      imports: [AuditModule],
      controllers: [RetentionController],
      providers: [{ provide: RetentionSettings, useValue: settings }, RetentionService, RetentionJobs],
    };
  }
}
