import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import type { Connections } from './connections.js';
import type { Frame } from './frames.js';
import { notHeld, socketUnavailable } from './genesys-errors.js';
import type { GenesysPlace } from './genesys.settings.js';
import { genesysUrls } from './genesys.settings.js';
import { GuestSocket } from './guest-socket.js';
import { RECONNECT } from './web-socket.js';

export type LineTiming = {
  readonly connectMs: number;
  readonly pingMs: number;
  /** How long an answer on the socket may take, the echo of a message and the end after a `Clear` included. */
  readonly answerMs: number;
};

export type LineOptions = {
  readonly guestId: string;
  readonly place: GenesysPlace;
  readonly timing: LineTiming;
  readonly connections: Connections;
  /** Makes a new socket the session's. */
  readonly configure: (socket: GuestSocket) => Promise<void>;
  /** What has to be made up for on a configured socket. Repeated until it succeeds. */
  readonly catchUp: () => Promise<void>;
  readonly heard: (frame: Frame) => void;
};

/** The connection of one session to Genesys: one socket after another, for as long as the session lives. */
export class GuestLine {
  private readonly logger = new Logger('genesys');
  private readonly stopped = new AbortController();
  private socket: GuestSocket | null = null;
  private isCaughtUp = false;
  /** The socket is to be configured once more before anything else is sent. */
  private isStale = false;
  private attempt: Promise<void> | null = null;
  private wasOpen = false;
  private isKeptOpen = false;

  constructor(private readonly options: LineOptions) {}

  /** It was never open and nobody is opening it. */
  get isIdle(): boolean {
    return !this.wasOpen && this.attempt === null;
  }

  /** There is a configured socket at the moment. */
  get isOpen(): boolean {
    return this.socket?.isOpen === true;
  }

  get isStopped(): boolean {
    return this.stopped.signal.aborted;
  }

  /**
   * Resolves when the socket is open and has caught up: at once, by the attempt under way, or by one made now.
   * @throws AppError
   */
  ready(): Promise<void> {
    if (this.isStopped) return Promise.reject(notHeld());
    if (this.attempt === null && this.socket !== null && this.isCaughtUp && !this.isStale) return Promise.resolve();
    this.attempt ??= this.advance().finally(() => (this.attempt = null));
    return this.attempt;
  }

  /** As `ready`, but catching up may still be under way. */
  async open(): Promise<void> {
    try {
      await this.ready();
    } catch (error) {
      if (this.socket === null || this.isStopped) throw error;
    }
  }

  /**
   * As `ready`, after configuring the socket once more.
   * @throws AppError
   */
  async again(): Promise<void> {
    this.isStale = true;
    await this.attempt?.catch(() => undefined);
    await this.ready();
  }

  request(
    request: Parameters<GuestSocket['request']>[0],
    answers: readonly string[],
    withinMs = this.options.timing.answerMs,
  ): Promise<Frame> {
    if (this.isStopped) return Promise.reject(notHeld());
    if (this.socket === null) return Promise.reject(socketUnavailable());
    return this.socket.request(request, answers, withinMs);
  }

  /** Reads no more until told otherwise. */
  hush(isFull: boolean): void {
    if (isFull) this.socket?.pause();
    else this.socket?.resume();
  }

  /** Gives the socket up for another one, which is opened with the usual patience. */
  renew(): void {
    const { socket } = this;
    if (socket === null) return;
    this.socket = null;
    socket.close();
    this.keepOpen();
  }

  /** Says nothing more and comes back no more; what Genesys still says is heard until it closes the socket, or `stop` does. */
  retire(): void {
    this.stopped.abort();
  }

  stop(): void {
    this.retire();
    this.socket?.close();
    this.socket = null;
  }

  private async advance(): Promise<void> {
    try {
      if (this.socket === null) await this.connect();
      else if (this.isStale) await this.reconfigure(this.socket);
      await this.options.catchUp();
      if (this.socket === null) throw socketUnavailable();
      this.isCaughtUp = true;
    } catch (error) {
      if (this.wasOpen) this.keepOpen();
      throw error;
    }
  }

  private async connect(): Promise<void> {
    const { connections, timing, place, heard, configure } = this.options;
    const counted = await connections.turn(timing.connectMs);
    const opening = GuestSocket.open({ url: genesysUrls(place).socket, origin: place.origin, ...timing });
    const socket = await opening.finally(counted);
    try {
      if (this.isStopped) throw notHeld();
      socket.onFrame = heard;
      socket.onLost = (closeCode) => this.lost(socket, closeCode);
      await configure(socket);
      if (this.isStopped) throw notHeld();
      if (!socket.isOpen) throw socketUnavailable();
    } catch (error) {
      socket.close();
      throw error;
    }
    this.socket = socket;
    this.isCaughtUp = this.isStale = false;
    this.wasOpen = true;
  }

  /** A socket that is left half-way belongs to no session, so nothing may be sent on it. */
  private async reconfigure(socket: GuestSocket): Promise<void> {
    try {
      await this.options.configure(socket);
      this.isCaughtUp = this.isStale = false;
    } catch (error) {
      if (this.socket === socket) this.socket = null;
      socket.close();
      throw error;
    }
  }

  private lost(socket: GuestSocket, closeCode: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    if (this.isStopped) return;
    this.logger.warn('guest socket lost', { guestId: this.options.guestId, closeCode });
    this.keepOpen();
  }

  private keepOpen(): void {
    if (this.isKeptOpen || this.isStopped) return;
    this.isKeptOpen = true;
    void this.reopen().finally(() => (this.isKeptOpen = false));
  }

  /** At first quickly, as most closures are passing, then ever more slowly. Whoever needs the line meanwhile tries for itself. */
  private async reopen(): Promise<void> {
    const { guestId } = this.options;
    const { signal } = this.stopped;
    let waitMs = 100 + Math.random() * 400;
    let backoff = RECONNECT.next();
    for (let attempt = 1; ; attempt++) {
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.ready();
        this.logger.log('guest socket open again', { guestId, attempt });
        return;
      } catch (error) {
        this.logger.warn('guest socket not open yet', { guestId, attempt, code: errorCode(error) });
        waitMs = Math.max(backoff.duration, leastWaitMs(error));
        backoff = backoff.next(undefined);
      }
    }
  }
}

/** A refusal is for an administrator to undo, which nobody does within seconds. */
function leastWaitMs(error: unknown): number {
  if (!(error instanceof AppError)) return 0;
  return error.kind === 'refused' ? 5 * 60_000 : (error.retryAfterMs ?? 0);
}
