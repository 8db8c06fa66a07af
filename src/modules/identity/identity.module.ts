import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { IdentityService } from './identity.service.js';
import type { IdentitySettings } from './identity.service.js';

@Module({})
export class IdentityModule {
  static with(settings: IdentitySettings): DynamicModule {
    return {
      module: IdentityModule,
      global: true,
      providers: [{ provide: IdentityService, useFactory: () => new IdentityService(settings) }],
      exports: [IdentityService],
    };
  }
}
