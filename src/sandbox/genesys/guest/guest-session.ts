import type { JsonObject } from '../../json.js';
import { RateWindow } from '../rate-window.js';
import type { Limits } from '../limits.js';
import type { Conversation } from '../conversation.js';
import type { Frame } from './guest-frames.js';
import { messageKey, type MessageBody } from '../message.js';

/** A way to the guest, as far as its session needs to know. */
export interface Line {
  send(frame: Frame): void;
  /** Says that it is closed on purpose, and closes. */
  dismiss(): void;
  /** The session goes on without it. */
  leave(): void;
}

/** What one guest token opens: up to three connections, and one conversation after another. */
export class GuestSession {
  /** Oldest first. */
  readonly connections = new Set<Line>();
  /** The conversation that is going on, or, where messages thread, the one to take up again. */
  conversation: Conversation | null = null;
  /** The last conversation was ended for reading only: nothing may be sent. */
  readOnly = false;
  /** It belongs to somebody who has signed in: nobody else configures it any more. */
  isSignedIn = false;
  readonly messageRate: RateWindow;
  readonly historyRate: RateWindow;
  private readonly messages: MessageBody[] = [];
  private touchedAt = Date.now();

  constructor(
    readonly token: string,
    /** Counted from 1; what people may see of a session instead of its token. */
    readonly number: number,
    readonly durationSeconds: number,
    readonly journeyContext: JsonObject | null,
    limits: Limits,
  ) {
    this.messageRate = new RateWindow(() => limits.messagesPerSessionPerSecond, 1000);
    this.historyRate = new RateWindow(() => limits.historyReadsPerSessionPerMinute, limits.minuteMs);
  }

  /** Epoch seconds; every message moves it on. */
  get expirationDate(): number {
    return Math.floor(this.touchedAt / 1000) + this.durationSeconds;
  }

  get isExpired(): boolean {
    return Date.now() >= this.touchedAt + this.durationSeconds * 1000;
  }

  touch(): void {
    this.touchedAt = Date.now();
  }

  /** Keeps a message for the history. */
  remember(body: MessageBody): void {
    this.messages.push(body);
  }

  /** Newest first; a guest's own message goes by the id its echo carried in `channel.messageId`. */
  history(): MessageBody[] {
    return this.messages.toReversed().map((body) => ({ ...body, id: messageKey(body) }));
  }

  broadcast(frame: Frame): void {
    for (const connection of this.connections) connection.send(frame);
  }
}
