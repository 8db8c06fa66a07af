import { Logger } from '@nestjs/common';
import type { INestApplicationContext, LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import type { Additions, Surroundings } from './app.module.js';
import { ConfigError } from './config.js';
import type { Config } from './config.js';
import { configureHttp, fastifyOptions, nestOptions } from './http/http.js';
import { localGenesys } from './local-genesys.js';
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
  additions: Additions = {},
): Promise<Service> {
  return besideSandbox(config, async (sandbox) => {
    const app = await NestFactory.create<NestFastifyApplication>(
      AppModule.with(config, surroundings(config, sandbox), additions),
      new FastifyAdapter(fastifyOptions()),
      { ...nestOptions, logger, abortOnError: false },
    );
    await serving(app, config);
    if (config.mode === 'sandbox') logger.warn(NOTHING_IS_REAL, { sandbox: sandbox?.url }, 'service');
    return { app, url: await app.getUrl(), sandbox, close: () => closeBoth(app, sandbox) };
  });
}

/** The same inside another application's process: its logger is used, and only if asked to, requests are taken. */
export async function startInside(
  config: Config,
  { listen, ...additions }: Additions & { readonly listen: boolean },
): Promise<Omit<Service, 'app' | 'url'> & { readonly app: INestApplicationContext; readonly url: string | null }> {
  return besideSandbox(config, async (sandbox) => {
    const module = AppModule.with(config, surroundings(config, sandbox), additions);
    if (config.mode === 'sandbox') new Logger('service').warn(NOTHING_IS_REAL, { sandbox: sandbox?.url });
    if (!listen) {
      const app = await NestFactory.createApplicationContext(module, { abortOnError: false });
      return { app, url: null, sandbox, close: () => closeBoth(app, sandbox) };
    }
    const app = await NestFactory.create<NestFastifyApplication>(module, new FastifyAdapter(fastifyOptions()), {
      bodyParser: nestOptions.bodyParser,
      abortOnError: false,
    });
    await serving(app, config);
    return { app, url: await app.getUrl(), sandbox, close: () => closeBoth(app, sandbox) };
  });
}

const NOTHING_IS_REAL = 'sandbox mode: no guest, conversation or CRM record is real';

/** A start that fails leaves no other side behind. */
async function besideSandbox<T>(config: Config, start: (sandbox: Sandbox | null) => Promise<T>): Promise<T> {
  const sandbox =
    config.genesys === null ? await listening('SANDBOX_PORT', () => startSandbox({ port: config.sandboxPort })) : null;
  try {
    return await start(sandbox);
  } catch (error) {
    await sandbox?.close();
    throw error;
  }
}

async function serving(app: NestFastifyApplication, { http }: Config): Promise<void> {
  try {
    configureHttp(app, http);
    await listening('PORT', () => app.listen(http.port, http.host));
  } catch (error) {
    // A port that is taken must not leave a service behind that nobody can reach.
    await app.close();
    throw error;
  }
}

async function closeBoth(app: INestApplicationContext, sandbox: Sandbox | null): Promise<void> {
  await app.close();
  await sandbox?.close();
}

function surroundings(config: Config, sandbox: Sandbox | null): Surroundings {
  if (config.genesys !== null) return { genesys: config.genesys, crmEnv: config.crmEnv };
  // Somebody's own CRM beside the local Genesys Cloud is used when it is named, and never with the local one's credentials.
  const local = Object.values(sandbox!.crmEnvironments).filter((env) =>
    Object.keys(env).every((name) => !(name in config.crmEnv)),
  );
  const crmEnv = { ...config.crmEnv, ...Object.fromEntries(local.flatMap(Object.entries)) };
  return { genesys: localGenesys(sandbox!), crmEnv };
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
