import { Injectable } from '@nestjs/common';
import { Clock } from '../../kernel/clock.js';
import { Outbox } from '../../kernel/outbox.js';
import { Vault } from '../../kernel/vault.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { MetricsService } from '../metrics/index.js';
import { WebhooksService } from '../webhooks/index.js';
import { GuestChanges } from './guest.changes.js';
import { GUEST_TOPICS } from './guest.intents.js';
import type { Guest } from './guest.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';
import { SessionStore } from './ports/session.store.js';
import { WidgetTokenStore } from './ports/widget-token.store.js';

/** Takes a guest away with all that hangs on it. */
@Injectable()
export class GuestRemoval {
  constructor(
    private readonly guests: GuestStore,
    private readonly sessions: SessionStore,
    private readonly messages: MessageStore,
    private readonly attachments: AttachmentStore,
    private readonly tokens: WidgetTokenStore,
    private readonly metrics: MetricsService,
    private readonly crmSync: CrmSyncService,
    private readonly webhooks: WebhooksService,
    private readonly changes: GuestChanges,
    private readonly outbox: Outbox,
    private readonly vault: Vault,
    private readonly clock: Clock,
  ) {}

  /**
   * Joins the current unit of work, which holds the guest. What it decided stays on record, and so does its chain in the trail; what stands sealed
   * anywhere, answers to repeated requests too, cannot be read any more: the key goes with the guest.
   */
  async remove(guest: Guest): Promise<void> {
    const { id } = guest;
    const at = this.clock.now();
    await this.webhooks.withdraw(`guest:${id}`);
    await this.changes.erased(guest, at);
    for (const topic of GUEST_TOPICS) await this.outbox.takeBack(topic, id);
    await this.sessions.remove(id);
    await this.messages.removeAll(id);
    await this.attachments.removeAll(id);
    await this.tokens.revokeAll(id, at);
    await this.metrics.forget(id);
    await this.crmSync.forget(id);
    await this.guests.remove(id);
    await this.vault.destroy(`guest:${id}`);
  }
}
