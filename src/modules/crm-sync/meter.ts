import type { Clock } from '../../kernel/clock.js';
import type { Minute } from './crm-sync.js';
import type { CrmStore } from './ports/crm.store.js';

type Counts = Omit<Minute, 'minute'>;

/** Figures are written down together: until then a crash loses them, and nothing but them. */
const FLUSH_MS = 5_000;
const NOTHING: Counts = { delivered: 0, dead: 0, calls: 0, failures: 0 };

/** Counts by the minute what is done for each CRM, so that rates can be shown of all processes together. */
export class Meter {
  private readonly counted = new Map<string, Map<number, Counts>>();
  private readonly flushedAt = new Map<string, number>();

  constructor(
    private readonly store: CrmStore,
    private readonly clock: Clock,
  ) {}

  add(crm: string, counts: Partial<Counts>): void {
    const minute = Math.floor(this.clock.now().getTime() / 60_000) * 60_000;
    const minutes = this.counted.get(crm) ?? new Map<number, Counts>();
    const known = minutes.get(minute) ?? NOTHING;
    minutes.set(minute, {
      delivered: known.delivered + (counts.delivered ?? 0),
      dead: known.dead + (counts.dead ?? 0),
      calls: known.calls + (counts.calls ?? 0),
      failures: known.failures + (counts.failures ?? 0),
    });
    this.counted.set(crm, minutes);
  }

  /** Writes down what was counted, unless it was done just now. */
  async flush(crm: string): Promise<void> {
    const minutes = this.counted.get(crm);
    const now = this.clock.now().getTime();
    if (minutes === undefined || now - (this.flushedAt.get(crm) ?? -Infinity) < FLUSH_MS) return;
    this.counted.delete(crm);
    this.flushedAt.set(crm, now);
    await this.store.addMinutes(
      crm,
      [...minutes].map(([minute, counts]) => ({ minute: new Date(minute), ...counts })),
    );
  }
}
