import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Fault, Faults } from '../../faults.js';
import type { Change, Conversation } from '../conversation.js';
import { refuseUpgrade } from '../refuse-upgrade.js';
import { Channel } from './channel.js';
import { notificationsOf } from './topics.js';

const MOST_CHANNELS = 20;
const CLOSING_MS = 60_000;
const call = { target: 'genesys', operation: 'notifications' } as const;

/** The notification service: channels, who is connected to them, and what they are told. */
export class Notifications {
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024, perMessageDeflate: false });
  private channels = new Map<string, Channel>();

  constructor(
    private readonly faults: Faults,
    private readonly heartbeatMs: () => number,
  ) {}

  /** A new channel. An OAuth client has twenty; one more puts out the oldest. */
  begin(): Channel {
    const [oldest] = this.list();
    if (oldest !== undefined && this.channels.size >= MOST_CHANNELS) this.end(oldest);
    const channel = new Channel();
    this.channels.set(channel.id, channel);
    return channel;
  }

  find(id: string): Channel | undefined {
    const channel = this.channels.get(id);
    if (channel?.isExpired) this.end(channel);
    return this.channels.get(id);
  }

  /** Oldest first. */
  list(): Channel[] {
    return [...this.channels.values()].filter(({ isExpired }) => !isExpired);
  }

  /** Tells the channels of a change, unless a fault loses it, says it twice or holds it up. */
  tell(conversation: Conversation, change: Change): void {
    for (const notification of this.channels.size === 0 ? [] : notificationsOf(conversation, change)) {
      const heard = this.list().filter(({ topics }) => topics.has(notification.topicName));
      if (heard.length === 0) continue;
      const effect = this.faults.take('event', { ...call, path: notification.topicName });
      if (effect?.dropAfterAccepting) continue;
      const times = effect?.duplicate ? 2 : 1;
      const say = () => heard.forEach((channel) => channel.tell(notification));
      const sayAll = () => Array.from({ length: times }).forEach(say);
      if (effect?.delayMs === undefined) sayAll();
      else void this.faults.pause(effect.delayMs).then(sayAll);
    }
  }

  /** Takes the WebSocket handshakes of channels. */
  attach(http: Server): void {
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const id = channelOf(request.url);
      if (id === null) return;
      socket.on('error', () => socket.destroy());
      this.open(id, request, socket, head);
    });
  }

  /** What a fault does at once to open sockets, as many as it says. */
  suffer({ effect, left }: Fault): void {
    for (const channel of this.list()
      .filter(({ isOpen }) => isOpen)
      .slice(0, left)) {
      if (effect.silence) channel.silence();
      else if (effect.announceClose) channel.announceClose(effect.delayMs ?? CLOSING_MS);
      else channel.close(effect.closeCode);
    }
  }

  clear(): void {
    for (const channel of this.list()) this.end(channel);
  }

  close(): void {
    this.clear();
    this.server.close();
  }

  private open(id: string, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const effect = this.faults.take('handshake', { ...call, path: request.url ?? '' });
    const channel = this.find(id);
    const status = effect?.permission === false ? 403 : (effect?.status ?? (channel === undefined ? 404 : null));
    if (channel === undefined || status !== null) return refuseUpgrade(socket, status ?? 404, effect);
    this.server.handleUpgrade(request, socket, head, (webSocket) => channel.open(webSocket, this.heartbeatMs()));
  }

  private end(channel: Channel): void {
    channel.close(1000);
    this.channels.delete(channel.id);
  }
}

/** The channel an address is that of, or null for another socket's. */
export function channelOf(url: string | undefined): string | null {
  return /^\/channels\/([\w-]+)\/?$/.exec(url ?? '')?.[1] ?? null;
}
