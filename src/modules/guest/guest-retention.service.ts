import { Injectable } from '@nestjs/common';
import type { OnModuleInit } from '@nestjs/common';
import { DataClasses } from '../../kernel/data-class.js';
import type { DataClass, Swept } from '../../kernel/data-class.js';
import { AuditService } from '../audit/index.js';
import { CrmSyncService } from '../crm-sync/index.js';
import { isOver } from './guest.js';
import type { Guest } from './guest.js';
import { GuestRemoval } from './guest-removal.service.js';
import { AttachmentStore } from './ports/attachment.store.js';
import { GuestStore } from './ports/guest.store.js';
import { MessageStore } from './ports/message.store.js';
import { WidgetTokenStore } from './ports/widget-token.store.js';

/** A guest has rows in many tables, and everybody waits while they are written. */
const GUESTS_AT_ONCE = 50;
/** A guest that is still in use is asked about again this much later. */
const AGAIN_MS = 24 * 3_600_000;

/** What is kept of guests for a time only: the texts of their messages, the tokens of their pages, and then the guests themselves. */
@Injectable()
export class GuestRetention implements OnModuleInit {
  constructor(
    private readonly classes: DataClasses,
    private readonly guests: GuestStore,
    private readonly messages: MessageStore,
    private readonly tokens: WidgetTokenStore,
    private readonly attachments: AttachmentStore,
    private readonly crmSync: CrmSyncService,
    private readonly audit: AuditService,
    private readonly removal: GuestRemoval,
  ) {}

  onModuleInit(): void {
    this.classes.register(this.texts);
    this.classes.register(this.expired);
    this.classes.register(this.files);
    this.classes.register(this.past);
  }

  /** Texts by the age of their message, whether its guest is over or not. */
  private readonly texts: DataClass = {
    name: 'message-texts',
    preview: (before) => this.messages.countTexts(before),
    sweep: async (before, limit) => ({ gone: await this.messages.forgetTexts(before, limit), kept: 0 }),
  };

  /** Widget tokens by the date of their expiry: nobody can use them from then on. */
  private readonly expired: DataClass = {
    name: 'widget-tokens',
    preview: (before) => this.tokens.count(before),
    sweep: async (before, limit) => ({ gone: await this.tokens.purge(before, limit), kept: 0 }),
  };

  /** The bytes of files that have not got to Genesys, and where Genesys has those that have, by the age of the file. */
  private readonly files: DataClass = {
    name: 'attachments',
    preview: (before) => this.attachments.countContents(before),
    sweep: async (before, limit) => ({ gone: await this.attachments.forgetContents(before, limit), kept: 0 }),
  };

  /** Guests by the date of their end, with all that hangs on them. */
  private readonly past: DataClass = {
    name: 'guests',
    preview: (before) => this.guests.countPast(before),
    sweep: (before, limit) => this.sweepGuests(before, Math.min(limit, GUESTS_AT_ONCE)),
  };

  private async sweepGuests(before: Date, limit: number): Promise<Swept> {
    const ids = await this.guests.past(before, limit);
    let gone = 0;
    for (const id of ids) {
      // Locked, so that nothing that is still heard of it can be written beside its removal.
      const guest = await this.guests.lock(id);
      if (await this.isInUse(guest)) await this.guests.putOff(id, new Date(before.getTime() + AGAIN_MS));
      else {
        await this.forget(guest);
        gone++;
      }
    }
    return { gone, kept: ids.length - gone };
  }

  private async isInUse(guest: Guest): Promise<boolean> {
    // Of one that is being erased more goes than retention takes away.
    if (!isOver(guest) || guest.closeReason === 'erased' || (await this.messages.queued(guest.id)).length > 0)
      return true;
    return this.crmSync.isPending(guest.id);
  }

  private async forget(guest: Guest): Promise<void> {
    await this.audit.record({ subject: `guest:${guest.id}`, event: 'GUEST_FORGOTTEN', changes: {} });
    await this.removal.remove(guest);
  }
}
