/**
 * Genesys Cloud's published limits, as far as they are enforced here. Null switches one off. The three that are off by default are real
 * too, but they are counted per minute, which makes them a nuisance in a test that has nothing to do with them.
 */
export type Limits = {
  /** Platform API requests per access token and minute. */
  readonly requestsPerTokenPerMinute: number | null;
  /** Guest messages per session and second. */
  readonly messagesPerSessionPerSecond: number | null;
  /** `echo` requests per connection and minute. */
  readonly echoesPerConnectionPerMinute: number | null;
  /** Open connections per guest token; one more closes the oldest. */
  readonly connectionsPerToken: number;
  /** Socket requests of every kind per connection and minute. */
  readonly requestsPerConnectionPerMinute: number | null;
  /** History reads per session and minute. */
  readonly historyReadsPerSessionPerMinute: number | null;
  /** New connections per deployment and minute. */
  readonly connectionsPerMinute: number | null;
  /** How long a minute lasts at the guest socket: a test that waits for the next one may have it shorter. */
  readonly minuteMs: number;
};

/** What applies unless `startSandbox` is told otherwise. */
export const defaultLimits: Limits = {
  requestsPerTokenPerMinute: 300,
  messagesPerSessionPerSecond: 5,
  echoesPerConnectionPerMinute: 2,
  connectionsPerToken: 3,
  requestsPerConnectionPerMinute: null,
  historyReadsPerSessionPerMinute: null,
  connectionsPerMinute: null,
  minuteMs: 60_000,
};
