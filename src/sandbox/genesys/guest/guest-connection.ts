import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { Limits } from '../limits.js';
import { RateWindow } from '../rate-window.js';
import { redactHeaders } from '../../redaction.js';
import { event, type Frame } from './guest-frames.js';
import type { GuestSession, Line } from './guest-session.js';

/** One open guest socket. */
export class GuestConnection implements Line {
  /** The session it is configured for; null before `configureSession`, and again after everything was closed. */
  session: GuestSession | null = null;
  readonly headers: Readonly<Record<string, string>>;
  readonly echoes: RateWindow;
  readonly requests: RateWindow;
  private turns: Promise<void> = Promise.resolve();

  constructor(
    private readonly socket: WebSocket,
    handshake: IncomingMessage,
    /** Counted from 1, in the order they opened. */
    readonly number: number,
    limits: Limits,
  ) {
    this.headers = redactHeaders(handshake.headers);
    this.echoes = new RateWindow(() => limits.echoesPerConnectionPerMinute, limits.minuteMs);
    this.requests = new RateWindow(() => limits.requestsPerConnectionPerMinute, limits.minuteMs);
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  send(frame: Frame): void {
    if (this.isOpen) this.socket.send(JSON.stringify(frame));
  }

  /** One frame after the other: a delayed one holds up those behind it, as on a slow line. */
  turn(work: () => Promise<void>): void {
    this.turns = this.turns.then(work);
  }

  /** Says that it is closed on purpose, so that nobody reconnects, and closes. */
  dismiss(): void {
    this.send(event('ConnectionClosedEvent'));
    this.close(1000);
  }

  close(code: number): void {
    this.leave();
    this.socket.close(code);
  }

  /** Breaks off without a word; the other side sees 1006. */
  cut(): void {
    this.leave();
    this.socket.terminate();
  }

  /** The session goes on without this connection. */
  leave(): void {
    this.session?.connections.delete(this);
    this.session = null;
  }
}
