import type { FastifyInstance } from 'fastify';
import { Refusal } from '../../refusal.js';
import type { Limits } from '../limits.js';

/** The organisation's own limits by namespace, with the keys Genesys publishes. A limit that is off is not listed. */
export function limitsRoutes(app: FastifyInstance, limits: Limits): void {
  // Asked each time, because they can be set while it runs.
  const byNamespace = (): Readonly<Record<string, Readonly<Record<string, number | null>>>> => ({
    'platform.api': { 'client.credentials.token.rate.per.minute': limits.requestsPerTokenPerMinute },
    'web.messaging': {
      'messages.per.session.rate.per.second': limits.messagesPerSessionPerSecond,
      'health.check.per.connection.rate.per.minute': limits.echoesPerConnectionPerMinute,
      'session.connections.max': limits.connectionsPerToken,
      'requests.per.connection.rate.per.minute': limits.requestsPerConnectionPerMinute,
      'get.history.rate.per.minute': limits.historyReadsPerSessionPerMinute,
      'connections.rate.per.minute': limits.connectionsPerMinute,
    },
  });
  app.get<{ Params: { namespace: string } }>('/organizations/limits/namespaces/:namespace', async ({ params }) => {
    const { namespace } = params;
    const values = byNamespace()[namespace];
    if (values === undefined) throw new Refusal(404, 'not.found', 'The namespace was not found.');
    const entities = Object.entries(values).flatMap(([key, value]) =>
      value === null ? [] : [{ key, namespace, value }],
    );
    return { entities, total: entities.length };
  });
}
