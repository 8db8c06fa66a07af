import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { AuditService } from '../audit/index.js';
import { crmNamed, deadLetterNotFound } from './crm-sync.errors.js';
import { CrmSyncService } from './crm-sync.service.js';
import type { DeadLetter, DeadLetterPage, DeadLetterQuery } from './crm-sync.js';
import { masked } from './masking.js';
import { Crms } from './ports/crm.js';
import { CrmStore } from './ports/crm.store.js';

/** Sent again within one unit of work. */
const BATCH = 200;

/** What a CRM would not take, for people to look into. */
@Injectable()
export class DeadLetterService {
  constructor(
    private readonly store: CrmStore,
    private readonly crms: Crms,
    private readonly crmSync: CrmSyncService,
    private readonly audit: AuditService,
    private readonly work: UnitOfWork,
  ) {}

  /**
   * Newest first, hashes masked.
   * @throws AppError `crm.not_found`; `request.invalid` for a cursor that is none of ours
   */
  async list(query: DeadLetterQuery): Promise<DeadLetterPage> {
    const { items, nextCursor } = await this.store.deadLetters({ ...query, crm: crmNamed(this.crms, query.crm).id });
    return { items: items.map(masked), nextCursor };
  }

  /**
   * Hashes masked.
   * @throws AppError `crm.not_found`, `crm.dead_letter_not_found`
   */
  async get(crm: string, guestId: string): Promise<DeadLetter> {
    const letter = await this.store.deadLetter(crmNamed(this.crms, crm).id, guestId);
    if (letter === null) throw deadLetterNotFound(crm, guestId);
    return masked(letter);
  }

  /**
   * Sends one again as it is, at once.
   * @throws AppError `crm.not_found`, `crm.dead_letter_not_found` when there is none, or none any more
   */
  async replay(crm: string, guestId: string): Promise<void> {
    crmNamed(this.crms, crm);
    if ((await this.revive(crm, [guestId])) === 0) throw deadLetterNotFound(crm, guestId);
  }

  /**
   * Sends all again that there are now, of one code or of any. Cut short, it has replayed the newest; asked for again, it goes on.
   * Answers how many.
   */
  async replayAll({ crm, code }: Pick<DeadLetterQuery, 'crm' | 'code'>): Promise<number> {
    crmNamed(this.crms, crm);
    let replayed = 0;
    let cursor: string | null | undefined;
    while (cursor !== null) {
      // Behind the cursor: what is refused once more meanwhile stands before it.
      const page: DeadLetterPage = await this.store.deadLetters({
        crm,
        limit: BATCH,
        ...(code === undefined ? {} : { code }),
        ...(cursor === undefined ? {} : { cursor }),
      });
      replayed += await this.revive(
        crm,
        page.items.map(({ guestId }) => guestId),
      );
      cursor = page.nextCursor;
    }
    return replayed;
  }

  private async revive(crm: string, guestIds: readonly string[]): Promise<number> {
    return this.work.run(async () => {
      const revived = await this.store.revive(crm, guestIds);
      for (const guestId of revived)
        await this.audit.record({ subject: `guest:${guestId}`, event: 'CRM_REPLAYED', changes: { crm } });
      if (revived.length > 0) this.work.afterCommit(() => this.crmSync.hasDue());
      return revived.length;
    });
  }
}
