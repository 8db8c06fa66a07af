import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { AppError, errorCode } from '../../kernel/app-error.js';
import { backoffMs } from '../../kernel/backoff.js';
import type { Clock } from '../../kernel/clock.js';
import { UnderWay } from '../../kernel/under-way.js';
import type { UnitOfWork } from '../../kernel/unit-of-work.js';
import type { AuditService } from '../audit/index.js';
import { answered, chunkSizeOf, failed, limited, locked, stateOf, waiting } from './breaker.js';
import type { Breaker } from './breaker.js';
import { completeVerdicts, idempotencyKey } from './crm-sync.js';
import type { Chunk } from './crm-sync.js';
import { Meter } from './meter.js';
import { outcomesOf } from './outcomes.js';
import { Pace } from './pace.js';
import type { Turn } from './pace.js';
import type { Crm } from './ports/crm.js';
import type { CrmStore, Outcome, Postponement } from './ports/crm.store.js';
import { reactionTo, retryDelayMs } from './reaction.js';
import type { Reaction } from './reaction.js';

/** Longer than a CRM is given to answer. Should it run out all the same, a chunk is sent twice under one key, which changes nothing. */
const LEASE_MS = 20_000;
/** Chunks under way and answered chunks being written down, together at most. */
const MOST_UNDER_WAY = 32;
/**
 * While the CRM is down, chunks that failed are tried again rather than new ones, of which there would be ever more whose fate nobody knows. But
 * it might be those chunks that it stumbles over: every so often a new one goes.
 */
const FRESH_PROBE_EVERY = 8;
/** What becomes due within this time shares a chunk. */
export const GATHER_MS = 50;
/** Longer waits end with the schedule. */
const LONGEST_NAP_MS = 60_000;

/** Takes what is due to one CRM, at its pace, and writes down what came of it. */
export class CrmDelivery {
  private readonly logger = new Logger('crm-sync');
  private readonly paces = new Map<string, Pace>();
  /** What was last seen of each CRM: whether it is worth writing down that it answers. */
  private readonly seen = new Map<string, Breaker>();
  private readonly meter: Meter;

  constructor(
    private readonly store: CrmStore,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly wake: () => void,
  ) {
    this.meter = new Meter(store, clock);
  }

  /** Sends until nothing is due that may be sent, and waits for what is under way. */
  async drain(crm: Crm, leaving?: AbortSignal): Promise<void> {
    const underWay = new UnderWay();
    try {
      await this.sendDue(crm, underWay, leaving);
    } finally {
      await underWay.all();
    }
    await this.meter.flush(crm.id);
  }

  private async sendDue(crm: Crm, underWay: UnderWay, leaving?: AbortSignal): Promise<void> {
    const pace = this.paceOf(crm.id);
    while (leaving?.aborted !== true && !underWay.hasFailed) {
      const now = performance.now();
      const room = Math.min(pace.roomAt(now), MOST_UNDER_WAY - underWay.size);
      const chunks = room > 0 ? await this.next(crm, room) : [];
      for (const chunk of chunks) underWay.add(this.send(crm, pace, chunk).then((settle) => underWay.add(settle())));
      if (chunks.length > 0) {
        // All there was has been claimed. Under load more arrives at once, in ever smaller chunks if it is not let gather.
        if (chunks.length < room) await sleep(GATHER_MS);
        continue;
      }
      const waitMs = room > 0 ? 0 : pace.waitMs(now);
      if (underWay.size === 0 && waitMs === 0) break;
      await (waitMs > 0 ? underWay.anyWithin(waitMs) : underWay.any());
    }
  }

  private async next(crm: Crm, room: number): Promise<Chunk[]> {
    const { isDue, breaker } = await this.store.look(crm.id);
    this.seen.set(crm.id, breaker);
    if (!isDue) return [];
    const now = this.clock.now();
    const claim = { chunks: room, size: chunkSizeOf(breaker, crm.chunkSize, now), leaseMs: LEASE_MS };
    switch (stateOf(breaker, now)) {
      case 'closed':
        return this.store.claim(crm.id, claim);
      case 'half-open':
        return this.probe(crm, { ...claim, chunks: 1, freshFirst: breaker.failures % FRESH_PROBE_EVERY === 0 });
      default:
        return [];
    }
  }

  /** One process sends one chunk, to see whether the CRM is back. */
  private async probe(crm: Crm, claim: Parameters<CrmStore['claim']>[1]): Promise<Chunk[]> {
    if (!(await this.store.takeProbe(crm.id, LEASE_MS))) return [];
    const chunks = await this.store.claim(crm.id, claim);
    const now = this.clock.now();
    if (chunks.length === 0) await this.store.updateBreaker(crm.id, (breaker) => ({ ...breaker, until: now }));
    return chunks;
  }

  /** Answers with what there is to write down. */
  private async send(crm: Crm, pace: Pace, chunk: Chunk): Promise<() => Promise<void>> {
    const turn = pace.begin(performance.now());
    const waitMs = turn.at - performance.now();
    if (waitMs > 0) {
      await sleep(waitMs);
      const { until, code } = this.seen.get(crm.id)!;
      if (until !== null && code !== null && until > this.clock.now()) {
        pace.unused(turn);
        return () => this.postpone(chunk, { until, code });
      }
      pace.begun(turn, performance.now());
    }
    const records = chunk.records.map(({ record }) => record);
    const hashes = chunk.records.map((one) => one.hash);
    try {
      const verdicts = await crm.upsert(records, idempotencyKey(crm.id, hashes, chunk.rekeyed));
      pace.answered(turn, performance.now());
      this.meter.add(crm.id, { calls: 1 });
      return async () => {
        await this.settle(crm, chunk, outcomesOf(chunk, completeVerdicts(records.length, verdicts), this.clock.now()));
        await this.reached(crm);
      };
    } catch (error) {
      this.meter.add(crm.id, { calls: 1, failures: 1 });
      const isTrusted = this.seen.get(crm.id)!.openedAt === null;
      const now = this.clock.now();
      const reaction = reactionTo(error, chunk, isTrusted, now);
      const complaints = paced(pace, turn, reaction);
      // Until what failed is written down nothing is sent that should have waited for it.
      pace.hold();
      return () => this.react(crm, chunk, error, reaction, complaints, now).finally(() => pace.resume());
    }
  }

  private async settle(crm: Crm, chunk: Chunk, outcomes: readonly Outcome[]): Promise<void> {
    await this.work.run(async () => {
      await this.store.settle(crm.id, chunk, outcomes);
      for (const outcome of outcomes) await this.recordOutcome(crm, outcome);
    });
    const dead = outcomes.flatMap((outcome) => (outcome.status === 'dead' ? [outcome.code] : []));
    const delivered = outcomes.filter(({ status }) => status === 'delivered').length;
    this.meter.add(crm.id, { delivered, dead: dead.length });
    if (dead.length > 0) this.logger.error('records refused', { crm: crm.id, codes: [...new Set(dead)] });
  }

  private async recordOutcome(crm: Crm, outcome: Outcome): Promise<void> {
    if (outcome.status === 'again') return;
    const { guestId, version } = outcome.record;
    const subject = `guest:${guestId}` as const;
    if (outcome.status === 'delivered')
      await this.audit.record({ subject, event: 'CRM_SYNCED', changes: { crm: crm.id, version } });
    else
      await this.audit.record({ subject, event: 'CRM_REFUSED', changes: { crm: crm.id, version, code: outcome.code } });
  }

  /** The CRM answers: if it was believed to be down, it is not. */
  private async reached(crm: Crm): Promise<void> {
    const seen = this.seen.get(crm.id);
    if (seen === undefined || answered(seen) === seen) return;
    this.seen.set(crm.id, await this.store.updateBreaker(crm.id, answered));
  }

  /** Of a chunk there are no verdicts for. Waits begin `now`, when that was heard: it may take a while to be written down. */
  private async react(
    crm: Crm,
    chunk: Chunk,
    error: unknown,
    reaction: Reaction,
    complaints: number,
    now: Date,
  ): Promise<void> {
    const code = errorCode(error);
    this.tell(crm, chunk, error, reaction);
    switch (reaction.do) {
      case 'split':
        if (reaction.tooLarge)
          await this.store.updateBreaker(crm.id, (breaker) => limited(breaker, chunk.records.length, now));
        await this.store.split(crm.id, chunk);
        return reaction.isAnswer ? this.reached(crm) : undefined;
      case 'bury':
        await this.bury(crm, chunk, error, reaction.isUncertain);
        return reaction.isAnswer ? this.reached(crm) : undefined;
      case 'rekey':
        await this.postpone(chunk, { until: now, code, rekeyed: chunk.rekeyed + 1 });
        return this.reached(crm);
      case 'wait':
        await this.postpone(chunk, { until: after(now, reaction.ms ?? retryDelayMs(1)), code });
        return this.reached(crm);
      case 'slow-down': {
        const ms = reaction.ms ?? backoffMs(complaints);
        return this.holdBack(crm, chunk, code, (breaker) => waiting(breaker, code, ms, now), after(now, ms));
      }
      case 'lock':
        return this.holdBack(crm, chunk, code, (breaker) => locked(breaker, code, now), now);
      case 'retry': {
        const failures = chunk.failures + (reaction.counts ? 1 : 0);
        const ms = reaction.counts ? retryDelayMs(failures) : 0;
        return this.holdBack(
          crm,
          { ...chunk, failures },
          code,
          (breaker) => failed(breaker, code, now),
          after(now, ms),
        );
      }
    }
  }

  /** The chunk waits until then, and for as long as all calls to the CRM do. */
  private async holdBack(
    crm: Crm,
    chunk: Chunk,
    code: string,
    change: (breaker: Breaker) => Breaker,
    then: Date,
  ): Promise<void> {
    const until = await this.work.run(async () => {
      const breaker = await this.store.updateBreaker(crm.id, change);
      this.seen.set(crm.id, breaker);
      const later = breaker.until !== null && breaker.until > then ? breaker.until : then;
      await this.postpone(chunk, { until: later, code });
      return later;
    });
    const napMs = until.getTime() - this.clock.now().getTime();
    if (napMs <= LONGEST_NAP_MS) setTimeout(this.wake, napMs).unref();
  }

  private async bury(crm: Crm, chunk: Chunk, error: unknown, isUncertain: boolean): Promise<void> {
    const reason = error instanceof AppError ? error.message : 'The adapter fails on this record.';
    const code = errorCode(error);
    const outcomes = chunk.records.map((record) => ({ record, status: 'dead', code, reason, isUncertain }) as const);
    await this.settle(crm, chunk, outcomes);
  }

  private postpone(
    chunk: Chunk,
    how: Pick<Postponement, 'until' | 'code'> & { readonly rekeyed?: number },
  ): Promise<void> {
    const { failures, rekeyed } = chunk;
    return this.store.postpone(chunk, { failures, rekeyed, ...how });
  }

  private tell(crm: Crm, chunk: Chunk, error: unknown, { do: reaction }: Reaction): void {
    const facts = { crm: crm.id, code: errorCode(error), records: chunk.records.length, reaction };
    if (error instanceof AppError) this.logger.warn('chunk not delivered', facts);
    else this.logger.error('crm adapter failed', { ...facts, error });
  }

  private paceOf(crm: string): Pace {
    const known = this.paces.get(crm) ?? new Pace();
    this.paces.set(crm, known);
    return known;
  }
}

const after = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

/** What a call that was not answered says about the pace. Answers how often in a row the CRM has complained. */
function paced(pace: Pace, turn: Turn, { do: reaction }: Reaction): number {
  if (reaction === 'slow-down') return pace.throttled(turn, performance.now());
  if (reaction === 'retry' || reaction === 'lock') pace.failed();
  else pace.ended();
  return 0;
}
