import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { RawData } from 'ws';
import type { AppError } from '../../kernel/app-error.js';
import { tellSocket } from './calls.js';
import { retryAfterMs } from './exchange.js';
import { readError, readFrame } from './frames.js';
import type { Frame } from './frames.js';
import {
  frameError,
  GenesysFailure,
  genesysError,
  noAnswer,
  originRefused,
  socketUnavailable,
} from './genesys-errors.js';
import { connect, hangUp } from './web-socket.js';

export type SocketOptions = {
  readonly url: string;
  readonly origin: string;
  readonly connectMs: number;
  /** Between two pings; a ping still unanswered at the next one means that the connection is gone. */
  readonly pingMs: number;
};

type Waiting = {
  /** Classes that answer the request. Others with its tracing id are acknowledgements on the way. */
  readonly answers: readonly string[];
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: AppError) => void;
};

/** One WebSocket to the guest endpoint: frames in, requests out and answered, and the certainty of being told when it is gone. */
export class GuestSocket {
  /** Every frame, after whoever waits for it was answered. */
  onFrame: (frame: Frame) => void = () => undefined;
  onLost: (closeCode: number) => void = () => undefined;
  private readonly waiting = new Map<string, Waiting>();
  private heartbeat: NodeJS.Timeout | undefined;
  private isAlive = true;

  private constructor(
    private readonly socket: WebSocket,
    pingMs: number,
  ) {
    socket.on('open', () => this.startHeartbeat(pingMs));
    socket.on('message', (data: RawData) => this.received(data));
    socket.on('pong', () => (this.isAlive = true));
    socket.on('close', (code) => this.closed(code));
  }

  /** @throws AppError */
  static async open(options: SocketOptions): Promise<GuestSocket> {
    tellSocket({ action: 'connect' });
    const { socket, opened } = connect(options.url, options, handshakeError);
    const guestSocket = new GuestSocket(socket, options.pingMs);
    await opened;
    return guestSocket;
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /**
   * Sends a request and resolves with the frame that answers it. It is recognised by its tracing id, or, where Genesys gives none back, by
   * its class; an echo of a message only by its tracing id, because everybody's messages are of its class.
   * @throws AppError
   */
  request(
    request: { readonly action: string; readonly token: string; readonly tracingId?: string } & object,
    answers: readonly string[],
    withinMs: number,
  ): Promise<Frame> {
    const { tracingId = randomUUID() } = request;
    if (!this.isOpen) return Promise.reject(socketUnavailable());
    return new Promise<Frame>((resolve, reject) => {
      const timer = setTimeout(() => reject(noAnswer()), withinMs);
      const settled = (): void => {
        clearTimeout(timer);
        if (this.waiting.get(tracingId) === waiting) this.waiting.delete(tracingId);
      };
      const waiting: Waiting = {
        answers,
        resolve: (frame) => (settled(), resolve(frame)),
        reject: (error) => (settled(), reject(error)),
      };
      this.waiting.set(tracingId, waiting);
      tellSocket(request);
      this.socket.send(JSON.stringify({ ...request, tracingId }));
    });
  }

  /** Stops reading: what Genesys sends meanwhile waits in the connection. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.isAlive = true;
    this.socket.resume();
  }

  close(): void {
    this.onFrame = () => undefined;
    this.onLost = () => undefined;
    hangUp(this.socket);
  }

  private received(data: RawData): void {
    this.isAlive = true;
    const frame = readFrame(asText(data)) ?? UNREADABLE;
    this.answer(frame);
    this.onFrame(frame);
  }

  private answer(frame: Frame): void {
    const error = readError(frame);
    const waiting = frame.tracingId === null ? this.unnamed(frame, error !== null) : this.waiting.get(frame.tracingId);
    if (waiting === undefined) return;
    if (error !== null) waiting.reject(frameError(error));
    else if (waiting.answers.includes(frame.class)) waiting.resolve(frame);
  }

  private unnamed(frame: Frame, isError: boolean): Waiting | undefined {
    const candidates = [...this.waiting.values()];
    // An error that names no request can only be told to whoever is alone in waiting.
    if (isError) return candidates.length === 1 ? candidates[0] : undefined;
    if (frame.class === 'StructuredMessage') return undefined;
    return candidates.find(({ answers }) => answers.includes(frame.class));
  }

  private startHeartbeat(pingMs: number): void {
    this.heartbeat = setInterval(() => {
      if (this.socket.isPaused) return;
      if (!this.isAlive) return this.socket.terminate();
      this.isAlive = false;
      this.socket.ping();
    }, pingMs);
  }

  private closed(code: number): void {
    clearInterval(this.heartbeat);
    for (const waiting of [...this.waiting.values()]) waiting.reject(socketUnavailable());
    this.onLost(code);
  }
}

/** Counted as a class that nobody knows. */
const UNREADABLE: Frame = { class: '', code: 200, tracingId: null, body: null };

const asText = (data: RawData): string =>
  (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Uint8Array)).toString('utf8');

/** The official client gives up on a 403 and tries again on anything else. */
function handshakeError({ statusCode: status = 0, headers }: IncomingMessage): AppError {
  if (status === 403) return originRefused();
  const failure = new GenesysFailure('socket', status, { retryAfterMs: retryAfterMs(headers['retry-after']) });
  return status === 429 ? genesysError(failure) : socketUnavailable(failure);
}
