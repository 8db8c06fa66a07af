import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { metricsNotFound } from './metrics.errors.js';
import { engagement } from './metrics.js';
import type { EngagementMetrics, MetricEvent } from './metrics.js';
import { MetricStore } from './ports/metric.store.js';

/** Events in, measures out. */
@Injectable()
export class MetricsService {
  constructor(
    private readonly store: MetricStore,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Joins the current unit of work. */
  record(event: MetricEvent): Promise<void> {
    return this.store.append(event);
  }

  /** Nothing can be measured of this guest any more. Joins the current unit of work. */
  forget(guestId: string): Promise<void> {
    return this.store.removeAll(guestId);
  }

  /** The measures as they are now, for whoever needs them inside. Null for a stranger. */
  async current(guestId: string): Promise<EngagementMetrics | null> {
    return engagement(guestId, await this.store.events(guestId), this.clock.now());
  }

  /**
   * The measures, for somebody who asked: a use of the guest's data, so it stands in the trail.
   * @throws AppError `guest.not_found`
   */
  async measure(guestId: string): Promise<EngagementMetrics> {
    return this.work.run(async () => {
      const measures = await this.current(guestId);
      if (measures === null) throw metricsNotFound(guestId);
      const { definition, messageCount, durationMinutes } = measures;
      await this.audit.record({
        subject: `guest:${guestId}`,
        event: 'METRICS_CALCULATED',
        changes: { definition, messageCount, durationMinutes },
      });
      return measures;
    });
  }
}
