import type { Clock } from '../../kernel/clock.js';
import { ConversationNotifications } from '../../modules/guest/index.js';
import type { NotificationListener } from '../../modules/guest/index.js';
import { MOST_TOPICS } from './notification-channels.js';
import type { NotificationChannels } from './notification-channels.js';
import { NotificationLine } from './notification-line.js';
import type { NotificationTiming } from './notification-socket.js';

/**
 * What is worth knowing of a conversation that is linked: that its guest has left it, or is back. Data that are set prove nothing new then, and our own would
 * come back as news that cost a call each.
 */
const TOPICS = ['customer.start', 'customer.end'] as const;

/** What each conversation is subscribed to. */
export const topicsOf = (conversationId: string): string[] =>
  TOPICS.map((what) => `v2.detail.events.conversation.${conversationId}.${what}`);

/** Genesys sends a heartbeat every 30 seconds. */
const TIMING: NotificationTiming = { connectMs: 10_000, silentMs: 45_000, pongMs: 10_000 };

/** `ConversationNotifications` by one notification channel. */
export class PlatformNotifications extends ConversationNotifications {
  readonly most: number;
  private listener: NotificationListener = { told: () => Promise.resolve(), missed: () => Promise.resolve() };
  private line: NotificationLine | null = null;

  constructor(
    private readonly channels: NotificationChannels,
    private readonly clock: Clock,
    isOn: boolean,
    private readonly timing: NotificationTiming = TIMING,
  ) {
    super();
    this.most = isOn ? MOST_TOPICS / TOPICS.length : 0;
  }

  listen(listener: NotificationListener): void {
    this.listener = listener;
  }

  follow(conversationIds: readonly string[]): Promise<void> {
    const { channels, listener, clock, timing } = this;
    this.line ??= new NotificationLine({ channels, listener, clock, timing });
    return this.line.follow(conversationIds.slice(0, this.most).flatMap(topicsOf));
  }

  leave(): void {
    this.line?.stop();
    this.line = null;
  }
}
