import { existsSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { examine, exitCode } from '../adapters/genesys/doctor.js';
import type { Finding } from '../adapters/genesys/finding.js';
import { contactSourceOf } from '../adapters/genesys/genesys.settings.js';
import type { GenesysSettings, GenesysUses } from '../adapters/genesys/genesys.settings.js';
import { openPlatform } from '../adapters/genesys/platform.js';
import { ConfigError, readConfig } from '../config.js';
import { withPassingKeys } from '../config.keys.js';
import { SystemClock } from '../kernel/clock.js';
import { LoneGate } from '../kernel/lone-gate.js';
import { localGenesys } from '../local-genesys.js';
import { startSandbox } from '../sandbox/sandbox.js';

const MARKS: Readonly<Record<Finding['verdict'], string>> = { fine: 'ok   ', costs: 'COSTS', stops: 'STOPS' };
/** As for everything without which guests cannot be served. */
const CANNOT_START = 2;

/** `guest-manager doctor`: 0 when nothing is missing, 1 when something we offer cannot be done, 2 when guests cannot be served. */
export async function run(): Promise<number> {
  // What went wrong is said below, in plain words.
  Logger.overrideLogger(false);
  if (existsSync('.env')) process.loadEnvFile('.env');
  try {
    const { genesys, mode, crms, crmEnv, ...config } = readConfig(withPassingKeys(process.env));
    const uses = {
      contactSourceId: contactSourceOf(crms, crmEnv),
      notifications: config.genesysNotifications,
      erasure: config.genesysErasure,
    };
    if (genesys !== null) return await report(genesys, uses, mode === 'sandbox' ? 'a sandbox' : genesys.environment);
    const sandbox = await startSandbox({ port: 0 });
    const code = await report(localGenesys(sandbox), uses, 'a local sandbox, since no GENESYS_CLIENT_ID is given');
    await sandbox.close();
    return code;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return CANNOT_START;
  }
}

async function report(settings: GenesysSettings, uses: GenesysUses, what: string): Promise<number> {
  console.log(`Examining ${what}, deployment ${settings.deploymentId}\n`);
  const clock = new SystemClock();
  const { client } = openPlatform(settings, new LoneGate(clock));
  const findings = await examine(settings, client, clock, uses);
  for (const { verdict, about, says, feature } of findings) {
    console.log(`${MARKS[verdict]}  ${about.padEnd(11)}  ${says}`);
    if (feature !== undefined) console.log(`${' '.repeat(20)}What it costs: ${feature}.`);
  }
  const code = exitCode(findings);
  console.log(
    `\n${['Nothing is missing.', 'Guests can be served, with what is missing above.', 'Guests cannot be served.'][code]}`,
  );
  return code;
}
