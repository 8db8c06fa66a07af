import { Injectable } from '@nestjs/common';
import type { FieldError } from '../../kernel/app-error.js';
import { Clock } from '../../kernel/clock.js';
import { currentActor } from '../../kernel/run-context.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import { LEAVE_OUT, personalDataError } from '../identity/index.js';
import { CLOCK_SKEW_MS, decidedAt, lastWordAt } from './consent.js';
import type { ConsentRecord } from './consent.js';
import { consentInvalid, consentNotFound, ConsentStale } from './consent.errors.js';
import { publicKeys, signedReceipt } from './consent.receipt.js';
import type { PublicKey, SignedReceipt } from './consent.receipt.js';
import { GuestChanges } from './guest.changes.js';
import { guestClosed } from './guest.errors.js';
import { consented } from './guest.js';
import { GuestSettings } from './guest.settings.js';
import { ConsentStore } from './ports/consent.store.js';
import type { ConsentPage } from './ports/consent.store.js';
import { GuestStore } from './ports/guest.store.js';

export type WantedConsent = Pick<ConsentRecord, 'purpose' | 'decision' | 'noticeVersion' | 'method'> & {
  /** When the guest decided; now, when nobody says. */
  readonly at?: Date;
};

/** What can be asked about a guest's consent. */
@Injectable()
export class ConsentService {
  constructor(
    private readonly guests: GuestStore,
    private readonly consents: ConsentStore,
    private readonly changes: GuestChanges,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
    private readonly settings: GuestSettings,
  ) {}

  /**
   * Puts a decision on record; the guest's flag follows it, and all that follows from the flag, in the same unit of work.
   * @throws AppError `guest.not_found`, `guest.closed` (erased), `consent.invalid`; `consent.stale`, which carries the record that stands
   */
  async record(guestId: string, wanted: WantedConsent): Promise<ConsentRecord> {
    const errors = this.faultsOf(wanted);
    if (errors.length > 0) throw consentInvalid(errors);
    return this.work.run(async () => {
      // Locked first: whoever decides on this guest at the same time waits, and then sees this decision.
      const guest = await this.guests.lock(guestId);
      if (guest.state === 'erased') throw guestClosed(guestId, guest.state);
      const current = await this.consents.current(guestId, wanted.purpose);
      const lastWord = lastWordAt(guest, current);
      const recordedAt = this.clock.now();
      const at = decidedAt(wanted.at, recordedAt, lastWord);
      if (at < lastWord) throw new ConsentStale(current, lastWord);
      const { purpose, decision, noticeVersion, method } = wanted;
      const keyId = this.settings.receiptKeys[0]!.id;
      const id = uuidv7(recordedAt.getTime());
      const record = {
        id,
        guestId,
        purpose,
        decision,
        noticeVersion,
        method,
        at,
        recordedAt,
        actor: currentActor(),
        keyId,
      };
      const isLive = decision === 'granted';
      const event = 'CONSENT_RECORDED';
      const changes = { consentId: id, purpose, decision, noticeVersion, method, at: at.toISOString() };
      if (guest.consent[purpose] === isLive) {
        await this.consents.add(record);
        const { version, state } = guest;
        await this.audit.record({ subject: `guest:${guestId}`, event, changes: { version, state, ...changes } });
      } else {
        const to = (known: typeof guest) => consented(known, purpose, isLive, recordedAt);
        await this.changes.change(guestId, to, () => ({ event, changes, decided: record }));
      }
      return record;
    });
  }

  /**
   * Of a guest that was erased too: the records show that there was consent.
   * @throws AppError `guest.not_found`
   */
  async list(guestId: string, cursor: string | undefined, limit: number): Promise<ConsentPage> {
    const page = await this.consents.list(guestId, cursor, limit);
    if (page.items.length === 0) await this.guests.get(guestId);
    return page;
  }

  /** @throws AppError `guest.not_found`, `consent.not_found` */
  async receipt(guestId: string, id: string): Promise<SignedReceipt> {
    const record = await this.consents.find(guestId, id);
    if (record !== null) return signedReceipt(record, this.settings.receiptKeys);
    await this.guests.get(guestId);
    throw consentNotFound(id);
  }

  /** What receipts are checked with, newest first. */
  keys(): PublicKey[] {
    return publicKeys(this.settings.receiptKeys);
  }

  private faultsOf({ at, noticeVersion }: WantedConsent): FieldError[] {
    const errors: FieldError[] = [];
    const personal = noticeVersion === null ? null : personalDataError('/noticeVersion', noticeVersion, LEAVE_OUT);
    if (personal !== null) errors.push(personal);
    if (at !== undefined && at.getTime() > this.clock.now().getTime() + CLOCK_SKEW_MS)
      errors.push({ pointer: '/at', rule: 'notInFuture', message: 'must not be in the future; leave it out for now' });
    return errors;
  }
}
