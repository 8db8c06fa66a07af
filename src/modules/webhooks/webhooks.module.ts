import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { DeliveryRetention } from './delivery-retention.service.js';
import { DeliveryService } from './delivery.service.js';
import { EndpointService } from './endpoint.service.js';
import { Listeners } from './listeners.js';
import { WebhooksController } from './webhooks.controller.js';
import { WebhooksJobs } from './webhooks.jobs.js';
import { WebhooksService } from './webhooks.service.js';
import { WebhookSettings } from './webhooks.settings.js';

@Module({})
export class WebhooksModule {
  static with(settings: WebhookSettings): DynamicModule {
    return {
      module: WebhooksModule,
      global: true,
      imports: [AuditModule],
      controllers: [WebhooksController],
      providers: [
        { provide: WebhookSettings, useValue: settings },
        { provide: Listeners, useFactory: () => new Listeners() },
        EndpointService,
        DeliveryService,
        DeliveryRetention,
        WebhooksService,
        WebhooksJobs,
      ],
      exports: [WebhooksService],
    };
  }
}
