import type { FastifyInstance } from 'fastify';
import { Refusal } from '../refusal.js';
import { account, allowedDomains } from './account.js';
import { publicConfiguration, webDeployment, type DeploymentSettings } from './deployment.js';

type ById = { Params: { id: string } };

/** The deployment as it is now. */
export type Published = { readonly settings: DeploymentSettings; readonly version: number; readonly url: string };

/** The public configuration, on the path of the CDN. */
export function cdnRoutes(app: FastifyInstance, published: () => Published): void {
  const path = '/webdeployments/v1/deployments/:id';
  app.get<ById>(`${path}/config.json`, async ({ params }, reply) => {
    requireDeployment(params.id);
    reply.header('Access-Control-Allow-Origin', '*');
    const { settings, version, url } = published();
    return publicConfiguration(settings, version, url);
  });
  app.get<ById>(`${path}/domains.json`, async ({ params }, reply) => {
    requireDeployment(params.id);
    reply.header('Access-Control-Allow-Origin', '*');
    return { allowAllDomains: false, allowedDomains };
  });
}

/** The deployment, under `/api/v2`. */
export function deploymentRoutes(app: FastifyInstance, published: () => Published): void {
  app.get<ById>('/webdeployments/deployments/:id', async ({ params }) => {
    requireDeployment(params.id);
    return webDeployment(published().version);
  });
}

function requireDeployment(id: string): void {
  if (id !== account.deploymentId)
    throw new Refusal(404, 'not.found', 'The deployment was not found.', { entityId: id });
}
