import { Logger } from '@nestjs/common';
import type pg from 'pg';

export type HousekeepingPlan = {
  /** How often to look whether there is something to do. */
  readonly lookMs: number;
  readonly checkpointMs: number;
  readonly checkpointBytes: number;
  readonly tidyMs: number;
  /** A table is tidied when so many of its rows, and a tenth of all, have changed. Autovacuum's own rule. */
  readonly tidyRows: number;
};

const PLAN: HousekeepingPlan = {
  lookMs: 1_000,
  checkpointMs: 60_000,
  checkpointBytes: 64 * 1024 * 1024,
  tidyMs: 15_000,
  tidyRows: 1_000,
};

/**
 * What PostgreSQL's background processes do, for an engine that has none: checkpoints, or the log of changes grows without end and a
 * restart takes ever longer to recover; vacuum and analyze, or tables fill with dead rows and the planner with old figures.
 */
export class Housekeeping {
  private readonly logger = new Logger('storage');
  private readonly plan: HousekeepingPlan;
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | undefined;
  private syncsSeen: number;
  /** Where the log of changes was at the last checkpoint; null before the first look. */
  private position: string | null = null;
  private checkpointedAt = Date.now();
  private tidiedAt = Date.now();

  constructor(
    private readonly pool: pg.Pool,
    /** Grows whenever something was written. */
    private readonly syncs: () => number,
    plan: Partial<HousekeepingPlan> = {},
  ) {
    this.plan = { ...PLAN, ...plan };
    this.syncsSeen = syncs();
    this.timer = setInterval(() => {
      this.running ??= this.look()
        .catch((error: unknown) => this.logger.error('housekeeping failed', { error }))
        .finally(() => (this.running = undefined));
    }, this.plan.lookMs);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private async look(): Promise<void> {
    if (this.syncs() === this.syncsSeen) return;
    await this.checkpoint();
    if (Date.now() - this.tidiedAt >= this.plan.tidyMs) await this.tidy();
  }

  private async checkpoint(): Promise<void> {
    const { rows } = await this.pool.query<{ position: string; written: number | null }>({
      name: 'housekeeping.written',
      text: `select pg_current_wal_insert_lsn()::text as position,
                    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn)::bigint as written`,
      values: [this.position],
    });
    const { position, written } = rows[0]!;
    this.position ??= position;
    const isDue = Date.now() - this.checkpointedAt >= this.plan.checkpointMs;
    if (!isDue && (written ?? 0) < this.plan.checkpointBytes) return;
    await this.pool.query('checkpoint');
    this.checkpointedAt = Date.now();
    this.position = position;
    this.syncsSeen = this.syncs();
  }

  private async tidy(): Promise<void> {
    const { rows } = await this.pool.query<{ name: string; dead: boolean }>({
      name: 'housekeeping.untidy',
      text: `select t.relname as name, t.n_dead_tup > $1 + 0.1 * c.reltuples as dead
               from pg_stat_user_tables t join pg_class c on c.oid = t.relid
              where t.n_dead_tup > $1 + 0.1 * c.reltuples
                 or t.n_mod_since_analyze > $1 + 0.1 * c.reltuples`,
      values: [this.plan.tidyRows],
    });
    for (const { name, dead } of rows) await this.pool.query(`${dead ? 'vacuum (analyze)' : 'analyze'} ${name}`);
    this.tidiedAt = Date.now();
  }
}
