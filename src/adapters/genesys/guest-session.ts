import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import type {
  Attributes,
  ChannelEvent,
  ChannelSession,
  FileSource,
  OutgoingFile,
  OutgoingMessage,
  Typing,
} from '../../modules/guest/index.js';
import type { Connections } from './connections.js';
import type { Deployment } from './deployment.js';
import {
  clearMessage,
  HEALTH_CHECK,
  healthCheck,
  joinMessage,
  readError,
  readExpiry,
  readJwt,
  readMessage,
  textMessage,
  typingMessage,
} from './frames.js';
import type { Frame } from './frames.js';
import {
  attributesTooLong,
  noAnswer,
  notHeld,
  reactionTo,
  readOnlyForGood,
  sessionOver,
  textTooLong,
} from './genesys-errors.js';
import type { GenesysPlace } from './genesys.settings.js';
import { GuestFiles } from './guest-files.js';
import { GuestLine } from './guest-line.js';
import type { LineTiming } from './guest-line.js';
import type { GuestSocket } from './guest-socket.js';
import { Pace } from './pace.js';
import { SessionExpiry } from './session-expiry.js';
import { SessionHearing } from './session-hearing.js';
import type { SessionMemory } from './session-memory.js';
import { SessionOpening } from './session-opening.js';

export type Timing = LineTiming & {
  /** How long a call may take with all its steps; it goes on behind, and whoever called asks again. */
  readonly callMs: number;
  /** How long an event waits for one that was said before it. */
  readonly settleMs: number;
  /** How long after "this connection is closed" it may still turn out that the session was cleared. */
  readonly graceMs: number;
  /** Between two times of telling that the guest types. */
  readonly typingMs: number;
};

/** What all sessions of a process share. */
export type Shared = {
  readonly place: GenesysPlace;
  readonly timing: Timing;
  readonly deployment: Deployment;
  readonly connections: Connections;
  readonly deliver: (event: ChannelEvent) => Promise<void>;
  readonly typing: (typing: Typing) => void;
  readonly ignored: (frameClass: string) => void;
  /** The session is over and everybody who listens knows. */
  readonly over: (session: GuestSession) => void;
};

type End = Extract<ChannelEvent, { type: 'session-ended' }>['how'];

const MOST_TEXT_BYTES = 4096;
const MOST_ATTRIBUTE_BYTES = 2048;
/** Waiting for room in a session's rate is worth it for this long; after that the outbox tries again. */
const PATIENCE_MS = 3_000;

/** When Genesys says that it was too much, and not for how long. */
const REST_MS = 1_000;

const TYPING_ANSWER_MS = 2_000;

/** One guest's session at Genesys, known by its token: what is done in it and what is heard. */
export class GuestSession {
  readonly guestId: string;
  private readonly logger = new Logger('genesys');
  readonly #token: string;
  private readonly memory: SessionMemory;
  private readonly hearing: SessionHearing;
  private readonly opening: SessionOpening;
  private readonly line: GuestLine;
  private readonly files: GuestFiles;
  private readonly expiry = new SessionExpiry(() => this.askExpiry());
  /**
   * A session may send five messages a second; its connection may make 60 requests a minute, of which some are not messages. What we send
   * evenly does not arrive so, hence the reserve.
   */
  private readonly pace = new Pace([
    { count: 5, perMs: 1_200 },
    { count: 50, perMs: 60_000 },
  ]);
  /** What a `Join` carries; null when this session is not to be started by us. */
  private startWith: Attributes | null = null;
  /** By us, or by whoever held the session before. */
  private wasConfigured: boolean;
  /** The other side ended the conversation for reading only: what the guest says next begins another one. */
  private isReadOnly = false;
  private readonly endsWithReadOnly: boolean;
  private mayBeginAnew = false;
  private isClearing = false;
  /** Messages by their ids. */
  private readonly underWay = new Map<string, Promise<{ readonly key: string }>>();
  private typedAt = -Infinity;
  /** Until Genesys says that the deployment's typing indicator is off (403); then nothing more is said of typing. */
  private mayType = true;
  private ended: End | null = null;
  private closing: Promise<void> | null = null;
  private mostAttributeBytes = MOST_ATTRIBUTE_BYTES;

  constructor(
    session: ChannelSession,
    private readonly shared: Shared,
  ) {
    const { guestId } = session;
    const { place, timing, connections, deliver, typing } = shared;
    this.guestId = guestId;
    this.#token = session.token;
    this.wasConfigured = session.resumed === true;
    this.endsWithReadOnly = session.endsWithReadOnly === true;
    this.hearing = new SessionHearing({
      ...{ guestId, place, deliver, typing, settleMs: timing.settleMs },
      full: (isFull) => this.line.hush(isFull),
      jwt: () => this.jwt(),
      ignored: (name) => shared.ignored(name),
      expired: () => this.finish('expired'),
      readOnly: () => (this.isReadOnly = true),
    });
    this.memory = this.hearing.memory;
    this.opening = new SessionOpening(session, place, timing.answerMs);
    this.line = new GuestLine({
      ...{ guestId, place, timing, connections },
      configure: (socket) => this.configure(socket),
      catchUp: () => this.catchUp(),
      heard: (frame) => this.heard(frame),
    });
    this.files = new GuestFiles({
      place,
      timing,
      request: (request, answers) => this.line.request(request, answers),
    });
  }

  get howEnded(): End | null {
    return this.ended;
  }

  /** Nothing ever came of it, and nobody is trying. */
  get isIdle(): boolean {
    return this.line.isIdle;
  }

  /** Resolves when the session is configured and its conversation begun, if it begins by itself. */
  async open(attributes: Attributes): Promise<void> {
    this.checkFits(attributes);
    this.startWith = attributes;
    await this.ready();
  }

  /**
   * Resolves when Genesys has echoed the message, or is found to have accepted it before. Whoever asks again while the same is under way, because a
   * call does not wait for ever, waits for that.
   * @throws AppError `genesys.…`, of the kinds in `GuestChannel`
   */
  send(message: OutgoingMessage, attributes: Attributes): Promise<{ readonly key: string }> {
    const { id } = message;
    const sending = this.underWay.get(id) ?? this.say(message, attributes).finally(() => this.underWay.delete(id));
    this.underWay.set(id, sending);
    return sending;
  }

  async upload(file: OutgoingFile): Promise<{ readonly url: string | null }> {
    await this.ready();
    await this.goOn();
    return this.files.upload(this.#token, file);
  }

  async locate(fileId: string): Promise<FileSource> {
    await this.ready();
    // However often somebody reads, messages have to go out on the same connection.
    await this.pace.turn(PATIENCE_MS);
    return this.files.locate(this.#token, fileId);
  }

  /** Says that the guest types, if that can be said now; otherwise it is not worth saying. */
  types(): void {
    const now = performance.now();
    const isTyping = this.memory.started === true && !this.isReadOnly && this.ended === null && this.mayType;
    if (!isTyping || !this.line.isOpen || now - this.typedAt < this.shared.timing.typingMs || !this.pace.spareTurn())
      return;
    this.typedAt = now;
    // Waited for only so long that an error which names no request is not laid at the door of a message that waits as well.
    const request = { action: 'onMessage', token: this.#token, message: typingMessage() };
    this.line.request(request, ['StructuredMessage'], TYPING_ANSWER_MS).catch((error: unknown) => {
      if (errorCode(error) === 'genesys.not_enabled') this.mayType = false;
    });
  }

  /** Clears the conversation. `unsupported`: guests may not, or nobody answers. */
  async end(): Promise<'ended' | 'nothing-to-end' | 'unsupported'> {
    this.startWith = null;
    await this.ready();
    if (this.memory.started === false || this.isReadOnly) return 'nothing-to-end';
    await this.pace.turn(PATIENCE_MS);
    this.isClearing = true;
    try {
      await this.put(clearMessage(), undefined, ['SessionClearedEvent']);
      return 'ended';
    } catch (error) {
      await this.closing;
      if (this.howEnded === 'cleared') return 'ended';
      const code = errorCode(error);
      // Silence, too, is answered by ending the conversation from the other side; what matters is that it ends.
      if (code === 'genesys.not_enabled' || code === 'genesys.no_answer') return 'unsupported';
      throw error;
    }
  }

  /** Stops without ending anything, after the event being handed on. */
  async leave(): Promise<void> {
    this.expiry.stop();
    this.line.stop();
    this.files.stop();
    await this.hearing.stop();
  }

  private ready(): Promise<void> {
    return this.ended === null ? this.line.ready() : Promise.reject(this.over);
  }

  /** Whoever took the session over, or this process in a session anew, can still do what was asked. */
  private get over(): AppError {
    return this.ended === 'superseded' ? notHeld() : sessionOver();
  }

  private async say(message: OutgoingMessage, attributes: Attributes): Promise<{ readonly key: string }> {
    if (Buffer.byteLength(message.text) > MOST_TEXT_BYTES) throw textTooLong();
    this.checkFits(attributes);
    if (this.ended !== null) throw this.over;
    await this.line.open();
    if (this.memory.mayBeAccepted(message)) {
      const key = await this.hearing.acceptedUnseen(message);
      if (key !== null) return { key };
    }
    await this.goOn();
    await this.pace.turn(PATIENCE_MS);
    // Not before: the conversation that knew them may have ended while we waited.
    const pending = this.memory.pending(attributes);
    this.memory.sending(message.id);
    try {
      const echo = readMessage(
        (await this.put(textMessage(message.text, pending, message.attachmentIds), message.id)).body,
      );
      if (echo === null) throw noAnswer();
      this.memory.accepted(message.id, echo.key);
      this.memory.delivered(pending);
      return { key: echo.key };
    } catch (error) {
      if (error instanceof AppError && error.kind !== 'unavailable') this.memory.refused(message.id);
      throw error;
    }
  }

  private checkFits(attributes: Attributes): void {
    if (Buffer.byteLength(JSON.stringify(attributes)) > this.mostAttributeBytes) throw attributesTooLong();
  }

  private put(message: object, tracingId?: string, answers = ['StructuredMessage']): Promise<Frame> {
    const request = { action: 'onMessage', token: this.#token, message };
    return this.line.request(tracingId === undefined ? request : { ...request, tracingId }, answers);
  }

  private async configure(socket: GuestSocket): Promise<void> {
    const session = await this.opening.open(socket, this.mayBeginAnew).catch((error: unknown) => {
      if (errorCode(error) === 'genesys.sign_in_refused') this.finish('expired');
      throw error;
    });
    if (session.newSession && !session.isAnew && this.wasConfigured && this.memory.started !== false) {
      // The session we had is gone: cleared by the `Clear` whose answer we missed, or forgotten.
      this.finish(this.isClearing ? 'cleared' : 'expired');
      throw sessionOver();
    }
    // A session found again may have begun without our having been told, by the `Join` of whoever held it before us.
    if (session.newSession) this.memory.started = false;
    else if (this.memory.started === false) this.memory.started = null;
    this.mostAttributeBytes = session.maxCustomDataBytes ?? MOST_ATTRIBUTE_BYTES;
    if (!this.wasConfigured) this.hearing.tell({ type: 'configured', guestId: this.guestId }, -Infinity);
    this.wasConfigured = true;
    this.expiry.expectedAt(session.expiresAt);
    this.mayBeginAnew = this.isReadOnly = false;
    if (session.readOnly) this.readOnly();
  }

  /** After an end for reading only, the session is begun anew for what comes next, when everything said before is recorded. */
  private async goOn(): Promise<void> {
    if (!this.isReadOnly) return;
    if (this.endsWithReadOnly) throw readOnlyForGood();
    await this.hearing.settled();
    this.mayBeginAnew = true;
    await this.line.again();
  }

  private readOnly(): void {
    this.isReadOnly = true;
    this.memory.ended();
    const at = new Date();
    this.hearing.tell({ type: 'conversation-ended', guestId: this.guestId, at, readOnly: true }, at.getTime());
  }

  /** On a new socket: what was said meanwhile, and the start of the conversation if it has not started. */
  private async catchUp(): Promise<void> {
    if (this.memory.started !== false) await this.hearing.fillGap();
    if (this.memory.started !== false || this.startWith === null) return;
    const { autoStart } = await this.shared.deployment.config();
    if (autoStart) await this.join(this.startWith);
  }

  private async join(attributes: Attributes): Promise<void> {
    await this.pace.turn(PATIENCE_MS);
    const pending = this.memory.pending(attributes);
    try {
      await this.put(joinMessage(pending));
      this.memory.delivered(pending);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'refused') throw error;
      // The configuration has changed since it was read. The conversation begins with the first text, then.
      this.logger.warn('guest join refused', { guestId: this.guestId, code: errorCode(error) });
    }
  }

  private async jwt(): Promise<string> {
    const frame = await this.line.request({ action: 'getJwt', token: this.#token }, ['JwtResponse']);
    const jwt = readJwt(frame.body);
    if (jwt === null) throw noAnswer();
    return jwt;
  }

  private heard(frame: Frame): void {
    if (this.files.heard(frame)) return;
    const error = readError(frame);
    if (error !== null) return this.refused(error);
    if (frame.tracingId === HEALTH_CHECK) return;
    switch (frame.class) {
      case 'StructuredMessage':
        return this.hearing.message(frame);
      case 'SessionClearedEvent':
        return this.finish('cleared');
      case 'SessionExpiredEvent':
      case 'LogoutEvent':
        return this.finish('expired');
      case 'ConnectionClosedEvent':
        if (!this.opening.isBeginningAnew) this.closing ??= this.closedByGenesys();
        return;
      case 'SessionResponse':
      case 'JwtResponse':
      case 'PresignedUrlResponse':
      case 'string':
        return;
      default:
        this.shared.ignored(frame.class);
    }
  }

  private refused({ code, retryAfterMs }: NonNullable<ReturnType<typeof readError>>): void {
    const { guestId } = this;
    switch (reactionTo(code)) {
      case 'expired':
        return this.finish('expired');
      case 'read-only':
        return this.readOnly();
      case 'renew':
        return this.line.renew();
      case 'sign-in':
        return this.signInAgain();
      case 'rest':
        return this.pace.rest(retryAfterMs ?? REST_MS);
      case 'alarm':
        return this.logger.error('guest request not accepted as it is', { guestId, code });
      case 'none':
        return this.logger.warn('guest request refused', { guestId, code });
    }
  }

  /** While a socket is being configured, that is tried again on the same. */
  private signInAgain(): void {
    if (!this.opening.isSignedIn || this.opening.isOpening) return;
    this.opening.lapsed();
    this.line.renew();
  }

  private async askExpiry(): Promise<Date | null> {
    const answer = await this.line.request(healthCheck(this.#token), ['StructuredMessage']).catch(() => null);
    return answer === null ? null : readExpiry(answer.body);
  }

  /** Said to a connection that is not to come back: after a `Clear` (whose own event may come second), or because another has taken over. */
  private async closedByGenesys(): Promise<void> {
    this.line.retire();
    await sleep(this.shared.timing.graceMs);
    this.finish(this.isClearing ? 'cleared' : 'superseded');
  }

  private finish(how: End): void {
    if (this.ended !== null) return;
    this.ended = how;
    this.expiry.stop();
    this.line.stop();
    this.files.stop();
    this.logger.log('guest session ended', { guestId: this.guestId, how });
    this.hearing.tell({ type: 'session-ended', guestId: this.guestId, how }, Infinity);
    void this.hearing.settled().then(() => this.shared.over(this));
  }
}
