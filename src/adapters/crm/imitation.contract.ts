import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CrmFailure } from '../../modules/crm-sync/ports/crm.contract.js';

// The specs' own tools. The name keeps them out of the build, as with contracts.

export type Call = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
};
export type Answer = { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown };

/** What a CRM answers instead of working, where its failure is a status. */
const STATUSES: Readonly<Partial<Record<CrmFailure, Answer>>> = {
  broken: { status: 500 },
  busy: { status: 429, headers: { 'retry-after': '1' } },
  'busy for it does not say how long': { status: 429 },
  'locked to us': { status: 401 },
  'forbidden to us': { status: 403 },
  'not itself': { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Sign in</html>' },
  'against the whole chunk': { status: 400 },
  'against its size': { status: 413 },
};

/** A CRM on a real socket, which fails when told to: `handle` says how it works when nothing is wrong. */
export async function imitation(handle: (call: Call) => Answer) {
  let next: CrmFailure | null = null;
  const server = createServer((request, response) => {
    void read(request).then((call) => {
      const how = call.method === 'GET' ? null : next;
      if (how !== null) next = null;
      answer(response, how, () => handle(call));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The next call that writes fails so. What is particular to a CRM, as its quota, is not among it. */
    fail: async (how: CrmFailure): Promise<boolean> => {
      if (how === 'out of quota') return false;
      next = how;
      return true;
    },
    close: async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(response: ServerResponse, how: CrmFailure | null, work: () => Answer): void {
  if (how === 'silent') return void response.destroy();
  const { status, headers, body } = (how === null ? undefined : STATUSES[how]) ?? work();
  if (how === 'silent after it took everything') return void response.destroy();
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(how === 'cut off in its answer' ? text.slice(0, text.length / 2) : text);
}

async function read(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const { method = 'GET', url: path = '/', headers } = request;
  return { method, path, headers, body: text === '' ? null : (JSON.parse(text) as unknown) };
}
