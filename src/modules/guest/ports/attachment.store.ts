import type { Tally } from '../../../kernel/data-class.js';
import type { Attachment } from '../attachment.js';

/** How it went with a file. `sealedSource`: where it can be had from now on; nowhere when that is absent. */
export type Settled = {
  readonly status: 'uploaded' | 'received' | 'refused' | 'expired';
  readonly code?: string;
  readonly sealedSource?: string;
};

/** Files of guests and of those they talk to. Every method joins the current unit of work. */
export abstract class AttachmentStore {
  /** `sealedBytes` is null when they are at Genesys. */
  abstract add(attachment: Attachment, sealedBytes: string | null): Promise<void>;
  /** Null when this guest has no such file. */
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
  abstract settle(guestId: string, id: string, how: Settled): Promise<void>;
  /** Of how many files from before `before` the bytes are here, or where they can be had; and from when the oldest of all is. */
  abstract countContents(before: Date): Promise<Tally>;
  /** Up to `limit` files from before `before` lose both, the oldest first, and have `expired`; says how many that were. */
  abstract forgetContents(before: Date, limit: number): Promise<number>;
  /** The guest has no files any more. */
  abstract removeAll(guestId: string): Promise<void>;
}
