import type { MetricEvent } from '../metrics.js';

/** What happened in guests' sessions, as facts. */
export abstract class MetricStore {
  /** Joins the current unit of work. Events are never changed. */
  abstract append(event: MetricEvent): Promise<void>;
  /** The guest has no events any more. Joins the current unit of work. */
  abstract removeAll(guestId: string): Promise<void>;
  /** All events of one guest, in the order in which they were recorded; empty for a stranger. */
  abstract events(guestId: string): Promise<MetricEvent[]>;
}
