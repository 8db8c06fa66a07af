import { Injectable, Logger } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';

/** Why somebody was turned away. */
export type DenialReason =
  | 'no-token'
  | 'unknown-token'
  | 'bad-signature'
  | 'missing-scope'
  | 'undeclared-route'
  | 'wrong-origin'
  | 'beyond-guest'
  | 'over-quota';

export type Denial = {
  /** Null when we do not know who it was. */
  readonly actor: string | null;
  readonly reason: DenialReason;
  /** Method and route template, never the path as sent. */
  readonly route: string;
  /** How often this happened since `since`, this time included. */
  readonly count: number;
  readonly since: Date;
};

/** Where denials are kept, for those who look into them later. */
export abstract class AccessLog {
  /** Called at most once a minute for the same actor, reason and route, so that a guesser cannot fill it. */
  abstract denied(denial: Denial): Promise<void>;
}

/** How long identical denials are counted together. */
export const DENIAL_WINDOW_MS = 60_000;

/** As many kinds of denial are told apart in one window; those of further actors are counted without their names. */
export const MOST_DENIALS = 1_000;

type Open = { readonly denial: Omit<Denial, 'count'>; count: number; readonly timer: NodeJS.Timeout };

/**
 * Tells the `AccessLog` of the first denial at once and of those that follow it, counted, when the window ends. What it holds is
 * bounded, however many actors are denied.
 */
@Injectable()
export class Denials implements OnApplicationShutdown {
  private readonly logger = new Logger('access');
  private readonly open = new Map<string, Open>();

  constructor(private readonly log: AccessLog) {}

  async note(who: string | null, reason: DenialReason, route: string): Promise<void> {
    const actor = this.open.size < MOST_DENIALS ? who : null;
    const key = JSON.stringify([actor, reason, route]);
    const known = this.open.get(key);
    if (known) {
      known.count++;
      return;
    }
    const denial = { actor, reason, route, since: new Date() };
    const timer = setTimeout(() => void this.close(key), DENIAL_WINDOW_MS);
    timer.unref();
    this.open.set(key, { denial, count: 0, timer });
    this.logger.warn('access denied', { caller: actor, reason, route });
    await this.tell({ ...denial, count: 1 });
  }

  /** Whatever is still being counted is told before the process ends. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.open.keys()].map((key) => this.close(key)));
  }

  private async close(key: string): Promise<void> {
    const entry = this.open.get(key);
    if (!entry) return;
    this.open.delete(key);
    clearTimeout(entry.timer);
    if (entry.count > 0) await this.tell({ ...entry.denial, count: entry.count });
  }

  /** The caller is denied whether or not it could be written down. */
  private async tell(denial: Denial): Promise<void> {
    try {
      await this.log.denied(denial);
    } catch (error) {
      this.logger.error('denial not recorded', { reason: denial.reason, route: denial.route, error });
    }
  }
}
