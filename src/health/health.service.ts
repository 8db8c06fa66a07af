import { Injectable, Logger } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { errorCode } from '../kernel/app-error.js';
import { Dependencies } from './dependencies.js';
import type { Dependency } from './dependencies.js';

/** How long a dependency may take to answer before it counts as down. */
export const PING_TIMEOUT_MS = 2_000;

/** The checks are open to anybody and each costs the other side a call, so for a moment one answer serves everybody. */
export const PING_REUSE_MS = 1_000;

export type DependencyReport = {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly critical: boolean;
  readonly responseTime: number;
  /** Why it is down, as a code. */
  readonly code?: string;
};

/** Asks what we depend on how it is doing. */
@Injectable()
export class HealthService {
  private readonly logger = new Logger('health');
  private readonly down = new Set<string>();

  constructor(
    private readonly dependencies: Dependencies,
    private readonly indicators: HealthIndicatorService,
  ) {}

  all(): Promise<DependencyReport[]> {
    return Promise.all(this.dependencies.all().map((dependency) => this.ask(dependency)));
  }

  /** Only those without which no request can be served. */
  critical(): Promise<DependencyReport[]> {
    const critical = this.dependencies.all().filter((dependency) => dependency.critical);
    return Promise.all(critical.map((dependency) => this.ask(dependency)));
  }

  private async ask(dependency: Dependency): Promise<DependencyReport> {
    const { name, critical } = dependency;
    const { [name]: result } = await this.indicators
      .check(name)
      .attempt(({ signal }) => this.ping(dependency, signal))
      .withTimeout(PING_TIMEOUT_MS)
      .cacheFor(PING_REUSE_MS);
    const { status, responseTime, message } = result as {
      status: 'up' | 'down';
      responseTime: number;
      message?: string;
    };
    const report: DependencyReport = { name, status, critical, responseTime };
    const seen = message === undefined ? report : { ...report, code: CODE.test(message) ? message : 'health.timeout' };
    this.notice(seen);
    return seen;
  }

  private async ping(dependency: Dependency, signal: AbortSignal): Promise<void> {
    try {
      await dependency.ping(signal);
    } catch (error) {
      // Terminus passes the message on, and the one we were given may quote what was sent, or where to.
      throw new Error(errorCode(error), { cause: error });
    }
  }

  /** Somebody asks every few seconds; only a change is worth a line. */
  private notice({ name, status, code }: DependencyReport): void {
    if ((status === 'down') === this.down.has(name)) return;
    if (status === 'down') {
      this.down.add(name);
      this.logger.warn('dependency down', { dependency: name, code });
    } else {
      this.down.delete(name);
      this.logger.log('dependency up again', { dependency: name });
    }
  }
}

/** What `errorCode` makes; anything else is terminus saying that time ran out. */
const CODE = /^[\w-]+(\.[\w-]+)+$/;
