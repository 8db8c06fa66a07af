import { Injectable, Logger } from '@nestjs/common';
import { AppError, errorCode, isPassing } from '../../kernel/app-error.js';
import { backoffMs } from '../../kernel/backoff.js';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import { stateOf, waiting } from './breaker.js';
import {
  crmNamed,
  readUnsupported,
  reconciliationNotFound,
  reconciliationRepaired,
  reconciliationStale,
  reconciliationUnderWay,
  reconciliationUnfinished,
} from './crm-sync.errors.js';
import type { CrmPage } from './crm-sync.js';
import { CrmSyncService } from './crm-sync.service.js';
import { Crms } from './ports/crm.js';
import type { Crm } from './ports/crm.js';
import { CrmStore } from './ports/crm.store.js';
import { ReconciliationStore } from './ports/reconciliation.store.js';
import type { DriftPage, Progress, ReconciliationPage } from './ports/reconciliation.store.js';
import { driftsOf, isUnderWay, missing, STALE_MS } from './reconciliation.js';
import type { Reconciliation } from './reconciliation.js';
import { ReconciliationSettings } from './reconciliation.settings.js';

/** Longer than a page takes to be read, renewals of a session included. */
const LEASE_MS = 60_000;
const PAGE = 100;
const BATCH = 500;
/** A CRM that cannot be read for so long is given up for this time. */
const GIVE_UP_MS = 24 * 3_600_000;

/** Compares what CRMs hold with what they should, and mends it when told to. Sends nothing itself: a repair makes records due. */
@Injectable()
export class CrmReconciliationService {
  private readonly logger = new Logger('crm-sync');

  constructor(
    private readonly reconciliations: ReconciliationStore,
    private readonly store: CrmStore,
    private readonly crms: Crms,
    private readonly crmSync: CrmSyncService,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: ReconciliationSettings,
  ) {}

  /** @throws AppError `crm.not_found`, `crm.read_unsupported`, `crm.reconciliation_under_way` */
  async begin(crm: string, trigger: Reconciliation['trigger'] = 'request'): Promise<Reconciliation> {
    if (crmNamed(this.crms, crm).read === undefined) throw readUnsupported(crm);
    const begun = newReconciliation(crm, trigger, this.clock.now());
    return this.work.run(async () => {
      if (!(await this.reconciliations.begin(begun))) throw reconciliationUnderWay(crm);
      await this.tell(begun, 'CRM_RECONCILIATION_BEGUN');
      return begun;
    });
  }

  /** Begins those the schedule asks for. */
  async beginDue(): Promise<void> {
    if (this.settings.everyMs === 0) return;
    for (const { id } of this.readable()) {
      const last = await this.reconciliations.latest(id);
      const isDue = last === null || this.clock.now().getTime() - last.startedAt.getTime() >= this.settings.everyMs;
      if (isDue && (last === null || !isUnderWay(last))) await this.begin(id, 'schedule');
    }
  }

  /** The ids of the CRMs that can be read back. */
  ids(): string[] {
    return this.readable().map(({ id }) => id);
  }

  /** @throws AppError `crm.reconciliation_not_found` */
  async get(id: string): Promise<Reconciliation> {
    const found = await this.reconciliations.find(id);
    if (found === null) throw reconciliationNotFound(id);
    return found;
  }

  /** Newest first. @throws AppError `request.invalid` for a cursor that is none of ours */
  list(crm: string | undefined, cursor: string | undefined, limit: number): Promise<ReconciliationPage> {
    return this.reconciliations.list(crm, cursor, limit);
  }

  /** @throws AppError `crm.reconciliation_not_found`; `request.invalid` for a cursor that is none of ours */
  async drifts(id: string, cursor: string | undefined, limit: number): Promise<DriftPage> {
    await this.get(id);
    return this.reconciliations.drifts(id, cursor, limit);
  }

  /**
   * Sends again what was found missing or different. What is extra stays: a CRM's records are not ours to delete.
   * @throws AppError `crm.reconciliation_not_found`, `…_unfinished`, `…_repaired`, `…_stale` when it is a day old or not the last
   */
  async repair(id: string): Promise<Reconciliation> {
    return this.work.run(async () => {
      const found = await this.get(id);
      crmNamed(this.crms, found.crm);
      if (['repairing', 'repaired'].includes(found.state)) throw reconciliationRepaired(id);
      if (found.state !== 'found') throw reconciliationUnfinished(id);
      const last = await this.reconciliations.latest(found.crm);
      if (last?.id !== id || this.clock.now().getTime() - found.endedAt!.getTime() > STALE_MS)
        throw reconciliationStale(id);
      if (!(await this.reconciliations.beginRepair(id, this.clock.now()))) throw reconciliationRepaired(id);
      await this.tell(found, 'CRM_REPAIR_APPROVED');
      return this.get(id);
    });
  }

  /** Takes the steps that are due at one CRM, one after the other. Several processes may ask at once. */
  async advance(id: string, leaving?: AbortSignal): Promise<void> {
    const crm = crmNamed(this.crms, id);
    while (leaving?.aborted !== true) {
      const taken = await this.reconciliations.claim(id, LEASE_MS);
      if (taken === null) return;
      if (taken.state === 'reading') await this.read(crm, taken);
      else if (taken.state === 'sweeping') await this.sweep(taken);
      else await this.resend(taken);
    }
  }

  private async read(crm: Crm, taken: Reconciliation): Promise<void> {
    const now = this.clock.now();
    const { breaker } = await this.store.look(crm.id);
    if (stateOf(breaker, now) !== 'closed')
      return this.step(taken, {
        dueAt: breaker.until !== null && breaker.until > now ? breaker.until : this.in(1_000),
      });
    try {
      const page = await crm.read!(taken.cursor, PAGE);
      await this.compare(taken, page, now);
    } catch (error) {
      await this.notRead(taken, error);
    }
  }

  private async compare(taken: Reconciliation, { records, nextCursor }: CrmPage, readAt: Date): Promise<void> {
    const ids = records.map(({ externalId }) => externalId);
    const drifts = driftsOf(records, await this.store.standings(taken.crm, ids), readAt);
    const progress = {
      cursor: nextCursor,
      pages: taken.pages + 1,
      records: taken.records + records.length,
      code: null,
    };
    const next =
      nextCursor === null
        ? ({ state: 'sweeping', dueAt: this.clock.now() } as const)
        : { dueAt: this.in(60_000 / this.settings.pagesPerMinute) };
    await this.step(taken, { ...progress, ...next }, async () => {
      await this.reconciliations.markSeen(taken.id, ids);
      await this.reconciliations.addDrifts(taken.id, drifts);
    });
  }

  private async notRead(taken: Reconciliation, error: unknown): Promise<void> {
    const code = errorCode(error);
    const now = this.clock.now();
    const isOver = !isPassing(error) || now.getTime() - taken.startedAt.getTime() > GIVE_UP_MS;
    this.logger.warn('crm not read', { crm: taken.crm, reconciliation: taken.id, code, isOver });
    if (isOver) return this.step(taken, { state: 'failed', code, endedAt: now, dueAt: null }, () => this.over(taken));
    const ms = (error instanceof AppError ? error.retryAfterMs : undefined) ?? Math.max(1_000, backoffMs(5));
    // Deliveries draw on the same allowance.
    if (error instanceof AppError && error.kind === 'throttled')
      await this.store.updateBreaker(taken.crm, (breaker) => waiting(breaker, code, ms, now));
    await this.step(taken, { code, dueAt: this.in(ms) });
  }

  private async sweep(taken: Reconciliation): Promise<void> {
    const { unseen, last } = await this.reconciliations.sweep(taken, taken.cursor, BATCH);
    const found = (): Promise<void> => this.reconciliations.addDrifts(taken.id, missing(unseen));
    if (last !== null) return this.step(taken, { cursor: last, dueAt: this.clock.now() }, found);
    const now = this.clock.now();
    const isAutomatic = this.settings.repair === 'automatic';
    await this.step(
      taken,
      { state: isAutomatic ? 'repairing' : 'found', cursor: null, endedAt: now, dueAt: isAutomatic ? now : null },
      async () => {
        await found();
        await this.over(taken);
      },
    );
    const { missing: absent, extra, different } = await this.get(taken.id);
    this.logger.log('crm reconciled', { crm: taken.crm, reconciliation: taken.id, missing: absent, extra, different });
  }

  private async resend(taken: Reconciliation): Promise<void> {
    const { items, nextCursor } = await this.reconciliations.drifts(taken.id, taken.cursor ?? undefined, BATCH);
    const wanted = items.flatMap(({ kind, guestId }) => (kind === 'extra' || guestId === null ? [] : [guestId]));
    await this.work.run(async () => {
      const sent = await this.reconciliations.resend(taken.crm, wanted);
      for (const guestId of sent) await this.audit.record(repairOf(taken, guestId));
      const end = { state: 'repaired', endedAt: this.clock.now(), dueAt: null } as const;
      const next = nextCursor === null ? end : { dueAt: this.clock.now() };
      await this.write(taken, { cursor: nextCursor, repaired: taken.repaired + sent.length, ...next });
      this.work.afterCommit(() => this.crmSync.hasDue());
    });
  }

  private async over(taken: Reconciliation): Promise<void> {
    await this.reconciliations.forgetSeen(taken.id);
    await this.tell(taken, 'CRM_RECONCILIATION_ENDED');
  }

  /** What a step found and how far it came are written down together or not at all. */
  private step(taken: Reconciliation, progress: Progress, also?: () => Promise<void>): Promise<void> {
    return this.work.run(async () => {
      await also?.();
      await this.write(taken, progress);
    });
  }

  private async write(taken: Reconciliation, progress: Progress): Promise<void> {
    // Somebody else has taken this for dead and goes on: what was done here is taken back.
    if (!(await this.reconciliations.advance(taken, progress))) throw reconciliationUnderWay(taken.crm);
  }

  private tell(
    { id, crm, trigger }: Reconciliation,
    event: 'CRM_RECONCILIATION_BEGUN' | 'CRM_RECONCILIATION_ENDED' | 'CRM_REPAIR_APPROVED',
  ): Promise<void> {
    return this.audit.record({ subject: `system:crm/${crm}`, event, changes: { reconciliation: id, trigger } });
  }

  private readable(): Crm[] {
    return this.crms.all().filter((crm) => crm.read !== undefined);
  }

  private in(ms: number): Date {
    return new Date(this.clock.now().getTime() + ms);
  }
}

const newReconciliation = (crm: string, trigger: Reconciliation['trigger'], now: Date): Reconciliation => ({
  id: uuidv7(),
  crm,
  trigger,
  state: 'reading',
  startedAt: now,
  endedAt: null,
  cursor: null,
  pages: 0,
  records: 0,
  missing: 0,
  extra: 0,
  different: 0,
  repaired: 0,
  dueAt: now,
  leases: 0,
  code: null,
});

const repairOf = ({ id, crm }: Reconciliation, guestId: string) =>
  ({ subject: `guest:${guestId}`, event: 'CRM_REPAIRED', changes: { crm, reconciliation: id } }) as const;
