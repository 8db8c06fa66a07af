import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { MetricsModule } from '../metrics/index.js';
import { AttachmentController } from './attachment.controller.js';
import { AttachmentService } from './attachment.service.js';
import { ConsentController } from './consent.controller.js';
import { ConsentService } from './consent.service.js';
import { ConversationService } from './conversation.service.js';
import { ErasureController } from './erasure.controller.js';
import { ErasureJobs } from './erasure.jobs.js';
import { ErasurePlaces } from './erasure-places.service.js';
import { ErasureService } from './erasure.service.js';
import { FollowJobs } from './follow.jobs.js';
import { FollowService } from './follow.service.js';
import { GenesysEventsController } from './genesys-events.controller.js';
import { GuestChanges } from './guest.changes.js';
import { GuestController } from './guest.controller.js';
import { GuestFrames } from './guest.frames.js';
import { GuestJobs } from './guest.jobs.js';
import { GuestService } from './guest.service.js';
import { GuestSettings, IdleSettings, ReconcileSettings } from './guest.settings.js';
import { GuestRemoval } from './guest-removal.service.js';
import { GuestRetention } from './guest-retention.service.js';
import { IdleService } from './idle.service.js';
import { HandOverService } from './hand-over.service.js';
import { LiveController } from './live.controller.js';
import { LiveService } from './live.service.js';
import { MarkService } from './mark.service.js';
import { MessageController } from './message.controller.js';
import { MessageService } from './message.service.js';
import { NotificationService } from './notification.service.js';
import { ReconciliationService } from './reconciliation.service.js';
import { WidgetTokenController } from './widget-token.controller.js';
import { WidgetTokenService } from './widget-token.service.js';

@Module({})
export class GuestModule {
  static with(settings: GuestSettings, idle: IdleSettings, reconcile: ReconcileSettings): DynamicModule {
    return {
      module: GuestModule,
      imports: [AuditModule, MetricsModule],
      controllers: [
        AttachmentController,
        GuestController,
        MessageController,
        ConsentController,
        WidgetTokenController,
        LiveController,
        GenesysEventsController,
        ErasureController,
      ],
      providers: [
        { provide: GuestSettings, useValue: settings },
        { provide: IdleSettings, useValue: idle },
        { provide: ReconcileSettings, useValue: reconcile },
        GuestService,
        MessageService,
        AttachmentService,
        ConsentService,
        LiveService,
        ConversationService,
        FollowService,
        FollowJobs,
        MarkService,
        NotificationService,
        ReconciliationService,
        HandOverService,
        GuestChanges,
        GuestFrames,
        IdleService,
        GuestRemoval,
        GuestRetention,
        ErasureService,
        ErasurePlaces,
        ErasureJobs,
        GuestJobs,
        WidgetTokenService,
      ],
      exports: [GuestService, MessageService],
    };
  }
}
