import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { Conversations, GuestChannel } from '../../modules/guest/index.js';
import { genesysUrls } from './genesys.settings.js';
import type { GenesysSettings } from './genesys.settings.js';
import { GenesysGuestChannel } from './guest-channel.js';
import { PlatformClient } from './platform-client.js';
import { PlatformConversations } from './platform-conversations.js';
import { PlatformLogin } from './platform-login.js';
import { PlatformTransport } from './platform-transport.js';

/** Genesys Cloud, behind the ports that name what the guest needs of it. */
@Global()
@Module({})
export class GenesysModule {
  static with(settings: GenesysSettings): DynamicModule {
    return {
      module: GenesysModule,
      providers: [
        { provide: GuestChannel, useFactory: () => new GenesysGuestChannel(settings) },
        { provide: Conversations, useFactory: () => platformConversations(settings) },
      ],
      exports: [GuestChannel, Conversations],
    };
  }
}

export function platformConversations(settings: GenesysSettings): PlatformConversations {
  const transport = new PlatformTransport(new PlatformLogin(settings));
  return new PlatformConversations(new PlatformClient(genesysUrls(settings).api, transport));
}
