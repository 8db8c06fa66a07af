import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { withRunContext } from '../../kernel/run-context.js';
import { ConversationService } from './conversation.service.js';
import { GuestChannel } from './ports/guest-channel.js';

/** Where what Genesys says comes in. */
@Injectable()
export class GuestFrames implements OnModuleInit {
  constructor(
    private readonly channel: GuestChannel,
    private readonly conversations: ConversationService,
  ) {}

  onModuleInit(): void {
    this.channel.listen((event) =>
      withRunContext({ id: randomUUID(), actor: 'genesys' }, () => this.conversations.heard(event)),
    );
  }
}
