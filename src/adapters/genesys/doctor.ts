import { errorCode } from '../../kernel/app-error.js';
import type { Clock } from '../../kernel/clock.js';
import { CALLS_PER_MINUTE } from './call-queue.js';
import type { Finding } from './finding.js';
import { deploymentFindings, originFindings } from './doctor-deployment.js';
import type { GenesysSettings, GenesysUses } from './genesys.settings.js';
import { permissionFindings } from './doctor-permissions.js';
import { callsPerMinute } from './platform-limits.js';
import type { PlatformClient } from './platform-client.js';

/** From here on times differ by more than messages travel. */
const SKEW_MS = 5_000;

/**
 * Looks at everything we need of Genesys Cloud, and changes nothing there; where notifications are used, a channel stays that nobody is connected
 * to, for a day.
 */
export async function examine(
  settings: GenesysSettings,
  platform: PlatformClient,
  clock: Clock,
  uses: GenesysUses = { contactSourceId: null, notifications: false, erasure: 'request' },
): Promise<Finding[]> {
  const credentials = await credentialFinding(settings, platform);
  const own = [...(await deploymentFindings(settings)), ...(await originFindings(settings))];
  if (credentials.verdict !== 'fine') return [credentials, ...own];
  const permissions = await permissionFindings(platform, uses);
  return [credentials, await clockFinding(platform, clock), ...permissions, await limitFinding(platform), ...own];
}

/** 0: nothing is missing; 1: something we offer cannot be done; 2: guests cannot be served. */
export const exitCode = (findings: readonly Finding[]): 0 | 1 | 2 =>
  findings.some(({ verdict }) => verdict === 'stops') ? 2 : findings.some(({ verdict }) => verdict === 'costs') ? 1 : 0;

async function credentialFinding({ environment }: GenesysSettings, platform: PlatformClient): Promise<Finding> {
  const about = 'credentials';
  try {
    await platform.call('getTokensMe', ({ tokens }) => tokens.getTokensMe());
    return { about, verdict: 'fine', says: 'Genesys Cloud accepts the OAuth client.' };
  } catch (error) {
    const refused = ['genesys.login_refused', 'genesys.unauthenticated'].includes(errorCode(error));
    const says = refused
      ? `Genesys Cloud (${environment}) does not accept GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET. The client needs the grant type Client Credentials, and must be one of this region.`
      : `Genesys Cloud (${environment}) does not answer (${errorCode(error)}): look at GENESYS_ENVIRONMENT and the network.`;
    return { about, verdict: 'stops', says, feature: 'linking, updates, closing: everything but the guest socket' };
  }
}

async function clockFinding(platform: PlatformClient, clock: Clock): Promise<Finding> {
  const about = 'clock';
  try {
    const askedAt = clock.now().getTime();
    const { currentDate } = await platform.call('getDate', ({ utilities }) => utilities.getDate());
    const ours = (askedAt + clock.now().getTime()) / 2;
    const aheadMs = ours - Date.parse(String(currentDate));
    if (Number.isNaN(aheadMs)) return { about, verdict: 'fine', says: 'Genesys Cloud does not say what time it is.' };
    if (Math.abs(aheadMs) < SKEW_MS) return { about, verdict: 'fine', says: 'Our clock agrees with Genesys Cloud’s.' };
    const how = `${Math.round(Math.abs(aheadMs) / 1_000)} seconds ${aheadMs > 0 ? 'ahead of' : 'behind'}`;
    const feature = 'times of messages and metrics, and how long signatures and tokens hold, are off by as much';
    return { about, verdict: 'costs', says: `Our clock is ${how} Genesys Cloud’s: synchronise it by NTP.`, feature };
  } catch (error) {
    return { about, verdict: 'costs', says: `What time it is could not be asked (${errorCode(error)}).` };
  }
}

async function limitFinding(platform: PlatformClient): Promise<Finding> {
  const about = 'limits';
  const kept = `the published ${CALLS_PER_MINUTE} calls a minute are kept`;
  try {
    const perMinute = await callsPerMinute(platform);
    const says =
      perMinute === null
        ? `The organisation does not say what it grants: ${kept}.`
        : `The organisation grants ${perMinute} calls a minute.`;
    return { about, verdict: 'fine', says };
  } catch (error) {
    const feature = 'a limit that was raised for the organisation is not used';
    const says = `The organisation’s limits cannot be read (${errorCode(error)}): ${kept}. Older documentation names the permission limits:organization:view.`;
    return { about, verdict: 'costs', says, feature };
  }
}
