import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Outbox } from '../../kernel/outbox.js';
import { mayLeave } from './consent.js';
import { MARK } from './guest.intents.js';
import { ConversationMarks } from './ports/conversation-marks.js';
import type { Still } from './ports/conversations.js';
import { GuestStore } from './ports/guest.store.js';

/** A contact that is not there after so many looks, some minutes, is not kept for this guest. */
const CONTACT_ATTEMPTS = 10;

/** What is to be put on a conversation. */
export type Mark = { readonly conversationId: string; readonly what: 'tag' | 'contact' };

/** Makes a guest's conversations findable at Genesys. Nothing waits for it, and nothing fails with it. */
@Injectable()
export class MarkService {
  constructor(
    private readonly guests: GuestStore,
    private readonly marks: ConversationMarks,
    private readonly outbox: Outbox,
  ) {}

  /** @throws AppError `genesys.contact_unknown` while the contact may still come to be */
  async mark(guestId: string, { conversationId, what }: Mark, attempt: number): Promise<void> {
    const guest = await this.guests.find(guestId);
    if (guest === null || !mayLeave(guest, 'genesys.mark')) return;
    const still = async (): Promise<boolean> => mayLeave(await this.guests.get(guestId), 'genesys.mark');
    if (what === 'tag') return this.tag(conversationId, guestId, still);
    if (await this.marks.associate(conversationId, guestId, still)) return;
    if (attempt < CONTACT_ATTEMPTS) throw contactUnknown(Math.min(60_000, 1_000 * 2 ** attempt));
  }

  private async tag(conversationId: string, guestId: string, still: Still): Promise<void> {
    // Apart, so that what waits for a contact does not tag again and again.
    if (this.marks.hasContacts)
      await this.outbox.put({
        topic: MARK,
        subject: guestId,
        distinct: `${conversationId}/contact`,
        payload: { conversationId, what: 'contact' },
      });
    await this.marks.tag(conversationId, guestId, still);
  }
}

const contactUnknown = (retryAfterMs: number): AppError =>
  new AppError('unavailable', 'genesys.contact_unknown', 'Genesys Cloud does not know the guest’s contact yet.', {
    retryAfterMs,
  });
