import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CrmSettingsError } from './adapters/crm/define-crm.js';
import { ConfigError, readConfig } from './config.js';
import type { Config } from './config.js';
import { withSandboxKeys } from './config.keys.js';
import type { MadeApiKey } from './config.keys.js';
import { AppError } from './kernel/app-error.js';
import { PinoLogger } from './logging.js';
import { startService } from './service.js';
import type { Service } from './service.js';

/** How long leaving may take before it is cut short. Orchestrators wait about this long before they kill. */
const LEAVE_MS = 25_000;

/** Reads the configuration, starts the service, says where it is, and leaves cleanly. */
async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  let newKey: MadeApiKey | null = null;
  const config = readConfig(withSandboxKeys(process.env, (made) => (newKey = made)));
  const service = await startService(config, new MainLogger(config.logLevel));
  if (config.mode === 'sandbox') console.log(welcome(config, service, newKey ?? process.env['API_KEYS'] ?? null));

  let leaving = false;
  const leave = (signal: NodeJS.Signals): void => {
    if (leaving) process.exit(1);
    leaving = true;
    // Whatever hangs, what was acknowledged is on disk.
    setTimeout(() => process.exit(1), LEAVE_MS).unref();
    service.close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(`stopping after ${signal} failed: ${error instanceof Error ? error.message : 'unknown'}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
}

/** Nest logs what keeps it from starting before it throws it; what is said in a sentence below is not said twice. */
class MainLogger extends PinoLogger {
  override error(message: unknown, ...params: unknown[]): void {
    const context = params.at(-1);
    const isSaid =
      (context === 'ExceptionHandler' && isKnown(message)) ||
      (context === 'NestApplication' && String(message).startsWith('Error: listen '));
    if (!isSaid) super.error(message, ...params);
  }
}

/** For somebody who has just started it for the first time. */
function welcome({ dataDir, crmEnv }: Config, { url, sandbox }: Service, newKey: MadeApiKey | string | null): string {
  const at = url.replace('[::1]', '127.0.0.1');
  const file = join(dataDir, 'api-key');
  const [key, bearer] =
    typeof newKey === 'string'
      ? ['as given in API_KEYS', '<your API key>']
      : [newKey === null ? `in ${file}` : `${newKey.apiKey}  (shown once; kept in ${newKey.file})`, `$(cat ${file})`];
  const ownCrm = crmEnv['CRM_BATCH_UPSERT_URL'] !== undefined;
  return `
Guest Manager for Genesys Cloud runs in SANDBOX mode: it talks to a local Genesys Cloud and ${ownCrm ? 'to the CRM you named' : 'a local CRM, and nothing is real'}.

  API          ${at}/v1
  API key      ${key}
  Docs         ${at}/docs
  Health       ${at}/health/dependencies
  Other side   ${sandbox === null ? 'as configured' : `${sandbox.url}/sandbox`}

  A first guest:

  curl -s ${at}/v1/guests \\
    -H "Authorization: Bearer ${bearer}" \\
    -H 'Content-Type: application/json' \\
    -d '{"email":"user@example.com","consent":{"marketing":false,"dataProcessing":true},"attributes":{"source":"website"}}'
`;
}

const isKnown = (error: unknown): error is Error =>
  error instanceof ConfigError || error instanceof CrmSettingsError || error instanceof AppError;

/** What making files under something that cannot hold them fails with. */
const NO_DIRECTORY = new Set(['EEXIST', 'ENOTDIR', 'EACCES', 'EROFS', 'EPERM']);

main().catch((error: unknown) => {
  // What somebody can put right is said in one sentence; anything else is a bug, and its stack helps.
  const misplaced = NO_DIRECTORY.has((error as NodeJS.ErrnoException).code ?? '');
  const rule = 'must be a directory that this user may make and write to';
  console.error(
    isKnown(error) ? error.message : misplaced ? new ConfigError([{ variable: 'DATA_DIR', rule }]).message : error,
  );
  // Not by itself: what had been opened when it failed, a database or a lock's heartbeat, would keep the process alive.
  process.exit(1);
});
