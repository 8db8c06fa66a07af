import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { isObject, type JsonObject } from '../../json.js';
import { Refusal } from '../../refusal.js';
import { account } from '../account.js';

/** What is audited here; real organisations have many more services. */
const SERVICES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  WebDeployments: { Deployment: ['Create', 'Update', 'Delete'], Configuration: ['Create', 'Update', 'Delete'] },
  Conversations: { Conversation: ['Disconnect'], Participant: ['Update'], ConversationAttributes: ['Update'] },
  ExternalContacts: { Contact: ['Create', 'Update', 'Delete', 'Merge'] },
  GDPR: { GdprRequest: ['Create'] },
};
/** Fewer can be asked in real time. */
const REALTIME = ['WebDeployments', 'ExternalContacts'];
const REALTIME_MS = 14 * 24 * 3_600_000;
/** How long a query that is not in real time takes. */
const QUERY_MS = 300;

export type Happening = {
  readonly serviceName: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly action: string;
  readonly changed?: readonly string[];
};

/** What happened in the organisation, for those who may read its audit. */
export class AuditTrail {
  private messages: JsonObject[] = [];
  private queries = new Map<
    string,
    { readonly found: JsonObject[]; readonly doneAt: number; readonly body: JsonObject }
  >();

  record({ serviceName, entityType, entityId, action, changed = [] }: Happening): void {
    this.messages.push({
      id: randomUUID(),
      userHomeOrgId: account.organizationId,
      client: { id: account.clientId },
      remoteIp: ['198.51.100.7'],
      serviceName,
      level: 'USER',
      eventDate: new Date().toISOString(),
      action,
      entity: { id: entityId, name: entityType },
      entityType,
      status: 'SUCCESS',
      application: 'Sandbox',
      propertyChanges: changed.map((property) => ({ property, oldValues: ['before'], newValues: ['after'] })),
    });
  }

  find({ interval, serviceName, filters }: JsonObject): JsonObject[] {
    const [from, until] = intervalOf(interval);
    const wanted = Array.isArray(filters) ? filters.filter(isObject) : [];
    return this.messages
      .filter((message) => message['serviceName'] === serviceName)
      .filter(({ eventDate }) => Date.parse(String(eventDate)) >= from && Date.parse(String(eventDate)) <= until)
      .filter((message) => wanted.every(({ property, value }) => propertyOf(message, property) === value))
      .toReversed();
  }

  begin(body: JsonObject): string {
    const id = randomUUID();
    this.queries.set(id, { found: this.find(body), doneAt: Date.now() + QUERY_MS, body });
    return id;
  }

  query(id: string) {
    const query = this.queries.get(id);
    if (query === undefined) throw new Refusal(404, 'not.found', 'The query was not found.');
    return query;
  }

  clear(): void {
    this.messages = [];
    this.queries.clear();
  }
}

type ById = { Params: { id: string }; Querystring: { cursor?: string; pageSize?: string } };

/** `/audits/query` and its realtime twin. */
export function auditRoutes(app: FastifyInstance, trail: AuditTrail): void {
  app.get('/audits/query/servicemapping', async () => mapping(Object.keys(SERVICES)));
  app.get('/audits/query/realtime/servicemapping', async () => mapping(REALTIME));

  app.post('/audits/query/realtime', async ({ body }) => {
    const asked = readQuery(body, REALTIME);
    if (intervalOf(asked['interval'])[0] < Date.now() - REALTIME_MS - 60_000)
      throw new Refusal(400, 'bad.request', 'The interval must be within the last 14 days.');
    const found = trail.find(asked);
    const [pageNumber, pageSize] = [Number(asked['pageNumber'] ?? 1), Number(asked['pageSize'] ?? 25)];
    const entities = found.slice((pageNumber - 1) * pageSize, pageNumber * pageSize);
    return { entities, pageNumber, pageSize, total: found.length, pageCount: Math.ceil(found.length / pageSize) };
  });

  app.post('/audits/query', async ({ body }, reply) => {
    const asked = readQuery(body, Object.keys(SERVICES));
    return reply
      .code(202)
      .send({ ...asked, id: trail.begin(asked), state: 'Queued', startDate: new Date().toISOString() });
  });
  app.get<ById>('/audits/query/:id', async ({ params }) => {
    const { body, doneAt } = trail.query(params.id);
    return { ...body, id: params.id, state: Date.now() < doneAt ? 'Running' : 'Succeeded' };
  });
  app.get<ById>('/audits/query/:id/results', async ({ params, query }) => {
    const { found, doneAt } = trail.query(params.id);
    if (Date.now() < doneAt) throw new Refusal(400, 'bad.request', 'The query is not done.');
    const [first, pageSize] = [Number(query.cursor ?? 0), Number(query.pageSize ?? 25)];
    const entities = found.slice(first, first + pageSize);
    const next = first + entities.length;
    return { id: params.id, pageSize, entities, ...(next < found.length ? { cursor: String(next) } : {}) };
  });
}

const mapping = (names: readonly string[]): object => ({
  services: names.map((name) => ({
    name,
    entities: Object.entries(SERVICES[name]!).map(([entity, actions]) => ({ name: entity, actions })),
  })),
});

function readQuery(body: unknown, services: readonly string[]): JsonObject {
  const asked = isObject(body) ? body : {};
  if (!services.includes(String(asked['serviceName'])))
    throw new Refusal(400, 'bad.request', 'serviceName must be one of the service mapping.');
  intervalOf(asked['interval']);
  return asked;
}

function intervalOf(interval: unknown): [from: number, until: number] {
  const [from = NaN, until = NaN] = typeof interval === 'string' ? interval.split('/').map((at) => Date.parse(at)) : [];
  if (!(from <= until)) throw new Refusal(400, 'bad.request', 'interval must be two ISO-8601 dates, separated by /.');
  return [from, until];
}

function propertyOf(message: JsonObject, property: unknown): unknown {
  if (property === 'EntityType') return message['entityType'];
  if (property === 'Action') return message['action'];
  if (property === 'EntityId') return (message['entity'] as JsonObject)['id'];
  if (property === 'ClientId') return (message['client'] as JsonObject)['id'];
  throw new Refusal(400, 'bad.request', 'The sandbox cannot filter by this property.');
}
