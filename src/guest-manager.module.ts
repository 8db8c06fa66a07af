import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, FactoryProvider, ModuleMetadata, OnApplicationShutdown } from '@nestjs/common';
import type { Additions } from './app.module.js';
import { GuestManager } from './client/index.js';
import type { ManagerOptions } from './client/index.js';
import { readConfig } from './config.js';
import { withSandboxKeys } from './config.keys.js';
import { Idempotency } from './http/idempotency.js';
import { InProcessGuestTransport } from './in-process/in-process-guest-transport.js';
import { AuditService } from './modules/audit/index.js';
import {
  AttachmentService,
  ConsentService,
  ErasureService,
  GuestService,
  GuestSettings,
  LiveService,
  MessageService,
  WidgetTokenService,
} from './modules/guest/index.js';
import { MetricsService } from './modules/metrics/index.js';
import { startInside } from './service.js';

/** How the guest manager is to be inside another application. */
export type GuestManagerOptions = Additions &
  ManagerOptions & {
    /** The variables of `.env.example`, and those your own CRMs read. `process.env` is not read unless it is given. */
    readonly env: Readonly<Record<string, string | undefined>>;
    /** Whether the REST API is served as well, at `HOST` and `PORT`. False unless given. */
    readonly listen?: boolean;
  };

export type GuestManagerAsyncOptions = Pick<ModuleMetadata, 'imports'> & {
  readonly inject?: FactoryProvider['inject'];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what is injected is for the one who names it to type, as in Nest's own modules
  readonly useFactory: (...given: any[]) => GuestManagerOptions | Promise<GuestManagerOptions>;
};

type Running = Awaited<ReturnType<typeof startInside>> & { readonly options: GuestManagerOptions };

const RUNNING = Symbol('guest manager');

/**
 * The whole service in the process of another Nest application, to be imported by it: gives `GuestManager`, which needs no HTTP to reach it.
 *
 * It is a Nest application of its own beside the importing one, so that neither meets the other's guards, pipes, filters or schedules,
 * whatever platform it runs on. It starts before the importing application takes requests, and ends with it.
 */
@Module({})
export class GuestManagerModule implements OnApplicationShutdown {
  static forRoot(options: GuestManagerOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: GuestManagerAsyncOptions): DynamicModule {
    return {
      module: GuestManagerModule,
      imports,
      providers: [
        {
          provide: RUNNING,
          inject,
          useFactory: async (...given: unknown[]): Promise<Running> => {
            const options = await useFactory(...given);
            const { env, crms = [], providers = [], listen = false } = options;
            const running = await startInside(readConfig(withSandboxKeys(env)), { crms, providers, listen });
            return { ...running, options };
          },
        },
        { provide: GuestManager, inject: [RUNNING], useFactory: managerOf },
      ],
      exports: [GuestManager],
    };
  }

  constructor(@Inject(RUNNING) private readonly running: Running) {}

  async onApplicationShutdown(): Promise<void> {
    await this.running.close();
  }
}

function managerOf({ app, options }: Running): GuestManager {
  const { merge, remembered, onListenerError } = options;
  const inside = {
    guests: app.get(GuestService, { strict: false }),
    messages: app.get(MessageService, { strict: false }),
    attachments: app.get(AttachmentService, { strict: false }),
    live: app.get(LiveService, { strict: false }),
    consents: app.get(ConsentService, { strict: false }),
    erasures: app.get(ErasureService, { strict: false }),
    widgetTokens: app.get(WidgetTokenService, { strict: false }),
    metrics: app.get(MetricsService, { strict: false }),
    audit: app.get(AuditService, { strict: false }),
    settings: app.get(GuestSettings, { strict: false }),
    idempotency: app.get(Idempotency, { strict: false }),
  };
  return new GuestManager(new InProcessGuestTransport(inside), {
    ...(merge && { merge }),
    ...(remembered !== undefined && { remembered }),
    ...(onListenerError && { onListenerError }),
  });
}
