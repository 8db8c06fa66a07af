import type { FastifyInstance } from 'fastify';
import type { Crm } from './crm/crm.js';
import { parseFault } from './fault.js';
import type { Fault, Faults } from './faults.js';
import type { Conversation } from './genesys/conversation.js';
import { plainView } from './genesys/platform/conversation-views.js';
import { parseSettings } from './genesys/deployment.js';
import type { GenesysCloud } from './genesys/genesys-cloud.js';
import { parseOrganization } from './genesys/organization.js';
import { isObject } from './json.js';
import { Refusal } from './refusal.js';
import type { RequestLog } from './requests.js';

/** Everything the controls reach. */
export type Controlled = {
  readonly genesys: GenesysCloud;
  readonly crms: readonly Crm[];
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly connection: () => object;
  readonly reset: () => void;
};

type ById = { Params: { id: string } };
type ByName = { Params: { name: string } };

/** The sandbox's own controls under `/sandbox`: see what the other side received and holds, and steer it. */
export function controlRoutes(app: FastifyInstance, parts: Controlled): void {
  const { genesys, crms, faults, log } = parts;
  const targets = ['genesys', ...crms.map((crm) => `crm/${crm.name}`)];

  app.get('/sandbox', async () => parts.connection());
  app.get('/sandbox/requests', async () => log.list());
  app.post('/sandbox/reset', async (_request, reply) => {
    parts.reset();
    return reply.code(204).send();
  });

  app.get('/sandbox/faults', async () => faults.list().map(faultView));
  app.post('/sandbox/faults', async ({ body }, reply) => {
    const fault = faults.add(parseFault(body, targets));
    const touched = genesys.suffer(fault);
    if (touched > 0) faults.use(fault, touched);
    return reply.code(201).send(faultView(fault));
  });
  app.delete('/sandbox/faults', async (_request, reply) => {
    faults.clear();
    return reply.code(204).send();
  });

  app.get('/sandbox/genesys/conversations', async () => genesys.conversations.list().map(plainView));
  app.post<ById>('/sandbox/genesys/conversations/:id/typing', async ({ params, body }, reply) => {
    const conversation = find(genesys, params.id);
    const from = readSpeaker(body);
    requireOpen(conversation);
    genesys.messaging.type(conversation, from === 'agent' ? 'agent' : 'workflow');
    return reply.code(204).send();
  });
  app.post<ById>('/sandbox/genesys/conversations/:id/messages', async ({ params, body }, reply) => {
    const conversation = find(genesys, params.id);
    const { text, from } = readWords(body);
    requireOpen(conversation);
    const { body: said } = genesys.messaging.speak(conversation, from === 'agent' ? 'agent' : 'workflow', text);
    return reply.code(201).send({ id: said.id, at: said.channel.time, text, from });
  });
  app.post<ById>('/sandbox/genesys/conversations/:id/disconnect', async ({ params }) => {
    const conversation = find(genesys, params.id);
    genesys.messaging.disconnect(conversation, 'peer');
    return plainView(conversation);
  });
  app.get('/sandbox/genesys/deployment', async () => genesys.deployment);
  app.patch('/sandbox/genesys/deployment', async ({ body }) => genesys.configure(parseSettings(body)));

  app.get('/sandbox/genesys/organization', async () => genesys.organization.settings);
  app.patch('/sandbox/genesys/organization', async ({ body }) => genesys.organization.change(parseOrganization(body)));

  app.get<ByName>('/sandbox/crm/:name/records', async ({ params }) => {
    const crm = crms.find((each) => each.name === params.name);
    if (crm === undefined) throw new Refusal(404, 'not.found', `There is no CRM ${params.name}.`);
    return crm.records();
  });
}

function faultView({ id, target, match, effect, times, left }: Fault): object {
  return { id, target, match, effect, times, left: Math.max(0, left) };
}

function find(genesys: GenesysCloud, id: string): Conversation {
  const conversation = genesys.conversations.find(id);
  if (conversation === undefined) throw new Refusal(404, 'not.found', `There is no conversation ${id}.`);
  return conversation;
}

function requireOpen({ state }: Conversation): void {
  if (state === 'disconnected') throw new Refusal(409, 'conversation.ended', 'The conversation has ended.');
}

function readWords(body: unknown): { readonly text: string; readonly from: 'agent' | 'bot' } {
  const { text } = isObject(body) ? body : {};
  if (typeof text !== 'string' || text === '')
    throw new Refusal(400, 'message.invalid', 'text must be a string that is not empty.');
  return { text, from: readSpeaker(body) };
}

function readSpeaker(body: unknown): 'agent' | 'bot' {
  const { from = 'agent' } = isObject(body) ? body : {};
  if (from !== 'agent' && from !== 'bot') throw new Refusal(400, 'message.invalid', 'from must be agent or bot.');
  return from;
}
