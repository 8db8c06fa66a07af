import type { FastifyInstance } from 'fastify';
import type { Crm } from './crm/crm.js';
import { parseFault } from './fault.js';
import type { Fault, Faults } from './faults.js';
import type { Conversation } from './genesys/conversation.js';
import { plainView, plainWords } from './genesys/platform/conversation-views.js';
import { parseSettings } from './genesys/deployment.js';
import type { SentFile } from './genesys/guest/attachments.js';
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

const MOST_FILES = 10;

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
  app.delete<ById>('/sandbox/faults/:id', async ({ params }, reply) => {
    if (!faults.remove(params.id)) throw new Refusal(404, 'not.found', `There is no fault ${params.id}.`);
    return reply.code(204).send();
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
    const from = readSpeaker(body);
    const words = readWords(body);
    requireOpen(conversation);
    const { body: said } = genesys.messaging.speak(conversation, from === 'agent' ? 'agent' : 'workflow', words);
    return reply.code(201).send({ id: said.id, at: said.channel.time, from, ...plainWords(said) });
  });
  app.post<ById>('/sandbox/genesys/conversations/:id/disconnect', async ({ params, body }) => {
    const conversation = find(genesys, params.id);
    const by = readEnd(body);
    const session = genesys.messaging.sessionOf(conversation);
    if (by === 'session.expired' && session !== null) genesys.messaging.expire(session);
    else genesys.messaging.disconnect(conversation, by);
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

/** A text, files, or both. */
function readWords(body: unknown): { readonly text?: string; readonly files: readonly SentFile[] } {
  const { text, files = [] } = isObject(body) ? body : {};
  if (!Array.isArray(files) || files.length > MOST_FILES)
    throw new Refusal(400, 'message.invalid', `files must be a list of at most ${MOST_FILES}.`);
  if (text === undefined && files.length > 0) return { files: files.map(readFile) };
  if (typeof text !== 'string' || text === '')
    throw new Refusal(400, 'message.invalid', 'text must be a string that is not empty.');
  return { text, files: files.map(readFile) };
}

function readFile(file: unknown): SentFile {
  const { fileName, fileType, base64 } = isObject(file) ? file : {};
  const isFile = typeof fileName === 'string' && typeof fileType === 'string' && typeof base64 === 'string';
  if (!isFile || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64))
    throw new Refusal(400, 'message.invalid', 'A file must have a fileName, a fileType and its bytes as base64.');
  return { fileName, fileType, bytes: Buffer.from(base64, 'base64') };
}

function readSpeaker(body: unknown): 'agent' | 'bot' {
  const { from = 'agent' } = isObject(body) ? body : {};
  if (from !== 'agent' && from !== 'bot') throw new Refusal(400, 'message.invalid', 'from must be agent or bot.');
  return from;
}

const ENDS = ['peer', 'inactivity', 'session.expired'] as const;

/** Why the conversation ends, by the `disconnectType` the platform will show: an agent ends it unless something else is said. */
function readEnd(body: unknown): (typeof ENDS)[number] {
  const { disconnectType = 'peer' } = isObject(body) ? body : {};
  const end = ENDS.find((each) => each === disconnectType);
  if (end === undefined)
    throw new Refusal(400, 'disconnect.invalid', `disconnectType must be one of ${ENDS.join(', ')}.`);
  return end;
}
