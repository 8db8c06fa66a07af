import type { Gate } from '../../kernel/gate.js';
import { CallQueue } from './call-queue.js';
import type { GenesysSettings } from './genesys.settings.js';
import { genesysUrls } from './genesys.settings.js';
import { PlatformClient } from './platform-client.js';
import { PlatformLogin } from './platform-login.js';
import { PlatformTransport } from './platform-transport.js';
import type { TransportLimits } from './platform-transport.js';

/** The Platform API of one organisation, as one OAuth client. */
export type Platform = {
  readonly client: PlatformClient;
  readonly queue: CallQueue;
  readonly transport: PlatformTransport;
};

/** Nothing is asked yet. `gate`: what all processes that use this client have in common. */
export function openPlatform(settings: GenesysSettings, gate: Gate, limits?: TransportLimits): Platform {
  const queue = new CallQueue(gate, `genesys:${settings.clientId}`);
  const transport = new PlatformTransport(new PlatformLogin(settings), queue, limits);
  return { client: new PlatformClient(genesysUrls(settings).api, transport), queue, transport };
}
