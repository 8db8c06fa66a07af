import type { Tally } from '../../../kernel/data-class.js';
import type { Attachment } from '../attachment.js';

/** Every method joins the current unit of work. */
export abstract class AttachmentStore {
  abstract add(attachment: Attachment, sealedBytes: string): Promise<void>;
  abstract find(guestId: string, id: string): Promise<Attachment | null>;
  /** Those there are, in no order. */
  abstract findAll(guestId: string, ids: readonly string[]): Promise<Attachment[]>;
  /** Null when there are none any more. */
  abstract bytes(guestId: string, id: string): Promise<string | null>;
  /** How many files of the guest wait to be uploaded. */
  abstract waiting(guestId: string): Promise<number>;
  /** Ties files that no message carries to one; answers how many that were. */
  abstract carry(guestId: string, ids: readonly string[], messageId: string): Promise<number>;
  /** It waits no more, and its bytes are gone. Nothing happens to what has been refused or has expired already. */
  abstract settle(
    guestId: string,
    id: string,
    status: 'uploaded' | 'refused' | 'expired',
    code: string | null,
  ): Promise<void>;
  /** How many files from before `before` have their bytes here, and from when the oldest of all is. */
  abstract countBytes(before: Date): Promise<Tally>;
  /** Up to `limit` files from before `before` lose their bytes, the oldest first, and have `expired`; says how many that were. */
  abstract forgetBytes(before: Date, limit: number): Promise<number>;
  /** The guest has no files any more. */
  abstract removeAll(guestId: string): Promise<void>;
}
