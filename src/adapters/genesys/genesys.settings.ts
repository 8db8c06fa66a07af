/** Where Genesys Cloud is, and one web messaging deployment of an organisation there. Nothing secret. */
export type GenesysPlace = {
  /** The region's domain: what comes after `api.`, such as `mypurecloud.ie`. */
  readonly environment: string;
  readonly deploymentId: string;
  /** An origin the deployment allows; the guest socket is refused without one. */
  readonly origin: string;
  /** A private gateway, which carries `/api/v2`, `/oauth/token` and `/webdeployments` under this address. */
  readonly gatewayUrl?: string;
  /** Another address of the guest WebSocket; `/v1` unless it names a path itself. */
  readonly webmessagingUrl?: string;
};

/** The same with the OAuth client we are there. */
export type GenesysSettings = GenesysPlace & { readonly clientId: string; readonly clientSecret: string };

/** What is asked of the organisation only where somebody wants it. */
export type GenesysUses = {
  /** The external source under which the organisation's contacts have guests' ids; null when nobody keeps such contacts. */
  readonly contactSourceId: string | null;
  /** Whether to listen on a notification channel. */
  readonly notifications: boolean;
  /** Whether Genesys is asked to erase a guest’s contact, or that is only reported. */
  readonly erasure: 'request' | 'report';
};

/** `contactSourceId` of `GenesysUses`, by the CRMs that are on and the settings they find. */
export const contactSourceOf = (
  crms: readonly string[],
  crmEnv: Readonly<Record<string, string | undefined>>,
): string | null => (crms.includes('genesys-contacts') ? (crmEnv['GENESYS_CONTACTS_SOURCE_ID'] ?? null) : null);

/** Only whoever logs in needs the secret; what everybody else holds can be printed. */
export function placeOf(settings: GenesysSettings): GenesysPlace {
  const { clientId: _id, clientSecret: _secret, ...place } = settings;
  return place;
}

export type GenesysUrls = {
  /** Without `/api/v2`. */
  readonly api: string;
  readonly token: string;
  /** With the deployment in its query. */
  readonly socket: string;
  readonly deploymentConfig: string;
};

/** The hosts of a region follow one pattern, so that a region opened tomorrow needs no new version of ours. */
export function genesysUrls(place: GenesysPlace): GenesysUrls {
  const { environment } = place;
  const gateway = place.gatewayUrl === undefined ? undefined : withoutSlash(place.gatewayUrl);
  const deploymentId = encodeURIComponent(place.deploymentId);
  const socket = new URL(place.webmessagingUrl ?? `wss://webmessaging.${environment}`);
  if (socket.pathname === '/') socket.pathname = '/v1';
  socket.searchParams.set('deploymentId', place.deploymentId);
  return {
    api: gateway ?? `https://api.${environment}`,
    token: `${gateway ?? `https://login.${environment}`}/oauth/token`,
    socket: socket.href,
    deploymentConfig: `${gateway ?? `https://api-cdn.${environment}`}/webdeployments/v1/deployments/${deploymentId}/config.json`,
  };
}

/**
 * Whether files may be sent to an address that was named on the guest socket: https on the hosts of Genesys Cloud, on the storage its own
 * content security policy names (buckets called `shyrka-…`), or whatever the private gateway carries.
 */
export function isFileHost({ environment, gatewayUrl }: GenesysPlace, address: string): boolean {
  const url = URL.parse(address);
  if (url === null) return false;
  if (gatewayUrl !== undefined && url.origin === new URL(gatewayUrl).origin) return true;
  const host = url.hostname;
  const isGenesys = host === environment || host.endsWith(`.${environment}`);
  const isBucket = /^shyrka-[a-z0-9-]+\.s3(\.[a-z0-9-]+)?\.amazonaws\.com$/.test(host);
  return url.protocol === 'https:' && url.port === '' && (isGenesys || isBucket);
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');
