import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Notification } from './topics.js';

const LIFE_MS = 24 * 3_600_000;

/** A way for notifications: what it is subscribed to, and the one socket it may have. */
export class Channel {
  readonly id = `streaming-0-${randomBytes(16).toString('hex')}`;
  readonly topics = new Set<string>();
  private expiresAt = Date.now() + LIFE_MS;
  private socket: WebSocket | null = null;
  private isSilent = false;
  private heartbeat: NodeJS.Timeout | undefined;

  get expires(): string {
    return new Date(this.expiresAt).toISOString();
  }

  get isExpired(): boolean {
    return Date.now() >= this.expiresAt;
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Whoever subscribes again has it for another day. */
  extend(): void {
    this.expiresAt = Date.now() + LIFE_MS;
  }

  /** Takes a socket; the one before is closed. */
  open(socket: WebSocket, heartbeatMs: number): void {
    this.close(1000);
    this.socket = socket;
    this.isSilent = false;
    this.heartbeat = setInterval(() => this.say(metadata('WebSocket Heartbeat')), heartbeatMs).unref();
    socket.on('message', (data: Buffer) => this.heard(data.toString('utf8')));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      if (this.socket === socket) clearInterval(this.heartbeat);
    });
  }

  /** Tells of it, if it is subscribed to. What is said while nobody listens is lost. */
  tell(notification: Notification): void {
    if (!this.topics.has(notification.topicName)) return;
    this.say({ ...notification, version: '2', metadata: { CorrelationId: randomBytes(16).toString('hex') } });
  }

  /** Warns of maintenance, and closes when the time is over. */
  announceClose(afterMs: number): void {
    this.say({ topicName: 'v2.system.socket_closing', eventBody: { message: 'The WebSocket will be closed.' } });
    const { socket } = this;
    setTimeout(() => socket?.close(1001), afterMs).unref();
  }

  /** Says nothing more on the socket of the moment, as if what lies between had forgotten it. */
  silence(): void {
    this.isSilent = true;
  }

  /** Closes with a code, or breaks off. */
  close(code: number | undefined): void {
    clearInterval(this.heartbeat);
    if (code === undefined) this.socket?.terminate();
    else this.socket?.close(code);
    this.socket = null;
  }

  private heard(text: string): void {
    if (/^\s*\{\s*"message"\s*:\s*"ping"\s*\}\s*$/.test(text)) this.say(metadata('pong'));
  }

  private say(frame: object): void {
    if (this.isOpen && !this.isSilent) this.socket?.send(JSON.stringify(frame));
  }
}

function metadata(message: string): Notification {
  return { topicName: 'channel.metadata', eventBody: { message } };
}
