import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { stateOf } from './breaker.js';
import type { BreakerState } from './breaker.js';
import { crmNamed, previewUnsupported, recordNotFound } from './crm-sync.errors.js';
import { idempotencyKey, recordHash } from './crm-sync.js';
import type { CrmRequest, Minute, Standing } from './crm-sync.js';
import { Crms } from './ports/crm.js';
import { CrmStore } from './ports/crm.store.js';

/** Nobody waits for more to be counted. */
const COUNT_TO = 10_000;
const RATES_OVER_MS = 5 * 60_000;

export type CrmStatus = {
  readonly crm: string;
  readonly breaker: BreakerState;
  /** Until when nothing is sent; null when things are sent. */
  readonly until: Date | null;
  /** What the CRM last failed with as a whole, also when it is long back; null when it never has. */
  readonly lastError: { readonly code: string; readonly at: Date } | null;
  /** Records still to be delivered; at least so many when `isExact` is false. */
  readonly waiting: number;
  readonly isExact: boolean;
  /** For how long the oldest has been due, in milliseconds; 0 when none is. */
  readonly lagMs: number;
  readonly chunksUnderWay: number;
  readonly deadLetters: number;
  /** The last five minutes in which anything was done, of all processes together and a few seconds old. */
  readonly minutes: readonly Minute[];
};

/** What a CRM would be sent of one guest, and if nothing, why. */
export type Preview = {
  readonly crm: string;
  readonly guestId: string;
  readonly isDue: boolean;
  readonly reason: 'unknown' | 'withheld' | 'delivered' | 'refused' | null;
  /** Null when nothing of this guest may leave. */
  readonly request: CrmRequest | null;
};

/** How each CRM fares, and what it would be sent. */
@Injectable()
export class CrmStatusService {
  constructor(
    private readonly store: CrmStore,
    private readonly crms: Crms,
    private readonly clock: Clock,
  ) {}

  all(): Promise<CrmStatus[]> {
    return Promise.all(this.crms.all().map(({ id }) => this.of(id)));
  }

  /** @throws AppError `crm.not_found` */
  async of(id: string): Promise<CrmStatus> {
    const { id: crm } = crmNamed(this.crms, id);
    const now = this.clock.now();
    const [{ breaker }, { oldestDue, ...backlog }, minutes] = await Promise.all([
      this.store.look(crm),
      this.store.backlog(crm, COUNT_TO),
      this.store.minutes(crm, new Date(now.getTime() - RATES_OVER_MS)),
    ]);
    const { until, code, failedAt } = breaker;
    return {
      crm,
      breaker: stateOf(breaker, now),
      until: until !== null && until > now ? until : null,
      lastError: code === null || failedAt === null ? null : { code, at: failedAt },
      ...backlog,
      lagMs: oldestDue === null ? 0 : now.getTime() - oldestDue.getTime(),
      minutes,
    };
  }

  /**
   * The very request that would be sent for these guests in one chunk, secrets left out. Nothing is sent.
   * @throws AppError `crm.not_found`, `crm.preview_unsupported`, `crm.record_not_found` when the CRM is to hold nothing of one of them
   */
  async preview(id: string, guestIds: readonly string[]): Promise<CrmRequest> {
    const crm = crmNamed(this.crms, id);
    if (crm.preview === undefined) throw previewUnsupported(id);
    const desired = await this.store.desired(id, guestIds);
    const missing = guestIds.find((guestId) => !desired.some((one) => one.guestId === guestId));
    if (missing !== undefined) throw recordNotFound(id, missing);
    const records = desired.map(({ record }) => record);
    return crm.preview(records, idempotencyKey(id, records.map(recordHash)));
  }

  /**
   * As `preview`, of one guest, and with the reason when nothing would leave.
   * @throws AppError `crm.not_found`, `crm.preview_unsupported`
   */
  async previewOf(id: string, guestId: string): Promise<Preview> {
    const crm = crmNamed(this.crms, id);
    if (crm.preview === undefined) throw previewUnsupported(id);
    const [standing] = await this.store.standings(id, [guestId]);
    const reason = reasonOf(standing);
    const about = { crm: id, guestId, isDue: reason === null, reason };
    if (standing === undefined || standing.record === null) return { ...about, request: null };
    return { ...about, request: crm.preview([standing.record], idempotencyKey(id, [recordHash(standing.record)])) };
  }
}

/** Why nothing of a guest is sent; null when something is. */
function reasonOf(standing: Standing | undefined): Preview['reason'] {
  if (standing === undefined) return 'unknown';
  if (standing.record === null) return 'withheld';
  if (standing.isPending) return null;
  return standing.isRefused ? 'refused' : 'delivered';
}
