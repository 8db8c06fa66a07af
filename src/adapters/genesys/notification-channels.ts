import { Logger } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import type { OptionalCalls } from './optional-calls.js';
import type { PlatformClient } from './platform-client.js';

/** A channel, and where its socket is opened. The address alone lets somebody listen. */
export type Channel = { readonly id: string; readonly uri: string };

/** Genesys takes so many topics in a channel. */
export const MOST_TOPICS = 1_000;

/** What the topics are taken to ask for, until an answer names it; the channel itself asks for nothing. */
export const TOPIC_PERMISSION = 'analytics:conversationDetail:view';

/** Notification channels by the Platform API. Nobody waits for them, so their calls are a job's, whoever listens. */
export class NotificationChannels {
  private readonly logger = new Logger('genesys');
  private rejected = 0;

  constructor(
    private readonly platform: PlatformClient,
    private readonly optional: OptionalCalls,
  ) {}

  /**
   * Has a channel tell of exactly these topics, for 24 hours. False where none of them is permitted; single ones that are rejected are left out.
   * `channel`: null for one that is opened now. `opened` hears of it before anything else can fail.
   * @throws AppError `genesys.not_found` when there is no such channel any more
   */
  async subscribe(
    channel: Channel | null,
    topics: readonly string[],
    opened: (channel: Channel) => void,
  ): Promise<boolean> {
    const rejected = await this.optional.call('notifications', TOPIC_PERMISSION, async () => {
      const { id } = channel ?? (await openChannel(this.platform, opened));
      return subscribe(this.platform, id, topics);
    });
    if (rejected === null) return false;
    if (rejected !== this.rejected) this.logger.warn('genesys rejects topics', { rejected, of: topics.length });
    this.rejected = rejected;
    return true;
  }
}

/**
 * Opens one of the twenty channels that an OAuth client may have. One more puts out those first that nobody is connected to.
 * @throws AppError
 */
export async function openChannel(
  platform: PlatformClient,
  opened: (channel: Channel) => void = () => undefined,
): Promise<Channel> {
  const { id, connectUri: uri } = await platform.call(
    'postNotificationsChannels',
    ({ notifications }) => notifications.postNotificationsChannels(),
    { turn: 'job' },
  );
  if (id === undefined || uri === undefined || !/^wss?:\/\//.test(uri))
    throw new AppError('unavailable', 'genesys.no_channel', 'Genesys Cloud names no notification channel.');
  const channel = { id, uri };
  opened(channel);
  return channel;
}

/**
 * Replaces what a channel is subscribed to. Answers how many topics were rejected.
 * @throws AppError `genesys.forbidden` when all were, with `extra.missing` the permissions that are missing
 */
export async function subscribe(
  platform: PlatformClient,
  channelId: string,
  topics: readonly string[],
): Promise<number> {
  const { entities = [] } = await platform.call(
    'putNotificationsChannelSubscriptions',
    ({ notifications }) =>
      notifications.putNotificationsChannelSubscriptions(
        channelId,
        topics.map((id) => ({ id })),
        // One bad topic would spoil the others'.
        { ignoreErrors: true },
      ),
    { turn: 'job' },
  );
  const rejected = entities.filter(({ state }) => state === 'Rejected');
  const missing = [...new Set(rejected.flatMap(({ missingPermissions = [] }) => missingPermissions))];
  if (rejected.length < topics.length || missing.length === 0) return rejected.length;
  const message = `Our OAuth client lacks in Genesys Cloud: ${missing.join(', ')}.`;
  throw new AppError('unavailable', 'genesys.forbidden', message, { extra: { missing } });
}
