import { Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import type { Clock } from '../../kernel/clock.js';
import type { NotificationListener } from '../../modules/guest/index.js';
import { NotificationSocket } from './notification-socket.js';
import type { NotificationFrame, NotificationTiming } from './notification-socket.js';
import type { Channel, NotificationChannels } from './notification-channels.js';
import { RECONNECT } from './web-socket.js';

/** A channel lives for 24 hours from when its topics were last set. */
const RENEW_MS = 12 * 3_600_000;

export type LineParts = {
  readonly channels: NotificationChannels;
  readonly listener: NotificationListener;
  readonly clock: Clock;
  readonly timing: NotificationTiming;
};

/** Sockets that were lost before they said anything, one after the other. So many, and the channel itself may be gone. */
const SILENT_SOCKETS = 2;

type Subscribed = { readonly topics: string; readonly at: number };

/** The connection of a service to Genesys's notifications: one channel after another, with one socket after another, until it is stopped. */
export class NotificationLine {
  private readonly logger = new Logger('genesys');
  private topics: readonly string[] = [];
  private channel: Channel | null = null;
  private subscribed: Subscribed | null = null;
  private socket: NotificationSocket | null = null;
  /** The one before a move, until Genesys closes it: what it still says was said to nobody else. */
  private former: NotificationSocket | null = null;
  /** Something may have been said that nobody heard. */
  private hasGap = false;
  private keeping: Promise<void> | null = null;
  private retry: NodeJS.Timeout | undefined;
  private backoff = RECONNECT.next();
  private silentSockets = 0;
  private isMoving = false;
  private isStopped = false;

  constructor(private readonly parts: LineParts) {}

  /** Resolves when the topics are subscribed to and a socket is open, or when the first attempt at it has failed: more follow. */
  async follow(topics: readonly string[]): Promise<void> {
    this.topics = topics;
    if (this.retry === undefined) await this.keep();
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.retry);
    this.hangUp();
  }

  private keep(): Promise<void> {
    return (this.keeping ??= this.advance().finally(() => (this.keeping = null)));
  }

  private async advance(): Promise<void> {
    // Nobody to listen to: no channel is taken from those who need one.
    if (this.topics.length === 0 && this.channel === null) return;
    try {
      if (!(await this.subscribe())) return this.forget();
      await this.connect();
      if (this.hasGap && !this.isStopped) await this.tellOfGap();
    } catch (error) {
      if (isAboutChannel(error)) this.forget();
      this.tryAgain(error);
    }
  }

  /** False where the organisation does not let us listen. */
  private async subscribe(): Promise<boolean> {
    const [topics, at] = [this.topics.join(), this.parts.clock.now().getTime()];
    if (this.subscribed?.topics === topics && at - this.subscribed.at < RENEW_MS) return true;
    const done = await this.parts.channels.subscribe(this.channel, this.topics, (channel) => (this.channel = channel));
    if (done) this.subscribed = { topics, at };
    return done;
  }

  private async connect(): Promise<void> {
    if (this.socket?.isOpen === true || this.channel === null) return;
    this.hasGap = true;
    this.use(await NotificationSocket.open(this.channel.uri, this.parts.timing));
    this.logger.log('genesys notifications open', { topics: this.topics.length });
  }

  private async tellOfGap(): Promise<void> {
    // Before it is told: the socket may be lost once more meanwhile.
    this.hasGap = false;
    try {
      await this.parts.listener.missed();
    } catch (error) {
      this.hasGap = true;
      throw error;
    }
  }

  private use(socket: NotificationSocket): void {
    if (this.isStopped) return socket.close();
    this.socket?.close();
    this.socket = socket;
    socket.onFrame = (frame) => void this.heard(socket, frame);
    socket.onLost = (closeCode) => this.lost(socket, closeCode);
  }

  private async heard(socket: NotificationSocket, frame: NotificationFrame): Promise<void> {
    // A socket that says nothing before it is lost is no reason to come back sooner.
    this.backoff = RECONNECT.next();
    this.silentSockets = 0;
    if (frame.topicName === 'channel.metadata') return;
    if (frame.topicName === 'v2.system.socket_closing') return socket === this.socket ? this.move() : undefined;
    try {
      await this.parts.listener.told(frame);
    } catch (error) {
      this.logger.warn('genesys notification not taken', { code: errorCode(error) });
      this.hasGap = true;
      this.tryAgain();
    }
  }

  /** The channel gets another socket while this one still speaks, until Genesys closes it. The channel and its topics stay. */
  private async move(): Promise<void> {
    const { socket, channel } = this;
    if (socket === null || channel === null || this.isMoving) return;
    this.isMoving = true;
    let closeCode: number | null = null;
    socket.onLost = (code) => (closeCode = code);
    try {
      const next = await NotificationSocket.open(channel.uri, this.parts.timing);
      if (this.channel !== channel) return next.close();
      if (closeCode === null) this.letSpeak(socket);
      else this.hasGap = true;
      this.use(next);
      this.logger.log('genesys notifications moved');
      if (this.hasGap) void this.keep();
    } catch (error) {
      this.logger.warn('genesys notifications not moved', { code: errorCode(error) });
      socket.onLost = (code) => this.lost(socket, code);
      if (closeCode !== null) this.lost(socket, closeCode);
    } finally {
      this.isMoving = false;
    }
  }

  private letSpeak(socket: NotificationSocket): void {
    this.former?.close();
    this.former = socket;
    socket.onLost = () => {
      if (this.former === socket) this.former = null;
    };
    if (this.socket === socket) this.socket = null;
  }

  private lost(socket: NotificationSocket, closeCode: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    this.logger.warn('genesys notifications lost', { closeCode });
    // Setting its topics again shows whether it is.
    if (++this.silentSockets >= SILENT_SOCKETS) this.subscribed = null;
    this.tryAgain();
  }

  private tryAgain(error?: unknown): void {
    if (this.isStopped || this.retry !== undefined) return;
    const asked = error instanceof AppError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(this.backoff.duration, asked);
    this.backoff = this.backoff.next(undefined);
    if (error !== undefined) this.logger.warn('genesys notifications not open', { code: errorCode(error), waitMs });
    this.retry = setTimeout(() => {
      this.retry = undefined;
      void this.keep();
    }, waitMs).unref();
  }

  /** The channel is gone, or of no use: the next attempt opens another. */
  private forget(): void {
    this.hangUp();
    this.channel = null;
    this.subscribed = null;
  }

  private hangUp(): void {
    for (const socket of [this.socket, this.former]) socket?.close();
    this.socket = this.former = null;
  }
}

/** It has expired, or one more of another's has put it out. */
const isAboutChannel = (error: unknown): boolean =>
  error instanceof AppError && (error.kind === 'refused' || error.code === 'genesys.forbidden');
