import { hkdfSync } from 'node:crypto';
import { Global, Inject, Logger, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { ScheduleModule } from '@nestjs/schedule';
import { ConsentModule } from './adapters/consent/declared-consent.js';
import { crmAdapters } from './adapters/crm/index.js';
import { CrmModule } from './adapters/crm/crm.module.js';
import { GenesysModule } from './adapters/genesys/genesys.module.js';
import { platformContacts } from './adapters/genesys/platform-contacts.js';
import { messengerEnvironment } from './adapters/genesys/regions.js';
import type { CrmAdapter } from './adapters/crm/define-crm.js';
import { contactSourceOf } from './adapters/genesys/genesys.settings.js';
import type { GenesysSettings } from './adapters/genesys/genesys.settings.js';
import { OidcCallers } from './adapters/oidc/oidc.callers.js';
import { Database } from './adapters/storage/database.js';
import { StorageModule } from './adapters/storage/storage.module.js';
import { WebhooksHttpModule } from './adapters/webhooks/webhooks-http.module.js';
import type { Config } from './config.js';
import { configVariables } from './config.environment.js';
import { misspelt } from './config.misspelt.js';
import type { Misspelt } from './config.misspelt.js';
import { Dependencies } from './health/dependencies.js';
import type { Dependency } from './health/dependencies.js';
import { HealthModule } from './health/health.module.js';
import { AccessLog } from './http/access-log.js';
import type { Denial } from './http/access-log.js';
import { HttpModule } from './http/http.module.js';
import { IDEMPOTENCY_TTL_MS } from './http/idempotency.store.js';
import { Measures } from './http/measures.js';
import { WidgetTokens } from './http/widget-tokens.js';
import { crmMeasures, erasureMeasures } from './measures.js';
import { AppError } from './kernel/app-error.js';
import { Clock, SystemClock } from './kernel/clock.js';
import { KernelModule } from './kernel/kernel.module.js';
import { AuditModule, AuditService } from './modules/audit/index.js';
import { Crms, CrmStatusService, CrmSyncModule } from './modules/crm-sync/index.js';
import {
  ConversationMarks,
  Conversations,
  ErasureStore,
  GuestModule,
  takesWidgets,
  UNFINISHED,
  widgetTokenDigest,
  WidgetTokenStore,
} from './modules/guest/index.js';
import { IdentityModule } from './modules/identity/index.js';
import { RetentionModule } from './modules/retention/index.js';
import { answeredBy } from './ports.js';
import type { PortProvider } from './ports.js';
import { DELIVERY_LOG_DAYS, WebhooksModule } from './modules/webhooks/index.js';

/** What a service is made of besides its settings: the organisation it serves and where each CRM finds its own settings. */
export type Surroundings = {
  readonly genesys: GenesysSettings;
  readonly crmEnv: Readonly<Record<string, string | undefined>>;
};

/** What somebody who builds this into an application of theirs adds to it. */
export type Additions = {
  /** CRMs beside ours. All of them are on; their settings come from `crmEnv` as well. */
  readonly crms?: readonly CrmAdapter[];
  /** Who answers a port in place of our adapter. */
  readonly providers?: readonly PortProvider[];
};

/** Variables that nobody reads, each nearly the name of one that somebody does. */
const MISSPELT = Symbol('misspelt variables');

/** Every module, every adapter, nothing else: the only place that knows both the inside and the outside. */
@Module({})
export class AppModule implements OnApplicationBootstrap {
  private readonly logger = new Logger('config');

  constructor(@Inject(MISSPELT) private readonly unread: readonly Misspelt[]) {}

  onApplicationBootstrap(): void {
    for (const hint of this.unread) this.logger.warn('variable is not known: perhaps another was meant', hint);
  }

  static with(
    config: Config,
    { genesys, crmEnv }: Surroundings,
    { crms = [], providers = [] }: Additions = {},
  ): DynamicModule {
    const clock = new SystemClock();
    const enabled = [...new Set([...config.crms, ...crms.map(({ id }) => id)])];
    const { dataKeys } = config;
    const adapters = [...crms, ...crmAdapters(platformContacts(genesys))];
    const known = [...configVariables(), ...adapters.flatMap(({ variables }) => variables)];
    const issuers = config.oidc === null ? [] : [new OidcCallers(config.oidc, clock)];
    // The local receivers somebody tries things with; a service for real sends to nobody in its own network.
    const reach = { loopback: config.mode === 'sandbox' };
    const where = config.databaseUrl === null ? { dataDir: config.dataDir } : { databaseUrl: config.databaseUrl };
    return {
      module: AppModule,
      providers: [{ provide: MISSPELT, useValue: misspelt(Object.keys(config.crmEnv), known) }],
      imports: [
        ConfigModule.forRoot({ isGlobal: true, ignoreEnvFile: true, load: [() => config] }),
        ScheduleModule.forRoot(),
        KernelModule.with(clock),
        // driven edge
        ...answeredBy(providers, [
          StorageModule.with({ ...where, dataKeys, clock }),
          GenesysModule.with(genesys, {
            contactSourceId: contactSourceOf(enabled, crmEnv),
            notifications: config.genesysNotifications,
            erasure: config.genesysErasure,
            examineAtStart: config.mode === 'cloud',
          }),
          CrmModule.with({ adapters, enabled, env: crmEnv }),
          ConsentModule.declared(),
          WebhooksHttpModule.with({ reach }),
        ]),
        // the inside
        IdentityModule.with(config.identity),
        CrmSyncModule.with({
          everyMs: config.crmReconcile.hours * 3_600_000,
          pagesPerMinute: config.crmReconcile.pagesPerMinute,
          repair: config.crmReconcile.repair,
        }),
        GuestModule.with(
          {
            deploymentId: genesys.deploymentId,
            environment: messengerEnvironment(genesys.environment),
            attributeNames: config.guestAttributes,
            personalDataInText: config.personalDataInText,
            afterReadOnly: config.guestAfterReadOnly,
            widgetKeys: dataKeys.map(({ secret }) => derivedKey(secret, 'guest-manager/widget-signature/v1')),
            receiptKeys: dataKeys.map(({ id, secret }) => ({
              id,
              seed: derivedKey(secret, 'guest-manager/consent-receipt/v1'),
            })),
          },
          { idleMs: config.guestIdleMinutes * 60_000 },
          { silenceMs: config.genesysReconcileMinutes * 60_000 },
        ),
        RetentionModule.with({ days: retentionDays(config) }),
        WebhooksModule.with({ reach }),
        // driving edge
        HttpModule.with({
          apiKeys: config.apiKeys,
          callers: issuers,
          rateLimit: config.http.rateLimit,
          signingSecrets: config.genesysEventsSecrets,
        }),
        HealthModule.with(config.mode),
        OperationsModule.watching(issuers.map((issuer) => ({ ...ISSUER, ping: (signal) => issuer.ping(signal) }))),
      ],
    };
  }
}

/** By the names of the data classes. How long answers are kept for repeats and deliveries in the log is published, and no setting. */
const retentionDays = ({
  retentionDays: { messages, guests, origins, crmDeadLetters },
}: Config): Record<string, number> => ({
  'message-texts': messages,
  attachments: messages,
  guests,
  origins,
  'crm-dead-letters': crmDeadLetters,
  'idempotency-answers': IDEMPOTENCY_TTL_MS / (24 * 3_600_000),
  'webhook-deliveries': DELIVERY_LOG_DAYS,
  // They are good for nothing from the moment they expire.
  'widget-tokens': 1,
});

/** A key for one use, from which the key it was made of cannot be learnt (RFC 5869). */
const derivedKey = (secret: Buffer, use: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', use, 32));

/** Tokens under keys we have are still checked without it, so it is news and no more. */
const ISSUER = { name: 'issuer', critical: false } as const;

/** What the edges ask of the whole: what to watch, and where to write down who was turned away. */
@Global()
@Module({ imports: [AuditModule] })
class OperationsModule {
  /** `others`: what there is to watch beside storage, Genesys and the CRMs. */
  static watching(others: readonly Dependency[]): DynamicModule {
    return {
      module: OperationsModule,
      providers: [
        {
          provide: Dependencies,
          inject: [Database, Conversations, Crms, ConversationMarks],
          useFactory: (
            database: Database,
            conversations: Conversations,
            crms: Crms,
            marks: ConversationMarks,
          ): Dependencies => {
            const all: readonly Dependency[] = [
              { name: 'storage', critical: true, ping: () => database.ping() },
              { name: 'genesys', critical: false, ping: () => conversations.ping() },
              ...crms.all().map((crm) => ({ name: `crm/${crm.id}`, critical: false, ping: () => crm.ping() })),
              ...others,
            ];
            const notPermitted = (): Dependency[] =>
              marks.notPermitted().map((feature) => ({
                name: `genesys/${feature.replaceAll(' ', '-')}`,
                critical: false,
                ping: () =>
                  Promise.reject(new AppError('forbidden', 'genesys.forbidden', 'Genesys does not permit it.')),
              }));
            return { all: () => [...all, ...notPermitted()] };
          },
        },
        {
          provide: AccessLog,
          inject: [AuditService],
          useFactory: (audit: AuditService): AccessLog => ({
            denied: ({ actor, reason, route, count }: Denial) =>
              audit.record({
                subject: 'system:access',
                event: 'ACCESS_DENIED',
                changes: { caller: actor, reason, route, count },
              }),
          }),
        },
        {
          provide: Measures,
          inject: [CrmStatusService, ErasureStore],
          useFactory: (status: CrmStatusService, erasures: ErasureStore): Measures => ({
            read: async () => [
              ...crmMeasures(await status.all()),
              ...erasureMeasures(await erasures.count(UNFINISHED)),
            ],
          }),
        },
        {
          provide: WidgetTokens,
          inject: [WidgetTokenStore, Clock],
          useFactory: (tokens: WidgetTokenStore, clock: Clock): WidgetTokens => ({
            find: async (token) => {
              const digest = widgetTokenDigest(token);
              const found = digest === null ? null : await tokens.find(digest, clock.now());
              return found !== null && takesWidgets(found.guestState) ? found.token : null;
            },
            holds: async (token) => (await tokens.find(widgetTokenDigest(token)!, clock.now())) !== null,
          }),
        },
      ],
      exports: [Dependencies, AccessLog, Measures, WidgetTokens],
    };
  }
}
