import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AppError } from '../kernel/app-error.js';
import { canonicalJson } from '../kernel/canonical-json.js';
import { Clock } from '../kernel/clock.js';
import { UnitOfWork } from '../kernel/unit-of-work.js';
import { Vault } from '../kernel/vault.js';
import { answerErased, badHeader, idempotencyKeyReused } from './http.errors.js';
import { IDEMPOTENCY_TTL_MS, IdempotencyStore } from './idempotency.store.js';
import type { IdempotencyRecord } from './idempotency.store.js';

/** How long a repeat waits for the first to end before it is told to come back. */
export const IDEMPOTENCY_WAIT_MS = 5_000;

const PLACE = 'idempotency.answer';

/** As it goes over the wire. `body` is JSON, or null when there is none. */
export type Answer = {
  readonly status: number;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** Something that is to be done once. */
export type OnceCall = {
  /** Who asks what of whom under which key, as a `digest`. */
  readonly scope: string;
  /** What exactly is asked, as a `digest`: under one key it cannot be something else. */
  readonly fingerprint: string;
  /** Called whenever the unit of work begins, which may be several times. */
  readonly begin?: () => void;
  /** Does it. `subject` is whose data the answer is; an answer that is nobody's is not kept. */
  readonly run: () => Promise<{ readonly answer: Answer; readonly subject: string | null }>;
};

/** A plain hash of a request is as good as its e-mail to whoever tries them all, so it is sealed with the answer. */
type Kept = Answer & { readonly fingerprint: string };

/**
 * What is asked for under a key is done once, however often it is asked for. What it does and what it was answered become durable in
 * one unit of work, and the answer leaves after that: there is no moment in which one exists without the other.
 *
 * Only successes are kept. A request that was refused did nothing, so it may be corrected and sent again under the same key.
 */
@Injectable()
export class Idempotency {
  constructor(
    private readonly work: UnitOfWork,
    private readonly answers: IdempotencyStore,
    private readonly vault: Vault,
    private readonly clock: Clock,
  ) {}

  /** @throws AppError `http.idempotency_key_reused`, `http.idempotency_in_progress`, `http.answer_erased`, and what `run` throws */
  async once(call: OnceCall): Promise<{ readonly answer: Answer; readonly replayed: boolean }> {
    const giveUpAt = performance.now() + IDEMPOTENCY_WAIT_MS;
    for (;;) {
      try {
        return await this.work.run(() => this.inUnit(call));
      } catch (error) {
        // Waiting happens outside the unit: inside, it would hold up everybody who shares its transaction.
        if (!isInProgress(error) || performance.now() >= giveUpAt) throw error;
        await sleep(50);
      }
    }
  }

  private async inUnit({ scope, fingerprint, begin, run }: OnceCall): ReturnType<Idempotency['once']> {
    begin?.();
    const known = await this.answers.find(scope, new Date(this.clock.now().getTime() - IDEMPOTENCY_TTL_MS));
    if (known) return { answer: await this.answered(known, fingerprint), replayed: true };
    const { answer, subject } = await run();
    if (subject === null) return { answer, replayed: false };
    const kept: Kept = { fingerprint, ...answer };
    await this.answers.add({
      scope,
      subject,
      answer: await this.vault.seal(subject, PLACE, JSON.stringify(kept)),
      createdAt: this.clock.now(),
    });
    return { answer, replayed: false };
  }

  private async answered(known: IdempotencyRecord, asked: string): Promise<Answer> {
    const opened = await this.vault.open(known.subject, PLACE, known.answer);
    if (opened === null) throw answerErased();
    const { fingerprint, ...answer } = JSON.parse(opened) as Kept;
    if (fingerprint !== asked) throw idempotencyKeyReused();
    return answer;
  }
}

/** A structured-field string (`"…"`), as the draft has it, or the bare key most clients send. */
export function idempotencyKey(header: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header)?.[1]?.replaceAll(/\\(["\\])/g, '$1');
  const key = quoted ?? header;
  if (!/^[\x21-\x7e]{1,255}$/.test(key) || (quoted === undefined && key.includes('"'))) {
    throw badHeader(
      'Idempotency-Key',
      'idempotencyKey',
      'must be 1 to 255 visible ASCII characters, in double quotes or bare',
    );
  }
  return key;
}

const isInProgress = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'http.idempotency_in_progress';

/** SHA-256 of the canonical form, as hex. */
export const digest = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex');
