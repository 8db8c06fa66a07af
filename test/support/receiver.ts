import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
};
export type Answering =
  | {
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
      /** How long it thinks first. */
      readonly afterMs?: number;
    }
  | 'silent'
  | 'drop';

/** A customer's system: a real HTTP server that keeps what it is sent and answers as it is told. */
export type Receiver = {
  readonly url: string;
  readonly received: Received[];
  answer: (request: Received, count: number) => Answering;
  close(): Promise<void>;
};

export async function startReceiver(answer: Receiver['answer'] = () => ({ status: 204 })): Promise<Receiver> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = {
        method,
        path: url,
        headers: headers as Received['headers'],
        body: Buffer.concat(chunks).toString(),
      };
      receiver.received.push(one);
      const how = receiver.answer(one, receiver.received.length);
      if (how === 'silent') return;
      if (how === 'drop') return void request.socket.destroy();
      void sleep(how.afterMs ?? 0).then(() => response.writeHead(how.status, how.headers).end(how.body));
    });
  });
  return receiver;
}
