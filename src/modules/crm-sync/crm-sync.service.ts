import { Injectable, Logger } from '@nestjs/common';
import { AppError, errorCode, isPassing } from '../../kernel/app-error.js';
import { backoffMs } from '../../kernel/backoff.js';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { completeVerdicts, idempotencyKey } from './crm-sync.js';
import type { Desired, DueRecord, Verdict } from './crm-sync.js';
import { Crms } from './ports/crm.js';
import type { Crm } from './ports/crm.js';
import { CrmStore } from './ports/crm.store.js';

/** Longer than a CRM is given to answer. Should it run out all the same, a record is sent twice, which changes nothing. */
const LEASE_MS = 20_000;
/** How many chunks of one CRM are under way at once. */
const CHUNKS_AT_ONCE = 4;

/** Keeps every CRM in step with what it should hold. */
@Injectable()
export class CrmSyncService {
  private readonly logger = new Logger('crm-sync');
  private wake: () => void = () => undefined;

  constructor(
    private readonly store: CrmStore,
    private readonly crms: Crms,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Called when something has become due in this process. Only a hint: the schedule finds it too. */
  onDue(wake: () => void): void {
    this.wake = wake;
  }

  /**
   * What the CRMs should hold about a guest from now on. Joins the current unit of work; delivered afterwards, at `dueAt` or at once.
   */
  async put(desired: Desired, dueAt?: Date): Promise<void> {
    const at = dueAt ?? this.clock.now();
    for (const crm of this.crms.all()) await this.store.put(crm.id, desired, at);
    if (dueAt === undefined) this.work.afterCommit(() => this.wake());
  }

  /** Nothing of this guest leaves for a CRM any more, what waits included. Joins the current unit of work. */
  async withdraw(guestId: string): Promise<void> {
    for (const crm of this.crms.all()) await this.store.withdraw(crm.id, guestId);
  }

  /** Whether a CRM that is on has still to hear of this guest, or is hearing of it. */
  async isPending(guestId: string): Promise<boolean> {
    for (const crm of this.crms.all()) if (await this.store.isPending(crm.id, guestId)) return true;
    return false;
  }

  /** We do not know any more what CRMs hold about this guest; they keep it. Joins the current unit of work. */
  forget(guestId: string): Promise<void> {
    return this.store.removeAll(guestId);
  }

  /** Delivers what is due, to all CRMs at once; a CRM that is down holds up nobody else. */
  async drain(leaving?: AbortSignal): Promise<void> {
    const outcomes = await Promise.allSettled(this.crms.all().map((crm) => this.drainOne(crm, leaving)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async drainOne(crm: Crm, leaving?: AbortSignal): Promise<void> {
    while (leaving?.aborted !== true) {
      const { until, failures } = await this.store.pause(crm.id);
      if (until !== null && until > this.clock.now()) return;
      // After a failure one chunk goes ahead alone, to see whether the CRM is back.
      const chunks = failures > 0 ? 1 : CHUNKS_AT_ONCE;
      const due = await this.store.claim(crm.id, crm.chunkSize * chunks, LEASE_MS);
      if (due.length === 0) return;
      const outcomes = await Promise.all(
        inChunks(due, crm.chunkSize).map((chunk) => this.deliver(crm, chunk, failures)),
      );
      const reached = outcomes.every((outcome) => outcome === 'answered');
      if (reached && failures > 0) await this.store.setPause(crm.id, { until: null, failures: 0 });
    }
  }

  private async deliver(crm: Crm, chunk: readonly DueRecord[], failures: number): Promise<'answered' | 'failed'> {
    const records = chunk.map((due) => due.record);
    let verdicts: Verdict[];
    try {
      verdicts = await crm.upsert(records, idempotencyKey(crm.id, records));
    } catch (error) {
      if (isPassing(error)) {
        await this.pauseFor(crm, chunk, error as AppError, failures);
        return 'failed';
      }
      return this.isolate(crm, chunk, error, failures);
    }
    await this.settle(crm, chunk, completeVerdicts(chunk.length, verdicts));
    return 'answered';
  }

  /**
   * The chunk cannot be delivered as it is, and nobody says because of which record: halves find it in log2 steps. An adapter that stumbles over
   * a record is treated like a CRM that refuses it, so that its bug costs one record and not the whole chunk.
   */
  private async isolate(
    crm: Crm,
    chunk: readonly DueRecord[],
    error: unknown,
    failures: number,
  ): Promise<'answered' | 'failed'> {
    const facts = { crm: crm.id, code: errorCode(error), records: chunk.length };
    if (!(error instanceof AppError)) this.logger.error('crm adapter failed', { ...facts, error });
    if (chunk.length === 1) {
      await this.settle(crm, chunk, [{ index: 0, status: 'refused', error: errorCode(error) }]);
      return 'answered';
    }
    this.logger.warn('chunk refused, splitting it', facts);
    const middle = Math.ceil(chunk.length / 2);
    const first = await this.deliverWanted(crm, chunk.slice(0, middle), failures);
    const second = await this.deliverWanted(crm, chunk.slice(middle), failures);
    return first === 'answered' && second === 'answered' ? 'answered' : 'failed';
  }

  /** The CRM has been asked meanwhile, and somebody may have withdrawn: what is not wanted any more is let go of unsent. */
  private async deliverWanted(crm: Crm, chunk: readonly DueRecord[], failures: number): Promise<'answered' | 'failed'> {
    const wanted = await this.store.wanted(crm.id, chunk);
    const unwanted = chunk.filter((record) => !wanted.includes(record));
    await this.store.postponed(crm.id, unwanted, this.clock.now(), 'crm.withdrawn');
    return wanted.length === 0 ? 'answered' : this.deliver(crm, wanted, failures);
  }

  private async settle(crm: Crm, chunk: readonly DueRecord[], verdicts: readonly Verdict[]): Promise<void> {
    const delivered: { record: DueRecord; remoteId?: string }[] = [];
    const refused: { record: DueRecord; code: string }[] = [];
    const again: DueRecord[] = [];
    for (const verdict of verdicts) {
      const record = chunk[verdict.index]!;
      if (verdict.status === 'refused') refused.push({ record, code: verdict.error });
      else if (verdict.status === 'retry') again.push(record);
      else delivered.push(verdict.remoteId === undefined ? { record } : { record, remoteId: verdict.remoteId });
    }
    await this.work.run(async () => {
      await this.store.delivered(crm.id, delivered);
      await this.store.refused(crm.id, refused);
      for (const { record } of delivered)
        await this.audit.record({
          subject: `guest:${record.guestId}`,
          event: 'CRM_SYNCED',
          changes: { crm: crm.id, version: record.version },
        });
      for (const { record, code } of refused)
        await this.audit.record({
          subject: `guest:${record.guestId}`,
          event: 'CRM_REFUSED',
          changes: { crm: crm.id, version: record.version, code },
        });
    });
    for (const [attempt, records] of byAttempt(again))
      await this.store.postponed(crm.id, records, this.in(backoffMs(attempt)), 'crm.record_retry');
    if (refused.length > 0)
      this.logger.error('records refused', { crm: crm.id, codes: [...new Set(refused.map((one) => one.code))] });
  }

  /** The CRM is not to be reached, which is no record's fault: all of them wait together, for as long as it says or a few seconds. */
  private async pauseFor(crm: Crm, chunk: readonly DueRecord[], error: AppError, failures: number): Promise<void> {
    const waitMs = error.retryAfterMs ?? backoffMs(failures + 1);
    const until = this.in(waitMs);
    await this.work.run(async () => {
      await this.store.setPause(crm.id, { until, failures: failures + 1 });
      await this.store.postponed(crm.id, chunk, until, errorCode(error));
    });
    this.logger.warn('crm not reached, waiting', {
      crm: crm.id,
      code: errorCode(error),
      waitMs,
      failures: failures + 1,
    });
  }

  private in(ms: number): Date {
    return new Date(this.clock.now().getTime() + ms);
  }
}

function inChunks<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}

function byAttempt(records: readonly DueRecord[]): Map<number, DueRecord[]> {
  const groups = new Map<number, DueRecord[]>();
  for (const record of records) groups.set(record.attempt, [...(groups.get(record.attempt) ?? []), record]);
  return groups;
}
