import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { CrmDelivery } from './crm-delivery.service.js';
import { cannotErase, crmNamed, stillOnItsWay } from './crm-sync.errors.js';
import type { Desired, Erased, Holding } from './crm-sync.js';
import { Crms } from './ports/crm.js';
import { CrmStore } from './ports/crm.store.js';

/** Keeps every CRM in step with what it should hold. */
@Injectable()
export class CrmSyncService implements OnModuleInit {
  /** CRMs that are off, and may be switched on again. */
  private off: readonly string[] = [];
  private readonly delivery: CrmDelivery;
  private wake: (isFresh: boolean) => void = () => undefined;

  constructor(
    private readonly store: CrmStore,
    private readonly crms: Crms,
    audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {
    this.delivery = new CrmDelivery(store, audit, work, clock, () => this.wake(false));
  }

  async onModuleInit(): Promise<void> {
    const on = this.ids();
    this.off = (await this.store.known()).filter((crm) => !on.includes(crm));
  }

  /** Called when something has become due in this process; more may follow when it is fresh. Only a hint: the schedule finds it too. */
  onDue(wake: (isFresh: boolean) => void): void {
    this.wake = wake;
  }

  /** Something has become due. */
  hasDue(): void {
    this.wake(true);
  }

  /**
   * What the CRMs should hold about a guest from now on. Joins the current unit of work; delivered afterwards, at `dueAt` or at once. One that is
   * off hears of nobody new, but of whom it has heard, or was to, it hears when it is switched on again.
   */
  async put(desired: Desired, dueAt?: Date): Promise<void> {
    const at = dueAt ?? this.clock.now();
    for (const crm of this.ids()) await this.store.put(crm, desired, at);
    for (const crm of this.off)
      if ((await this.store.standings(crm, [desired.guestId])).length > 0) await this.store.put(crm, desired, at);
    if (dueAt === undefined) this.work.afterCommit(() => this.wake(true));
  }

  /** Nothing of this guest leaves for a CRM any more, what waits included. Joins the current unit of work. */
  async withdraw(guestId: string): Promise<void> {
    for (const crm of [...this.ids(), ...this.off]) await this.store.withdraw(crm, guestId);
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

  /** Every CRM that was ever sent something about this guest. */
  holding(guestId: string): Promise<Holding[]> {
    return this.store.holding(guestId);
  }

  /** Whether Genesys has to be asked to erase before this CRM is. */
  isErasedLast(crm: string): boolean {
    return this.crms.all().some(({ id, isErasedLast }) => id === crm && isErasedLast === true);
  }

  /**
   * The CRM holds nothing about a guest any more, of whom we have forgotten what it should hold. Safe to repeat.
   * @throws AppError `crm.not_found` when the CRM is off, `crm.cannot_erase`, `crm.still_on_its_way`, and what the CRM makes of it
   */
  async erase(crm: string, guestId: string, remoteId: string | null): Promise<Erased> {
    const named = crmNamed(this.crms, crm);
    if (named.erase === undefined) throw cannotErase(crm);
    if (await this.store.isOnItsWay(crm, guestId)) throw stillOnItsWay(crm);
    return named.erase(guestId, remoteId);
  }

  /** The CRMs that are on, by id. */
  ids(): string[] {
    return this.crms.all().map(({ id }) => id);
  }

  /** Delivers what is due, to all CRMs at once; a CRM that is down holds up nobody else. */
  async drain(leaving?: AbortSignal): Promise<void> {
    const outcomes = await Promise.allSettled(this.ids().map((id) => this.drainOne(id, leaving)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Delivers what is due to one CRM, for as long as there is any that may be sent. Several processes may do so at once. */
  async drainOne(id: string, leaving?: AbortSignal): Promise<void> {
    await this.delivery.drain(crmNamed(this.crms, id), leaving);
  }
}
