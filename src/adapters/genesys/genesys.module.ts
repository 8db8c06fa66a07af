import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Gate } from '../../kernel/gate.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { PlatformAudit } from '../../modules/audit/index.js';
import {
  ConversationEvents,
  ConversationMarks,
  ConversationNotifications,
  ConversationRecords,
  Conversations,
  DataSubjectRequests,
  GuestChannel,
} from '../../modules/guest/index.js';
import { examine } from './doctor.js';
import { EventBodies } from './event-bodies.js';
import { GenesysJobs } from './genesys.jobs.js';
import type { GenesysSettings, GenesysUses } from './genesys.settings.js';
import { GenesysGuestChannel } from './guest-channel.js';
import { NotificationChannels } from './notification-channels.js';
import { OptionalCalls } from './optional-calls.js';
import { openPlatform } from './platform.js';
import type { Platform } from './platform.js';
import { GenesysPlatformAudit } from './platform-audit.js';
import { PlatformConversations } from './platform-conversations.js';
import { PlatformDataSubjectRequests } from './platform-data-subject-requests.js';
import { PlatformLimits } from './platform-limits.js';
import { PlatformMarks } from './platform-marks.js';
import { PlatformNotifications } from './platform-notifications.js';
import { PlatformRecords } from './platform-records.js';

const PLATFORM = Symbol('Platform');

export type GenesysParts = Partial<GenesysUses> & {
  /** Whether to look, and log, what is missing there. A sandbox lacks nothing. */
  readonly examineAtStart?: boolean;
};

/** Genesys Cloud, behind the ports that name what the guest needs of it. */
@Global()
@Module({})
export class GenesysModule {
  static with(
    settings: GenesysSettings,
    { examineAtStart = false, contactSourceId = null, notifications = false, erasure = 'request' }: GenesysParts = {},
  ): DynamicModule {
    return {
      module: GenesysModule,
      providers: [
        { provide: PLATFORM, inject: [Gate], useFactory: (gate: Gate) => openPlatform(settings, gate) },
        {
          provide: GuestChannel,
          inject: [Gate],
          useFactory: (gate: Gate) => new GenesysGuestChannel(settings, {}, undefined, gate),
        },
        {
          provide: Conversations,
          inject: [PLATFORM],
          useFactory: ({ client }: Platform) => new PlatformConversations(client),
        },
        {
          provide: PlatformAudit,
          inject: [PLATFORM],
          useFactory: ({ client }: Platform) => new GenesysPlatformAudit(client),
        },
        { provide: ConversationEvents, useFactory: () => new EventBodies() },
        { provide: OptionalCalls, inject: [Clock], useFactory: (clock: Clock) => new OptionalCalls(clock) },
        {
          provide: ConversationMarks,
          inject: [PLATFORM, OptionalCalls],
          useFactory: ({ client }: Platform, optional: OptionalCalls) =>
            new PlatformMarks(client, optional, contactSourceId),
        },
        {
          provide: ConversationRecords,
          inject: [PLATFORM, OptionalCalls],
          useFactory: ({ client }: Platform, optional: OptionalCalls) => new PlatformRecords(client, optional),
        },
        {
          provide: ConversationNotifications,
          inject: [PLATFORM, OptionalCalls, Clock],
          useFactory: ({ client }: Platform, optional: OptionalCalls, clock: Clock) =>
            new PlatformNotifications(new NotificationChannels(client, optional), clock, notifications),
        },
        {
          provide: DataSubjectRequests,
          inject: [PLATFORM],
          useFactory: ({ client }: Platform) => new PlatformDataSubjectRequests(client, erasure === 'request'),
        },
        {
          provide: GenesysJobs,
          inject: [PLATFORM, Clock, JobRunner],
          useFactory: ({ client, queue }: Platform, clock: Clock, runner: JobRunner) => {
            const look = examineAtStart
              ? () => examine(settings, client, clock, { contactSourceId, notifications, erasure })
              : null;
            return new GenesysJobs(new PlatformLimits(client, queue, clock), runner, look);
          },
        },
      ],
      exports: [
        GuestChannel,
        Conversations,
        ConversationEvents,
        ConversationMarks,
        ConversationNotifications,
        ConversationRecords,
        DataSubjectRequests,
        PlatformAudit,
      ],
    };
  }
}
