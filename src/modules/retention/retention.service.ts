import { Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { DataClasses } from '../../kernel/data-class.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { AHEAD_DAYS, horizon, rulesOf } from './retention.js';
import type { Preview, Rule } from './retention.js';
import { RetentionSettings } from './retention.settings.js';

/** How many rows at most go in one unit: everybody else waits for it. */
const BATCH = 500;
/** What is more than this many batches is left to the next run. */
const BATCHES = 500;

/** Nothing is kept for longer than it was said to be. */
@Injectable()
export class RetentionService implements OnApplicationBootstrap {
  private rules: readonly Rule[] = [];

  constructor(
    private readonly classes: DataClasses,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: RetentionSettings,
  ) {}

  /** By now every owner of data has registered. */
  onApplicationBootstrap(): void {
    this.rules = rulesOf(this.classes.all(), this.settings.days);
  }

  /** What will go, now and soon. Changes nothing. */
  async preview(): Promise<{ readonly at: Date; readonly previews: readonly Preview[] }> {
    const at = this.clock.now();
    const previews: Preview[] = [];
    for (const { dataClass, days } of this.rules) {
      const now = await dataClass.preview(horizon(days, at));
      const soon = await dataClass.preview(horizon(days - AHEAD_DAYS, at));
      const dueSoon = Math.max(0, soon.count - now.count);
      previews.push({ name: dataClass.name, days, dueNow: now.count, dueSoon, oldest: now.oldest });
    }
    return { at, previews };
  }

  /** Removes what is too old, class by class in small batches, each with its entry in the trail. */
  async sweep(leaving?: AbortSignal): Promise<void> {
    for (const rule of this.rules) {
      for (let batch = 0; batch < BATCHES && leaving?.aborted !== true; batch++)
        if (!(await this.sweepOnce(rule))) break;
    }
  }

  /** False when there was nothing to do. */
  private sweepOnce({ dataClass, days }: Rule): Promise<boolean> {
    return this.work.run(async () => {
      const before = horizon(days, this.clock.now());
      const { gone, kept } = await dataClass.sweep(before, BATCH);
      if (gone > 0)
        await this.audit.record({
          subject: 'system:retention',
          event: 'RETENTION_SWEPT',
          changes: { dataClass: dataClass.name, days, before: before.toISOString(), gone, kept },
        });
      return gone + kept > 0;
    });
  }
}
