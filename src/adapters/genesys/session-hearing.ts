import { Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import type { ChannelEvent, OutgoingMessage, Typing } from '../../modules/guest/index.js';
import { EventQueue } from './event-queue.js';
import { readMessage } from './frames.js';
import type { Frame } from './frames.js';
import type { GenesysPlace } from './genesys.settings.js';
import { GuestHistory } from './guest-history.js';
import { SessionMemory } from './session-memory.js';

export type HearingOptions = {
  readonly guestId: string;
  readonly place: GenesysPlace;
  readonly settleMs: number;
  readonly deliver: (event: ChannelEvent) => Promise<void>;
  readonly full: (isFull: boolean) => void;
  readonly typing: (typing: Typing) => void;
  /** What nobody here knows, by name; unreadable when that is empty. */
  readonly ignored: (name: string) => void;
  readonly expired: () => void;
  /** The conversation was ended for reading only. */
  readonly readOnly: () => void;
  /** Asks the guest socket for a token to read the history with. */
  readonly jwt: () => Promise<string>;
};

/** What is said in one session, heard live or read in its history, on its way to whoever listens. */
export class SessionHearing {
  readonly memory: SessionMemory;
  private readonly logger = new Logger('genesys');
  private readonly guestId: string;
  private readonly queue: EventQueue;
  private readonly history: GuestHistory;
  private readonly typing: (typing: Typing) => void;

  constructor(private readonly options: HearingOptions) {
    this.guestId = options.guestId;
    this.typing = options.typing;
    this.memory = new SessionMemory(options.guestId);
    this.queue = new EventQueue(options);
    this.history = new GuestHistory(options.place, options.jwt);
  }

  /** A message seen on the socket. */
  message(frame: Frame): void {
    const message = readMessage(frame.body);
    if (message === null) return this.options.ignored('');
    const heard = this.memory.hear(message, frame.tracingId);
    // It waits for nobody: by the time what came before is recorded it may be over.
    if (message.typingMs !== null && message.from !== 'guest')
      this.typing({ guestId: this.guestId, from: message.from, durationMs: message.typingMs });
    for (const name of message.unknownEvents) this.options.ignored(name);
    for (const { event, at } of heard) {
      if (event.type === 'conversation-ended' && event.readOnly) this.options.readOnly();
      this.queue.push(event, at);
    }
    if (message.presence.includes('SessionExpired')) this.options.expired();
  }

  tell(event: ChannelEvent, at: number): void {
    this.queue.push(event, at);
  }

  /** Messages are not said again on a new socket: history has them. What arrives meanwhile comes after it. */
  async fillGap(): Promise<void> {
    this.queue.hold();
    try {
      const { messages, isWhole } = await this.history.back((message) => this.memory.knows(message));
      if (!isWhole)
        this.logger.warn('guest history not read to its end', { guestId: this.guestId, read: messages.length });
      for (const { event, at } of this.memory.hearHistory(messages.toReversed())) this.queue.push(event, at);
    } catch (error) {
      if (!(error instanceof AppError) || error.kind !== 'refused') throw error;
      this.logger.warn('guest history refused', { guestId: this.guestId, code: errorCode(error) });
    } finally {
      this.queue.release();
    }
  }

  /** The key of a message that was accepted though nobody told us. Null when it was not. */
  async acceptedUnseen(message: OutgoingMessage): Promise<string | null> {
    const known = this.memory.keyOfSent(message.id);
    if (known !== null) return known;
    const longBefore = message.since.getTime() - 60_000;
    const { messages } = await this.history.back(({ at }) => at !== null && at.getTime() < longBefore);
    const { isKnown = () => Promise.resolve(false) } = message;
    const taken = await Promise.all(messages.map((one) => isKnown(one.key)));
    const key = this.memory.acceptedUnseen(
      message,
      messages.filter((_, index) => !taken[index]),
    );
    if (key !== null) this.memory.accepted(message.id, key);
    return key;
  }

  /** Resolves when everything that was heard has been recorded. */
  settled(): Promise<void> {
    return this.queue.drained();
  }

  /** Hears no more; what is being recorded is finished, what waits is found in the history by whoever comes next. */
  async stop(): Promise<void> {
    this.queue.stop();
    await this.queue.drained();
  }
}
