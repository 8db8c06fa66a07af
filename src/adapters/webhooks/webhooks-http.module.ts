import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { WebhookSender } from '../../modules/webhooks/index.js';
import { HttpWebhookSender } from './http-webhook.sender.js';
import type { SenderOptions } from './http-webhook.sender.js';

@Global()
@Module({})
export class WebhooksHttpModule {
  static with(options: SenderOptions): DynamicModule {
    return {
      module: WebhooksHttpModule,
      providers: [{ provide: WebhookSender, useFactory: () => new HttpWebhookSender(options) }],
      exports: [WebhookSender],
    };
  }
}
