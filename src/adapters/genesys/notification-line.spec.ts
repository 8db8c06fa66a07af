import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { SystemClock } from '../../kernel/clock.js';
import { until } from '../../modules/guest/ports/guest-channel.contract.js';
import type { Channel, NotificationChannels } from './notification-channels.js';
import { NotificationLine } from './notification-line.js';

Logger.overrideLogger(false);

const CLOSING = { topicName: 'v2.system.socket_closing' };
const said = (what: string) => ({ topicName: 'v2.detail.events.conversation.1.customer.end', eventBody: what });

describe('notification sockets', () => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  const sockets: WebSocket[] = [];
  const told: unknown[] = [];
  let missed = 0;
  let subscribed = 0;
  let isGone = false;
  let line: NotificationLine;
  /** How long a handshake takes. */
  let handshakeMs = 0;

  beforeAll(async () => {
    server.options.verifyClient = (_, accept) => void setTimeout(() => accept(true), handshakeMs);
    server.on('connection', (socket) => {
      sockets.push(socket);
      if (isGone) socket.close(1000);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(async () => {
    sockets.length = told.length = missed = subscribed = handshakeMs = 0;
    isGone = false;
    const uri = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const subscribe = async (_: unknown, _topics: unknown, opened: (channel: Channel) => void) => {
      subscribed += 1;
      opened({ id: 'c', uri });
      return true;
    };
    line = new NotificationLine({
      channels: { subscribe } as unknown as NotificationChannels,
      listener: {
        told: async (notification) => void told.push((notification as { eventBody: unknown }).eventBody),
        missed: async () => void missed++,
      },
      clock: new SystemClock(),
      timing: { connectMs: 2_000, silentMs: 2_000, pongMs: 2_000 },
    });
    await line.follow(['a topic']);
    expect([sockets.length, missed]).toEqual([1, 1]);
  });
  afterEach(() => line.stop());
  afterAll(async () => {
    for (const socket of server.clients) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
    await new Promise((resolve) => http.close(resolve));
  });

  const say = (socket: WebSocket, what: object): void => socket.send(JSON.stringify(what));

  it('are heard to their end after a move: what was on its way there is said to nobody else', async () => {
    const [former] = sockets;
    say(former!, CLOSING);
    const next = await until(() => sockets[1]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    say(next, said('to the next'));
    say(former!, said('on its way'));
    // It has moved already.
    say(former!, CLOSING);
    former!.close(1001);
    await until(() => told.length === 2);
    expect(told).toEqual(expect.arrayContaining(['to the next', 'on its way']));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([sockets.length, missed]).toEqual([2, 1]);
    say(next, said('afterwards'));
    await until(() => told.includes('afterwards'));
  });

  it('that are closed before the next is open leave a gap, which is told', async () => {
    handshakeMs = 100;
    say(sockets[0]!, CLOSING);
    sockets[0]!.close(1001);
    await until(() => sockets[1]);
    await until(() => missed === 2);
    say(sockets[1]!, said('afterwards'));
    await until(() => told.includes('afterwards'));
    expect(sockets).toHaveLength(2);
  });

  it('that say nothing before they are lost, one after the other, have the channel asked for its topics again', async () => {
    isGone = true;
    sockets[0]!.close(1000);
    await until(() => sockets.length >= 3);
    await until(() => subscribed === 2);
  }, 15_000);

  it('are left, both, when nobody listens any more', async () => {
    say(sockets[0]!, CLOSING);
    await until(() => sockets[1]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    line.stop();
    await until(() => sockets.every(({ readyState }) => readyState === 3));
  });
});
