import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { GenesysSettings } from './adapters/genesys/genesys.settings.js';
import { AppModule } from './app.module.js';
import type { Surroundings } from './app.module.js';
import type { Config } from './config.js';
import { configureHttp, fastifyOptions, nestOptions } from './http/http.js';
import { PinoLogger } from './logging.js';
import { startSandbox } from './sandbox/sandbox.js';
import type { Sandbox } from './sandbox/sandbox.js';

/** A running service. */
export type Service = {
  readonly app: NestFastifyApplication;
  /** Where the API listens, without a final slash. */
  readonly url: string;
  /** The local Genesys Cloud and CRMs, when they run in this process. */
  readonly sandbox: Sandbox | null;
  /** Stops taking requests, waits for what is under way and closes the database. */
  close(): Promise<void>;
};

/** Starts everything; in sandbox mode without an address of its own, the other side as well. */
export async function startService(
  config: Config,
  logger: LoggerService = new PinoLogger(config.logLevel),
): Promise<Service> {
  const sandbox = config.genesys === null ? await startSandbox({ port: config.sandboxPort }) : null;
  let app: NestFastifyApplication | undefined;
  try {
    app = await NestFactory.create<NestFastifyApplication>(
      AppModule.with(config, surroundings(config, sandbox)),
      new FastifyAdapter(fastifyOptions()),
      { ...nestOptions, logger, abortOnError: false },
    );
    configureHttp(app);
    await app.listen(config.http.port, config.http.host);
    if (config.mode === 'sandbox')
      logger.warn('sandbox mode: no guest, conversation or CRM record is real', { sandbox: sandbox?.url }, 'service');
    const running = app;
    return {
      app: running,
      url: await running.getUrl(),
      sandbox,
      close: async () => {
        await running.close();
        await sandbox?.close();
      },
    };
  } catch (error) {
    // A port that is taken must not leave a service behind that nobody can reach.
    await app?.close();
    await sandbox?.close();
    throw error;
  }
}

function surroundings(config: Config, sandbox: Sandbox | null): Surroundings {
  if (config.genesys !== null) return { genesys: config.genesys, crmEnv: config.crmEnv };
  const { genesys, crms } = sandbox!.connection;
  const { clientId, clientSecret, deploymentId, origin, apiUrl, webmessagingUrl } = genesys;
  const settings: GenesysSettings = {
    clientId,
    clientSecret,
    deploymentId,
    origin,
    environment: 'mypurecloud.ie',
    gatewayUrl: apiUrl,
    webmessagingUrl,
  };
  const crmEnv = { ...config.crmEnv, CRM_BATCH_UPSERT_URL: crms['rest']!.url, CRM_AUTH_TOKEN: crms['rest']!.token };
  return { genesys: settings, crmEnv };
}
