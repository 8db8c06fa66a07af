import type { ReceiptKey } from './consent.receipt.js';

/** How long a guest may be idle before it is closed, in milliseconds; 0: for ever. */
export abstract class IdleSettings {
  abstract readonly idleMs: number;
}

/** How long nothing may be heard of a guest until Genesys is asked what became of it, in milliseconds; 0: for ever. */
export abstract class ReconcileSettings {
  abstract readonly silenceMs: number;
}

/** What the guest module needs to know of its surroundings. */
export abstract class GuestSettings {
  /** The web messaging deployment new guests belong to. */
  abstract readonly deploymentId: string;
  /** The Messenger's name of the region, such as `prod-euw1`; a page needs it to load the official script. Null when it is not known. */
  abstract readonly environment: string | null;
  /** Names that `attributes` may carry. */
  abstract readonly attributeNames: readonly string[];
  /** What becomes of personal data found in attributes and the path of a page: the request is refused, or words such as `[email]` take their place. */
  abstract readonly personalDataInText: 'refuse' | 'mask';
  /** What becomes of a guest whose conversation was ended for reading only: its next message begins another one, or it is closed. */
  abstract readonly afterReadOnly: 'new-conversation' | 'close';
  /** Sign what a page passes on about its guest. Newest first: the first signs, any of them proves. */
  abstract readonly widgetKeys: readonly Buffer[];
  /** Sign consent receipts. Newest first: the first signs new ones, all are published. */
  abstract readonly receiptKeys: readonly ReceiptKey[];
}
