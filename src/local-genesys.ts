import type { GenesysSettings } from './adapters/genesys/genesys.settings.js';
import type { Sandbox } from './sandbox/sandbox.js';

/** Where a sandbox is, as the Genesys adapter is told. */
export function localGenesys({ connection }: Sandbox): GenesysSettings {
  const { clientId, clientSecret, deploymentId, origin, apiUrl, webmessagingUrl } = connection.genesys;
  const region = { environment: 'mypurecloud.ie', gatewayUrl: apiUrl, webmessagingUrl };
  return { clientId, clientSecret, deploymentId, origin, ...region };
}
