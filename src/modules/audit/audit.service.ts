import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { currentActor, runContext } from '../../kernel/run-context.js';
import { UnitOfWork } from '../../kernel/unit-of-work.js';
import { Vault } from '../../kernel/vault.js';
import { originKey } from './audit.js';
import type { EventName, Happening, Subject } from './audit.js';
import { AuditStore } from './ports/audit.store.js';
import type { EntryPage, EntryQuery } from './ports/audit.store.js';

export type Occurrence = Pick<Happening, 'subject' | 'changes' | 'complianceFlags'> & { readonly event: EventName };

/** Writes the trail and reads it. Who, when, from where and in the course of what it takes from the run itself. */
@Injectable()
export class AuditService {
  constructor(
    private readonly store: AuditStore,
    private readonly vault: Vault,
    private readonly work: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Joins the current unit of work, so that what happened and the entry about it are durable together or not at all. */
  async record(occurrence: Occurrence): Promise<void> {
    const at = this.clock.now();
    await this.store.append({
      actor: currentActor(),
      at,
      runId: runContext()?.id ?? null,
      sealed: await this.sealOrigin(occurrence.subject, at),
      ...occurrence,
    });
  }

  /** One page of the trail. Reading it is itself an entry. */
  async read(query: EntryQuery): Promise<EntryPage> {
    return this.work.run(async () => {
      const page = await this.store.list(query);
      await this.record({
        subject: 'system:audit',
        event: 'AUDIT_READ',
        changes: { subject: query.subject ?? null, entries: page.items.length },
      });
      return page;
    });
  }

  /** IP address and user agent are personal: they stand in the trail only under a key that can be destroyed. */
  private async sealOrigin(subject: Subject, at: Date): Promise<string | null> {
    const { ipAddress, userAgent } = runContext() ?? {};
    if (ipAddress === undefined && userAgent === undefined) return null;
    return this.vault.seal(originKey(subject, at), 'audit', JSON.stringify({ ipAddress, userAgent }));
  }
}
