import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Gate } from '../../kernel/gate.js';
import { JobRunner } from '../../kernel/job-runner.js';
import { Conversations, GuestChannel } from '../../modules/guest/index.js';
import { examine } from './doctor.js';
import { GenesysJobs } from './genesys.jobs.js';
import type { GenesysSettings } from './genesys.settings.js';
import { GenesysGuestChannel } from './guest-channel.js';
import { openPlatform } from './platform.js';
import type { Platform } from './platform.js';
import { PlatformConversations } from './platform-conversations.js';
import { PlatformLimits } from './platform-limits.js';

const PLATFORM = Symbol('Platform');

/** Genesys Cloud, behind the ports that name what the guest needs of it. */
@Global()
@Module({})
export class GenesysModule {
  /** `examineAtStart`: whether to look, and log, what is missing there. A sandbox lacks nothing. */
  static with(settings: GenesysSettings, { examineAtStart = false } = {}): DynamicModule {
    return {
      module: GenesysModule,
      providers: [
        { provide: PLATFORM, inject: [Gate], useFactory: (gate: Gate) => openPlatform(settings, gate) },
        { provide: GuestChannel, useFactory: () => new GenesysGuestChannel(settings) },
        {
          provide: Conversations,
          inject: [PLATFORM],
          useFactory: ({ client }: Platform) => new PlatformConversations(client),
        },
        {
          provide: GenesysJobs,
          inject: [PLATFORM, Clock, JobRunner],
          useFactory: ({ client, queue }: Platform, clock: Clock, runner: JobRunner) => {
            const look = examineAtStart ? () => examine(settings, client, clock) : null;
            return new GenesysJobs(new PlatformLimits(client, queue, clock), runner, look);
          },
        },
      ],
      exports: [GuestChannel, Conversations],
    };
  }
}
