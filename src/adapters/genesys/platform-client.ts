import { createRequire } from 'node:module';
import { Logger } from '@nestjs/common';
import { AsyncVariable } from '../../kernel/async-variable.js';
import { runContext } from '../../kernel/run-context.js';
import type { Turn } from './call-queue.js';
import { tellRequest } from './calls.js';
import { asAppError, GenesysFailure } from './genesys-errors.js';
import type { CallOptions, PlatformTransport } from './platform-transport.js';

type Sdk = typeof import('purecloud-platform-client-v2');
type ApiClient = InstanceType<Sdk['ApiClientClass']>;
export type PlatformApis = {
  readonly conversations: InstanceType<Sdk['ConversationsApi']>;
  readonly analytics: InstanceType<Sdk['AnalyticsApi']>;
  readonly audits: InstanceType<Sdk['AuditApi']>;
  readonly gdpr: InstanceType<Sdk['GeneralDataProtectionRegulationApi']>;
  readonly tokens: InstanceType<Sdk['TokensApi']>;
  readonly organization: InstanceType<Sdk['OrganizationApi']>;
  readonly utilities: InstanceType<Sdk['UtilitiesApi']>;
  readonly contacts: InstanceType<Sdk['ExternalContactsApi']>;
  readonly notifications: InstanceType<Sdk['NotificationsApi']>;
};

/** The SDK hands nothing of ours on to its transport. */
const currentOptions = new AsyncVariable<CallOptions>();

/** What a request waits for, a person waits for. */
const turnNow = (): Turn => (runContext()?.actor?.startsWith('job:') === true ? 'job' : 'person');

/** For what goes before jobs that have not begun: what is called after another call, whose result would be lost with it. */
export const goingOn = (): Turn => (turnNow() === 'job' ? 'follow-up' : 'person');

/** `require` costs a third less time and memory than `import()` of the same 3.9 MB, and neither is spent before the first call. */
const load = createRequire(__filename);

/** The SDK's methods and models on our transport. */
export class PlatformClient {
  private readonly logger = new Logger('genesys');
  private apis: PlatformApis | null = null;

  constructor(
    /** Without `/api/v2`. */
    private readonly apiUrl: string,
    private readonly transport: PlatformTransport,
  ) {}

  /** Whether the SDK is loaded, that is, anything was called. */
  get isConnected(): boolean {
    return this.apis !== null;
  }

  /** @throws AppError whatever Genesys answers */
  async call<T>(
    operation: string,
    work: (apis: PlatformApis) => Promise<T>,
    { turn = turnNow(), still }: CallOptions = {},
  ): Promise<T> {
    try {
      const apis = (this.apis ??= this.connect());
      return await currentOptions.run({ turn, still }, () => work(apis));
    } catch (error) {
      if (error instanceof GenesysFailure && error.status !== 404) {
        const { status, called, facts } = error;
        this.logger.warn('genesys call failed', { operation, called, status, ...facts });
      }
      throw asAppError(error);
    }
  }

  private connect(): PlatformApis {
    const sdk = load('purecloud-platform-client-v2') as Sdk;
    leaveHomeAlone(sdk.ApiClient);
    const client = new sdk.ApiClientClass();
    leaveHomeAlone(client);
    client.setHttpClient(httpClient(sdk, this.transport));
    const api = new URL(this.apiUrl);
    client.setGateway({
      protocol: api.protocol.replace(':', ''),
      host: api.hostname,
      path_params_api: api.pathname,
      ...(api.port === '' ? {} : { port: Number(api.port) }),
    });
    return {
      conversations: new sdk.ConversationsApi(client),
      analytics: new sdk.AnalyticsApi(client),
      audits: new sdk.AuditApi(client),
      gdpr: new sdk.GeneralDataProtectionRegulationApi(client),
      tokens: new sdk.TokensApi(client),
      organization: new sdk.OrganizationApi(client),
      utilities: new sdk.UtilitiesApi(client),
      contacts: new sdk.ExternalContactsApi(client),
      notifications: new sdk.NotificationsApi(client),
    };
  }
}

/**
 * Every client of the SDK reads `~/.genesyscloudjavascript/config` and watches it, and lets it redirect calls and print them. The first
 * reading cannot be prevented, so what it may have switched on is switched off; where calls go is set afterwards, by gateway.
 */
function leaveHomeAlone({ config }: ApiClient): void {
  config.live_reload_config = false;
  config.setConfigPath('');
  config.logger.log_to_console = false;
  config.logger.log_file_path = '';
  config.logger.setLogger();
}

/**
 * Our transport, where the SDK expects one. What it rejects with has no `response`, so the SDK hands it on as it is. The SDK's client is
 * never given a token: the transport adds it.
 */
function httpClient(sdk: Sdk, transport: PlatformTransport): InstanceType<Sdk['DefaultHttpClient']> {
  class Transport extends sdk.AbstractHttpClient {
    override request(options: InstanceType<Sdk['HttpRequestOptions']>) {
      tellRequest(options.method, options.url);
      const url = new URL(options.url);
      for (const [name, value] of Object.entries(options.params ?? {})) url.searchParams.set(name, String(value));
      const request = {
        method: options.method,
        url: url.href,
        headers: options.headers ?? {},
        ...(options.data === undefined ? {} : { body: JSON.stringify(options.data) }),
      };
      return transport.send(request, currentOptions.get());
    }
    override enableHooks(): void {
      throw new Error('our transport has no hooks');
    }
  }
  return new Transport() as never;
}
