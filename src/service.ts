import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { GenesysSettings } from './adapters/genesys/genesys.settings.js';
import { AppModule } from './app.module.js';
import type { Surroundings } from './app.module.js';
import { ConfigError } from './config.js';
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
  const sandbox =
    config.genesys === null ? await listening('SANDBOX_PORT', () => startSandbox({ port: config.sandboxPort })) : null;
  let app: NestFastifyApplication | undefined;
  try {
    app = await NestFactory.create<NestFastifyApplication>(
      AppModule.with(config, surroundings(config, sandbox)),
      new FastifyAdapter(fastifyOptions()),
      { ...nestOptions, logger, abortOnError: false },
    );
    const running = app;
    configureHttp(running, config.http);
    const { port, host } = config.http;
    await listening('PORT', () => running.listen(port, host));
    if (config.mode === 'sandbox')
      logger.warn('sandbox mode: no guest, conversation or CRM record is real', { sandbox: sandbox?.url }, 'service');
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
  const { url, token } = crms['rest']!;
  // Somebody's own CRM beside the local Genesys Cloud is used when it is named, and never with the local one's token.
  const local = config.crmEnv['CRM_BATCH_UPSERT_URL'] === undefined;
  const crmEnv = local ? { ...config.crmEnv, CRM_BATCH_UPSERT_URL: url, CRM_AUTH_TOKEN: token } : config.crmEnv;
  return { genesys: settings, crmEnv };
}

/** Why nothing can listen there, for the person who chose the place. */
const TAKEN: Readonly<Record<string, string>> = {
  EADDRINUSE: 'names a port that another process listens on: stop that one, or choose another port',
  EACCES: 'names a port that this user may not listen on: choose one above 1023',
  EADDRNOTAVAIL: 'goes with a HOST that is no address of this machine',
  ENOTFOUND: 'goes with a HOST that is not known',
};

async function listening<T>(variable: string, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const rule = TAKEN[(error as NodeJS.ErrnoException).code ?? ''];
    throw rule === undefined ? error : new ConfigError([{ variable, rule }]);
  }
}
