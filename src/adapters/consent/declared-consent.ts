import { Global, Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { ConsentSource } from '../../modules/guest/index.js';
import type { Asking, Consent } from '../../modules/guest/index.js';

/** Takes the caller's word for it: whoever asks for a guest has asked the person. */
export class DeclaredConsent extends ConsentSource {
  consentOf({ declared }: Asking): Consent {
    return declared;
  }
}

@Global()
@Module({})
export class ConsentModule {
  static declared(): DynamicModule {
    return {
      module: ConsentModule,
      providers: [{ provide: ConsentSource, useClass: DeclaredConsent }],
      exports: [ConsentSource],
    };
  }
}
