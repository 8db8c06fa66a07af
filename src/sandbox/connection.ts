import type { Crm } from './crm/crm.js';
import { account } from './genesys/account.js';

/** What another client needs to connect; origins only, without `/api/v2` or `/oauth/token`. */
export type Connection = {
  readonly genesys: {
    readonly apiUrl: string;
    readonly loginUrl: string;
    readonly webmessagingUrl: string;
    readonly deploymentId: string;
    readonly origin: string;
    readonly clientId: string;
    readonly clientSecret: string;
  };
  readonly crms: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** The connection of a sandbox that listens at `url`. */
export function connectionAt(url: string, crms: readonly Crm[]): Connection {
  const { deploymentId, origin, clientId, clientSecret } = account;
  return {
    genesys: {
      apiUrl: url,
      loginUrl: url,
      webmessagingUrl: url.replace(/^http/, 'ws'),
      deploymentId,
      origin,
      clientId,
      clientSecret,
    },
    crms: Object.fromEntries(crms.map((crm) => [crm.name, crm.connection(url)])),
  };
}

/** The variables that connect a service to each CRM, by the CRM's name. */
export type CrmEnvironments = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The same as the environment of a service that is to use this sandbox. */
export function environmentOf({ genesys }: Connection, crms: CrmEnvironments): Readonly<Record<string, string>> {
  return {
    GENESYS_MODE: 'sandbox',
    GENESYS_CLIENT_ID: genesys.clientId,
    GENESYS_CLIENT_SECRET: genesys.clientSecret,
    GENESYS_DEPLOYMENT_ID: genesys.deploymentId,
    GENESYS_ORIGIN: genesys.origin,
    GENESYS_GATEWAY_URL: genesys.apiUrl,
    GENESYS_WEBMESSAGING_URL: genesys.webmessagingUrl,
    CRMS: 'rest',
    ...Object.fromEntries(Object.values(crms).flatMap(Object.entries)),
  };
}
