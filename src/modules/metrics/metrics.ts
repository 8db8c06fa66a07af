/** What happened in a guest's session that measures are computed from. Facts only: never text, never personal data. */
export type MetricEvent = {
  readonly guestId: string;
  readonly type: 'created' | 'modified' | 'message' | 'converted' | 'unconverted' | 'closed';
  readonly at: Date;
  /** For `message`: who wrote it. */
  readonly from?: 'guest' | 'agent' | 'bot';
};

/**
 * Engagement measures by definition `engagement/1`, recomputable from events at any time.
 *
 * `avgResponseTimeMs` is the session's duration divided by its number of messages. It is not a response time; it keeps the
 * name under which dashboards know it.
 */
export type EngagementMetrics = {
  readonly guestId: string;
  readonly definition: 'engagement/1';
  /** From creation to closing, or to the last change while open; rounded to whole minutes. */
  readonly durationMinutes: number;
  /** Messages of guest, agent and bot; events and receipts excluded. */
  readonly messageCount: number;
  readonly avgResponseTimeMs: number;
  /** Whether the guest reached the declared goal. */
  readonly conversionFlag: boolean;
  readonly calculatedAt: string;
};

/** Null when nothing is known of the guest: without its creation there is nothing to measure from. */
export function engagement(guestId: string, events: readonly MetricEvent[], now: Date): EngagementMetrics | null {
  const created = events.find((event) => event.type === 'created');
  if (created === undefined) return null;
  const ordered = [...events].sort((a, b) => a.at.getTime() - b.at.getTime());
  const end = ordered.find((event) => event.type === 'closed') ?? ordered.at(-1)!;
  const durationMs = Math.max(0, end.at.getTime() - created.at.getTime());
  const messageCount = events.filter((event) => event.type === 'message').length;
  const goal = ordered.findLast((event) => event.type === 'converted' || event.type === 'unconverted');
  return {
    guestId,
    definition: 'engagement/1',
    durationMinutes: Math.round(durationMs / 60_000),
    messageCount,
    avgResponseTimeMs: messageCount > 0 ? Math.round(durationMs / messageCount) : 0,
    conversionFlag: goal?.type === 'converted',
    calculatedAt: now.toISOString(),
  };
}
