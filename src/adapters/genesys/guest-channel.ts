import type { BeforeApplicationShutdown } from '@nestjs/common';
import { Logger } from '@nestjs/common';
import { SystemClock } from '../../kernel/clock.js';
import type { Gate } from '../../kernel/gate.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import type { Rate } from '../../kernel/rates.js';
import { GuestChannel } from '../../modules/guest/index.js';
import type {
  Attributes,
  ChannelEvent,
  ChannelSession,
  FileContent,
  FileRules,
  FileSource,
  OutgoingFile,
  OutgoingMessage,
  SignedIn,
  SignInCode,
  Typing,
} from '../../modules/guest/index.js';
import { Connections } from './connections.js';
import { Deployment } from './deployment.js';
import { download } from './exchange.js';
import { asAppError, foreignFileHost, noAnswer, notHeld } from './genesys-errors.js';
import { isFileHost, placeOf } from './genesys.settings.js';
import type { GenesysSettings } from './genesys.settings.js';
import { GuestSession } from './guest-session.js';
import type { Shared, Timing } from './guest-session.js';
import { exchanged } from './guest-sign-in.js';

const TIMING: Timing = {
  connectMs: 10_000,
  pingMs: 15_000,
  answerMs: 10_000,
  callMs: 25_000,
  settleMs: 50,
  graceMs: 500,
  // Genesys takes one in 5 s; ours are a little longer than its own, because what we send evenly does not arrive so.
  typingMs: 5_200,
};

/** Genesys allows a deployment 1000 a minute; what we send evenly does not arrive so. A restart with thousands of guests takes its minutes,
 * however many processes they are on. */
const CONNECTIONS: readonly Rate[] = [
  { count: 100, perMs: 1_000 },
  { count: 950, perMs: 60_000 },
];

const LEAVING_MS = 5_000;

/** `GuestChannel` by guest WebSockets of Genesys Cloud, one per guest, each held by this process. */
export class GenesysGuestChannel extends GuestChannel implements BeforeApplicationShutdown {
  private readonly logger = new Logger('genesys');
  private readonly sessions = new Map<string, GuestSession>();
  /** Unknown classes of frames, by name: new ones come with every release of Genesys and are no reason to stop. */
  readonly ignored = new Map<string, number>();
  private readonly shared: Shared;
  private handler: (event: ChannelEvent) => Promise<void> = () => Promise.reject(new Error('nobody listens yet'));
  private typing: (typing: Typing) => void = () => undefined;
  private isLeaving = false;

  /** `gate`: what all processes that open guest sockets have in common. */
  constructor(
    settings: GenesysSettings,
    timing: Partial<Timing> = {},
    connections = CONNECTIONS,
    gate: Gate = new LoneGate(new SystemClock()),
  ) {
    super();
    const place = placeOf(settings);
    this.shared = {
      place,
      timing: { ...TIMING, ...timing },
      deployment: new Deployment(place),
      connections: new Connections(gate, `genesys:connections:${place.deploymentId}`, connections),
      deliver: (event) => this.handler(event),
      typing: (typing) => this.typing(typing),
      ignored: (frameClass) => this.ignore(frameClass),
      over: (session) => this.forget(session),
    };
  }

  listen(handler: (event: ChannelEvent) => Promise<void>): void {
    this.handler = handler;
  }

  onTyping(handler: (typing: Typing) => void): void {
    this.typing = handler;
  }

  types(guestId: string): void {
    this.sessions.get(guestId)?.types();
  }

  signIn(guestId: string, code: SignInCode): Promise<SignedIn> {
    return exchanged(this.shared.place, guestId, code);
  }

  open(session: ChannelSession, attributes: Attributes): Promise<void> {
    return this.using(session, (held) => held.open(attributes));
  }

  send(session: ChannelSession, message: OutgoingMessage, attributes: Attributes): Promise<{ readonly key: string }> {
    return this.using(session, (held) => held.send(message, attributes));
  }

  joins(): boolean | null {
    return this.shared.deployment.lastKnown?.autoStart ?? null;
  }

  fileRules(): FileRules | null {
    return this.shared.deployment.lastKnown?.files ?? null;
  }

  upload(session: ChannelSession, file: OutgoingFile): Promise<{ readonly url: string | null }> {
    return this.using(session, (held) => held.upload(file));
  }

  locate(session: ChannelSession, fileId: string): Promise<FileSource> {
    return this.using(session, (held) => held.locate(fileId));
  }

  async download(url: string, gone: AbortSignal): Promise<FileContent> {
    if (!isFileHost(this.shared.place, url)) throw foreignFileHost();
    try {
      return await download(url, gone);
    } catch (error) {
      throw asAppError(error);
    }
  }

  async end(session: ChannelSession): Promise<'ended' | 'nothing-to-end' | 'unsupported'> {
    const how = await this.using(session, (held) => held.end());
    if (how === 'nothing-to-end') await this.leave(session.guestId);
    return how;
  }

  async leave(guestId: string): Promise<void> {
    const session = this.sessions.get(guestId);
    this.sessions.delete(guestId);
    if (session === undefined) return;
    // An event that is being recorded may take a moment; a listener that hangs must not keep us.
    await within(LEAVING_MS, session.leave()).catch(() => this.logger.warn('guest event left unrecorded', { guestId }));
  }

  held(): string[] {
    const held = [...this.sessions.values()].filter((each) => !each.isIdle && each.howEnded !== 'superseded');
    return held.map(({ guestId }) => guestId);
  }

  /** Another process finds what is dropped here in the history. */
  async closeAll(): Promise<void> {
    this.isLeaving = true;
    await Promise.all([...this.sessions.keys()].map((guestId) => this.leave(guestId)));
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.closeAll();
  }

  /** A session that never came to be open is not held; one that was is, through whatever happens to its socket. */
  private async using<T>(session: ChannelSession, work: (held: GuestSession) => Promise<T>): Promise<T> {
    if (this.isLeaving) throw notHeld();
    const known = this.sessions.get(session.guestId);
    const held =
      known === undefined || known.howEnded === 'superseded' ? new GuestSession(session, this.shared) : known;
    this.sessions.set(session.guestId, held);
    try {
      return await within(this.shared.timing.callMs, work(held));
    } catch (error) {
      if (held.isIdle) this.forget(held);
      throw error;
    }
  }

  private forget(session: GuestSession): void {
    if (this.sessions.get(session.guestId) === session) this.sessions.delete(session.guestId);
  }

  private ignore(frameClass: string): void {
    const name = /^\w{1,60}$/.test(frameClass) ? frameClass : 'unreadable';
    const times = (this.ignored.get(name) ?? 0) + 1;
    this.ignored.set(name, times);
    if (times === 1) this.logger.warn('unknown frame ignored', { class: name });
  }
}

/** @throws AppError when it takes longer; it goes on all the same */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(noAnswer()), ms)));
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
