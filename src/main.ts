import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CrmSettingsError } from './adapters/crm/define-crm.js';
import { ConfigError, readConfig } from './config.js';
import type { Config } from './config.js';
import { withSandboxKeys } from './config.keys.js';
import type { MadeApiKey } from './config.keys.js';
import { AppError } from './kernel/app-error.js';
import { startService } from './service.js';
import type { Service } from './service.js';

/** How long leaving may take before it is cut short. Orchestrators wait about this long before they kill. */
const LEAVE_MS = 25_000;

/** Reads the configuration, starts the service, says where it is, and leaves cleanly. */
async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  let newKey: MadeApiKey | null = null;
  const config = readConfig(withSandboxKeys(process.env, (made) => (newKey = made)));
  const service = await startService(config);
  if (config.mode === 'sandbox') console.log(welcome(config, service, newKey));

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

/** For somebody who has just started it for the first time. */
function welcome({ dataDir }: Config, { url, sandbox }: Service, newKey: MadeApiKey | null): string {
  const at = url.replace('[::1]', '127.0.0.1');
  const key =
    newKey === null ? `in ${join(dataDir, 'api-key')}` : `${newKey.apiKey}  (shown once; kept in ${newKey.file})`;
  return `
Guest Manager for Genesys Cloud runs in SANDBOX mode: it talks to a local Genesys Cloud and a local CRM, and nothing is real.

  API          ${at}/v1
  API key      ${key}
  Docs         ${at}/docs
  Health       ${at}/health/dependencies
  Other side   ${sandbox === null ? 'as configured' : `${sandbox.url}/sandbox`}

  A first guest:

  curl -s ${at}/v1/guests \\
    -H "Authorization: Bearer $(cat ${join(dataDir, 'api-key')})" \\
    -H 'Content-Type: application/json' \\
    -d '{"email":"user@example.com","consent":{"marketing":false,"dataProcessing":true},"attributes":{"source":"website"}}'
`;
}

main().catch((error: unknown) => {
  // What somebody can put right is said in one sentence; anything else is a bug, and its stack helps.
  const known = error instanceof ConfigError || error instanceof CrmSettingsError || error instanceof AppError;
  console.error(known ? error.message : error);
  process.exitCode = 1;
});
