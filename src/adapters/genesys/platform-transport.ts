import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { ExponentialBackoff, fullJitterGenerator } from 'cockatiel';
import { exchange } from './exchange.js';
import type { Answer } from './exchange.js';
import { GenesysFailure } from './genesys-errors.js';
import type { PlatformLogin } from './platform-login.js';

/** What the SDK asks for. */
export type PlatformRequest = {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type TransportLimits = {
  /** For one attempt. */
  readonly attemptMs: number;
  /** For a call with all its attempts and waits; whoever cannot be served by then tries again from the outbox. */
  readonly callMs: number;
  readonly attempts: number;
};

const LIMITS: TransportLimits = { attemptMs: 10_000, callMs: 15_000, attempts: 4 };
const BACKOFF = new ExponentialBackoff({ initialDelay: 300, maxDelay: 4_000, generator: fullJitterGenerator });
/** Every PATCH we send names the state it wants (attributes merged by name, `disconnected`), so it may be repeated. */
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']);

/**
 * Carries calls to the Platform API: who we are, how long we wait, what is tried again and when. The SDK itself has none of that, and
 * what it rejects with has lost the headers a retry needs.
 */
export class PlatformTransport {
  private readonly logger = new Logger('genesys');
  private pausedUntil = 0;

  constructor(
    private readonly login: PlatformLogin,
    private readonly limits: TransportLimits = LIMITS,
  ) {}

  /** @throws GenesysFailure */
  async send(request: PlatformRequest): Promise<Answer> {
    const deadline = performance.now() + this.limits.callMs;
    const correlationId = randomUUID();
    let backoff = BACKOFF.next();
    for (let attempt = 1; ; attempt++) {
      try {
        await this.pause(deadline);
        return await this.authorized(request, correlationId, deadline);
      } catch (error) {
        if (!(error instanceof GenesysFailure)) throw error;
        const waitMs = Math.max(backoff.duration, error.facts.retryAfterMs ?? 0);
        const tooLate = attempt >= this.limits.attempts || performance.now() + waitMs >= deadline;
        if (error.status === 429) this.pauseAll(error);
        if (tooLate || !mayRepeat(error, request)) throw error;
        // The pause of a 429 is everybody's, this call's too: it is waited for above.
        if (error.status !== 429) await sleep(waitMs);
        backoff = backoff.next(undefined);
      }
    }
  }

  private async authorized(request: PlatformRequest, correlationId: string, deadline: number): Promise<Answer> {
    const token = await this.login.token();
    try {
      return await this.attempt(request, correlationId, deadline, token);
    } catch (error) {
      if (!(error instanceof GenesysFailure) || error.status !== 401) throw error;
      this.login.reject(token);
      return await this.attempt(request, correlationId, deadline, await this.login.token());
    }
  }

  private attempt(request: PlatformRequest, correlationId: string, deadline: number, token: string): Promise<Answer> {
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    return exchange({
      ...request,
      called: 'api',
      headers: { ...request.headers, Authorization: `Bearer ${token}`, 'ININ-Correlation-Id': correlationId },
      timeoutMs: Math.min(this.limits.attemptMs, left),
    });
  }

  /** Waits until Genesys wants to hear from us again, or gives up at once when that is later than anybody will wait. */
  private async pause(deadline: number): Promise<void> {
    for (let left = this.left(); left > 0; left = this.left()) {
      if (performance.now() + left >= deadline) throw new GenesysFailure('api', 429, { retryAfterMs: Math.ceil(left) });
      // Not all at once when it is over.
      await sleep(left + Math.random() * 200);
    }
  }

  private left(): number {
    return this.pausedUntil - performance.now();
  }

  private pauseAll(failure: GenesysFailure): void {
    const { retryAfterMs = 0, correlationId } = failure.facts;
    this.pausedUntil = Math.max(this.pausedUntil, performance.now() + retryAfterMs);
    this.logger.warn('genesys asks to wait', { waitMs: retryAfterMs, called: failure.called, correlationId });
  }
}

/** A 429 was not worked on, and a login can be tried as often as one likes; silence may hide success. */
function mayRepeat({ status, called }: GenesysFailure, { method }: PlatformRequest): boolean {
  if (status === 429) return true;
  return (status === null || status === 408 || status >= 500) && (called === 'login' || REPEATABLE.has(method));
}
