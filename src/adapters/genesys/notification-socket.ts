import { WebSocket } from 'ws';
import { tellSocket } from './calls.js';
import { GenesysFailure, genesysError } from './genesys-errors.js';
import { connect, hangUp } from './web-socket.js';

/** What is said on a notification channel (`{ topicName, version, eventBody, metadata }`). */
export type NotificationFrame = { readonly topicName: string; readonly eventBody?: unknown };

export type NotificationTiming = {
  readonly connectMs: number;
  /** How long nothing may be heard; Genesys sends a heartbeat every 30 seconds. */
  readonly silentMs: number;
  /** How long a ping may stay unanswered then. */
  readonly pongMs: number;
};

/** One WebSocket of a notification channel: frames in, and the certainty of being told when it is gone. */
export class NotificationSocket {
  onFrame: (frame: NotificationFrame) => void = () => undefined;
  onLost: (closeCode: number) => void = () => undefined;
  private silence: NodeJS.Timeout | undefined;

  private constructor(
    private readonly socket: WebSocket,
    private readonly timing: NotificationTiming,
  ) {
    socket.on('open', () => this.awaitSound());
    socket.on('message', (data: Buffer) => this.received(data.toString('utf8')));
    socket.on('close', (code) => {
      clearTimeout(this.silence);
      this.onLost(code);
    });
  }

  /**
   * `uri`: the channel's `connectUri`. A channel has one socket; the one before is closed by Genesys.
   * @throws AppError `genesys.not_found` when there is no such channel any more
   */
  static async open(uri: string, timing: NotificationTiming): Promise<NotificationSocket> {
    tellSocket({ action: 'channel' });
    const { socket, opened } = connect(uri, timing, ({ statusCode = 0 }) =>
      genesysError(new GenesysFailure('socket', statusCode)),
    );
    const notificationSocket = new NotificationSocket(socket, timing);
    await opened;
    return notificationSocket;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  close(): void {
    this.onFrame = () => undefined;
    this.onLost = () => undefined;
    hangUp(this.socket);
  }

  private received(text: string): void {
    this.awaitSound();
    const frame = readNotification(text);
    if (frame !== null) this.onFrame(frame);
  }

  /** A connection that died unnoticed is asked once, and given up. */
  private awaitSound(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.silence = setTimeout(() => this.socket.terminate(), this.timing.pongMs).unref();
      tellSocket({ action: 'channel ping' });
      this.socket.send('{"message":"ping"}');
    }, this.timing.silentMs).unref();
  }
}

/** Null for what is no notification: a subscription's answer, or a text nobody can read. */
function readNotification(text: string): NotificationFrame | null {
  try {
    const frame = JSON.parse(text) as NotificationFrame | null;
    return typeof frame?.topicName === 'string' ? frame : null;
  } catch {
    return null;
  }
}
