import type { FastifyInstance, FastifyRequest } from 'fastify';
import { arrivalOf } from '../../arrival.js';
import { isObject } from '../../json.js';
import { Refusal } from '../../refusal.js';
import type { Channel } from './channel.js';
import type { Notifications } from './notifications.js';
import { availableTopics, judge, type TopicState } from './topics.js';

type ByChannel = { Params: { id: string }; Querystring: { ignoreErrors?: string } };
type Asked = FastifyRequest<ByChannel>;

const MOST_TOPICS = 1_000;
const permitted = (channel: Channel) => ({ entities: [...channel.topics].map((id) => ({ id, state: 'Permitted' })) });

/** `/notifications`: channels and what they are subscribed to. */
export function notificationRoutes(app: FastifyInstance, notifications: Notifications, url: () => string): void {
  const view = ({ id, expires }: Channel) => {
    return { id, connectUri: `${url().replace(/^http/, 'ws')}/channels/${id}`, expires };
  };
  const channelOf = (id: string): Channel => {
    const channel = notifications.find(id);
    if (channel === undefined) throw new Refusal(404, 'not.found', 'The channel was not found.', { entityId: id });
    return channel;
  };
  const path = '/notifications/channels/:id';

  app.get('/notifications/availabletopics', async () => ({ entities: availableTopics }));
  app.post('/notifications/channels', async () => view(notifications.begin()));
  app.get('/notifications/channels', async () => ({ entities: notifications.list().map(view) }));
  app.head<ByChannel>(path, async ({ params }, reply) => {
    channelOf(params.id);
    return reply.code(200).send();
  });

  app.get<ByChannel>(`${path}/subscriptions`, async ({ params }) => permitted(channelOf(params.id)));
  app.post<ByChannel>(`${path}/subscriptions`, async (request) => subscribe(channelOf(request.params.id), request));
  app.put<ByChannel>(`${path}/subscriptions`, async (request) => {
    const channel = channelOf(request.params.id);
    return subscribe(channel, request, () => channel.topics.clear());
  });
  app.delete<ByChannel>(`${path}/subscriptions`, async ({ params }, reply) => {
    channelOf(params.id).topics.clear();
    return reply.code(204).send();
  });
}

/** One bad topic fails the request, unless it asks for errors to be ignored. */
function subscribe(channel: Channel, request: Asked, before = () => {}): { readonly entities: readonly TopicState[] } {
  const mayHear = arrivalOf(request).effect?.rejectTopics !== true;
  const entities = topicsOf(request.body).map((id) => judge(id, mayHear));
  const bad = entities.find(({ state }) => state === 'Rejected');
  if (bad !== undefined && request.query.ignoreErrors !== 'true')
    throw new Refusal(400, 'bad.request', `The topic ${bad.id} cannot be subscribed to.`, { entityId: bad.id });
  before();
  for (const { id, state } of entities) if (state === 'Permitted') channel.topics.add(id);
  channel.extend();
  return { entities };
}

function topicsOf(body: unknown): string[] {
  const topics = Array.isArray(body) ? body.map((each: unknown) => (isObject(each) ? each['id'] : undefined)) : [];
  const named = topics.filter((id) => typeof id === 'string');
  if (!Array.isArray(body) || named.length < body.length || named.length > MOST_TOPICS)
    throw new Refusal(400, 'bad.request', `The body must be a list of at most ${MOST_TOPICS} topics with an id.`);
  return named;
}
