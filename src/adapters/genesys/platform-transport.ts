import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { ExponentialBackoff, fullJitterGenerator } from 'cockatiel';
import { AppError } from '../../kernel/app-error.js';
import type { Still } from '../../modules/guest/index.js';
import type { Turn, Turns } from './call-queue.js';
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

/** When a call is made, and whether it is to be made when its turn has come. */
export type CallOptions = { readonly turn?: Turn; readonly still?: Still | undefined };

/** One call under way. */
type Call = PlatformRequest &
  Pick<CallOptions, 'still'> & { readonly correlationId: string; readonly deadline: number };

const LIMITS: TransportLimits = { attemptMs: 10_000, callMs: 15_000, attempts: 4 };
const BACKOFF = new ExponentialBackoff({ initialDelay: 300, maxDelay: 4_000, generator: fullJitterGenerator });
const FAIR_MS = 500;
/** Every PATCH we send names the state it wants (attributes merged by name, `disconnected`), so it may be repeated. */
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']);

/**
 * Carries calls to the Platform API: who we are, when it is a call's turn, how long we wait, what is tried again and when. The SDK itself
 * has none of that, and what it rejects with has lost the headers a retry needs.
 */
export class PlatformTransport {
  private readonly logger = new Logger('genesys');

  constructor(
    private readonly login: PlatformLogin,
    private readonly queue: Turns,
    private readonly limits: TransportLimits = LIMITS,
  ) {}

  /** @throws GenesysFailure, or AppError when it was not this call's turn in time, or it is not to be made any more */
  async send(request: PlatformRequest, { turn = 'person', still }: CallOptions = {}): Promise<Answer> {
    const call = { ...request, still, correlationId: randomUUID(), deadline: performance.now() + this.limits.callMs };
    let backoff = BACKOFF.next();
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.authorized(call, attempt > 1 && turn === 'job' ? 'follow-up' : turn);
      } catch (error) {
        if (!(error instanceof GenesysFailure)) throw error;
        if (error.status === 429) await this.waitAll(error);
        const waitMs = Math.max(backoff.duration, error.facts.retryAfterMs ?? 0);
        const tooLate = attempt >= this.limits.attempts || performance.now() + waitMs >= call.deadline;
        if (tooLate || !mayRepeat(error, request)) throw error;
        // The pause of a 429 is everybody's, this call's too: the queue waits for it.
        if (error.status !== 429) await sleep(waitMs);
        backoff = backoff.next(undefined);
      }
    }
  }

  private async authorized(call: Call, turn: Turn): Promise<Answer> {
    try {
      return await this.attempt(call, turn);
    } catch (error) {
      if (!(error instanceof GenesysFailure) || error.status !== 401) throw error;
      return await this.attempt(call, turn === 'job' ? 'follow-up' : turn);
    }
  }

  private async token(): Promise<string> {
    try {
      return await this.login.token();
    } catch (error) {
      if (error instanceof GenesysFailure && isAway(error)) await this.queue.seen('failed');
      throw error;
    }
  }

  private async attempt(call: Call, turn: Turn): Promise<Answer> {
    const { correlationId, deadline, still, ...request } = call;
    // Before the turn, so that calls whose turns are apart do not wait for one login and then go together; after it, because a turn can be
    // longer in coming than a token lives.
    await this.token();
    const isTroubled = await this.queue.turn(turn, deadline);
    const token = await this.token();
    if (still !== undefined && !(await still())) throw notAnyMore();
    const left = Math.max(1, Math.ceil(deadline - performance.now()));
    try {
      const answer = await exchange({
        ...request,
        called: 'api',
        headers: { ...request.headers, Authorization: `Bearer ${token}`, 'ININ-Correlation-Id': correlationId },
        timeoutMs: Math.min(this.limits.attemptMs, left),
      });
      if (isTroubled) await this.queue.seen('answered');
      return answer;
    } catch (error) {
      if ((error as GenesysFailure).status === 401) this.login.reject(token);
      // Silence says something only to who could wait for an answer.
      const failed = isAway(error as GenesysFailure) && left >= FAIR_MS;
      if (failed || isTroubled) await this.queue.seen(failed ? 'failed' : 'answered');
      throw error;
    }
  }

  private async waitAll({ called, facts: { retryAfterMs = 0, correlationId } }: GenesysFailure): Promise<void> {
    await this.queue.told(retryAfterMs);
    this.logger.warn('genesys asks to wait', { waitMs: retryAfterMs, called, correlationId });
  }
}

const notAnyMore = (): AppError =>
  new AppError('forbidden', 'consent.required', 'Consent was withdrawn while the call waited for its turn.');

/** The other side is away or ill; everything else is an answer. */
const isAway = ({ status }: GenesysFailure): boolean => status === null || status === 408 || status >= 500;

/** A 429 was not worked on, and a login can be tried as often as one likes; silence may hide success. */
function mayRepeat(failure: GenesysFailure, { method }: PlatformRequest): boolean {
  if (failure.status === 429) return true;
  return isAway(failure) && (failure.called === 'login' || REPEATABLE.has(method));
}
