import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Gate } from '../../kernel/gate.js';
import { Conversations, GuestChannel } from '../../modules/guest/index.js';
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
  static with(settings: GenesysSettings): DynamicModule {
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
          provide: PlatformLimits,
          inject: [PLATFORM, Clock],
          useFactory: ({ client, queue }: Platform, clock: Clock) => new PlatformLimits(client, queue, clock),
        },
        GenesysJobs,
      ],
      exports: [GuestChannel, Conversations],
    };
  }
}
