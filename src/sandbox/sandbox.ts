import type { AddressInfo } from 'node:net';
import { connectionAt, environmentOf, type Connection, type CrmEnvironments } from './connection.js';
import { controlRoutes } from './controls.js';
import type { Crm } from './crm/crm.js';
import { HubSpotCrm } from './crm/hubspot-crm.js';
import { RestCrm } from './crm/rest-crm.js';
import { SalesforceCrm } from './crm/salesforce-crm.js';
import { openEdge } from './edge.js';
import { Faults } from './faults.js';
import { defaultDeployment, type DeploymentSettings } from './genesys/deployment.js';
import { GenesysCloud } from './genesys/genesys-cloud.js';
import { defaultLimits, type Limits } from './genesys/limits.js';
import { RequestLog } from './requests.js';

/** How a sandbox is to be; everything has a default. */
export type SandboxOptions = {
  /** 3999 unless given; 0 takes any free port. */
  readonly port?: number;
  readonly host?: string;
  /** How long the bot thinks. */
  readonly botDelayMs?: number;
  /** How long a message's details stay unknown to the Platform API. */
  readonly lookupDelayMs?: number;
  /** How long an access token lives. */
  readonly tokenSeconds?: number;
  /** Between two heartbeats of a notification channel. */
  readonly heartbeatMs?: number;
  /** How long a GDPR request takes. */
  readonly gdprMs?: number;
  readonly limits?: Partial<Limits>;
  readonly deployment?: Partial<DeploymentSettings>;
};

/** A running sandbox. */
export interface Sandbox {
  /** Where it listens, without a final slash. */
  readonly url: string;
  readonly port: number;
  /** What `GET /sandbox` answers. */
  readonly connection: Connection;
  /** The environment that connects a service to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The part of it that is each CRM's own, by the CRM's name. */
  readonly crmEnvironments: CrmEnvironments;
  /** Makes it new and empty. */
  reset(): void;
  /** Cuts every connection and frees the port. */
  close(): Promise<void>;
}

/** Starts a local Genesys Cloud and local CRMs on one loopback port. Fails if the port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 3999, host = '127.0.0.1', botDelayMs = 50, lookupDelayMs = 150, tokenSeconds = 86_399 } = options;
  const { heartbeatMs = 30_000, gdprMs = 300 } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const deployment = { ...defaultDeployment, ...options.deployment };
  const log = new RequestLog();
  const faults = new Faults();
  const app = openEdge(log, faults);
  const url = () => `http://${host.includes(':') ? `[${host}]` : host}:${(app.server.address() as AddressInfo).port}`;
  const genesys = new GenesysCloud(
    { botDelayMs, lookupDelayMs, tokenSeconds, heartbeatMs, gdprMs, limits, deployment },
    faults,
    log,
    url,
  );
  const ownServers: readonly Crm[] = [new RestCrm(faults), new SalesforceCrm(faults, url), new HubSpotCrm(faults)];
  const crms = [...ownServers, genesys.contacts];
  const connection = () => connectionAt(url(), crms);
  const reset = () => {
    faults.clear();
    genesys.reset();
    for (const crm of crms) crm.reset();
    log.clear();
  };
  genesys.serve(app);
  for (const crm of ownServers) crm.serve(app);
  controlRoutes(app, { genesys, crms, faults, log, connection, reset });
  await app.listen({ port, host });
  const crmEnvironments = Object.fromEntries(crms.map((crm) => [crm.name, crm.environment(url())]));

  return {
    url: url(),
    port: (app.server.address() as AddressInfo).port,
    connection: connection(),
    environment: environmentOf(connection(), crmEnvironments),
    crmEnvironments,
    reset,
    close: async () => {
      faults.clear();
      genesys.close();
      await app.close();
    },
  };
}
