import { errorCode } from '../../kernel/app-error.js';
import { publishedConfig } from './deployment.js';
import type { DeploymentConfig } from './deployment.js';
import type { Finding } from './finding.js';
import { asAppError, GenesysFailure } from './genesys-errors.js';
import { genesysUrls } from './genesys.settings.js';
import type { GenesysPlace } from './genesys.settings.js';
import { GuestSocket } from './guest-socket.js';

const CONNECT_MS = 5_000;
const PING_MS = 60_000;

/** What can be switched off in the deployment's Messenger configuration, and what that costs. */
const SWITCHES: readonly {
  readonly is: (config: DeploymentConfig) => boolean;
  readonly says: string;
  readonly feature: string;
}[] = [
  {
    is: ({ autoStart }) => autoStart,
    says: 'Automatically Start Conversations is off in the deployment’s configuration.',
    feature: 'a guest’s conversation starts, and the guest is linked, only with the first message',
  },
  {
    is: ({ conversationClear }) => conversationClear,
    says: 'Conversation Clear is off in the deployment’s configuration.',
    feature:
      'guests cannot end their conversation themselves; the organisation disconnects it, which costs a call each',
  },
  {
    is: ({ conversationDisconnect }) => conversationDisconnect !== null,
    says: 'Conversation Disconnect is off in the deployment’s configuration.',
    feature: 'guests are not told, and nor are we, when an agent or a flow ends the conversation',
  },
];

export async function deploymentFindings(place: GenesysPlace): Promise<Finding[]> {
  const about = 'deployment';
  try {
    const config = await publishedConfig(place);
    const off = SWITCHES.filter(({ is }) => !is(config)).map(({ says, feature }): Finding => ({
      about,
      verdict: 'costs',
      says,
      feature,
    }));
    const says = 'The deployment is published, with autostart, clear and disconnect.';
    return off.length > 0 ? off : [{ about, verdict: 'fine', says }];
  } catch (error) {
    const { status } = error as GenesysFailure;
    const feature = 'guests of either mode';
    const says =
      status === 404 || status === 403
        ? 'There is no published deployment of GENESYS_DEPLOYMENT_ID in this region.'
        : `The deployment’s public configuration cannot be read (${errorCode(asAppError(error))}).`;
    return [{ about, verdict: 'stops', says, feature }];
  }
}

/** Opens a guest socket and closes it: without a `configureSession` no session begins. */
export async function originFindings(place: GenesysPlace): Promise<Finding[]> {
  const about = 'origin';
  const feature = 'server-led guests';
  try {
    const url = genesysUrls(place).socket;
    const socket = await GuestSocket.open({ url, origin: place.origin, connectMs: CONNECT_MS, pingMs: PING_MS });
    socket.close();
    return [{ about, verdict: 'fine', says: `Guest sockets may be opened from ${place.origin}.` }];
  } catch (error) {
    const says =
      errorCode(error) === 'genesys.origin_refused'
        ? `The deployment refuses guest sockets from GENESYS_ORIGIN (${place.origin}): add it to the deployment’s allowed domains.`
        : `The guest socket cannot be opened (${errorCode(error)}).`;
    return [{ about, verdict: 'stops', says, feature }];
  }
}
