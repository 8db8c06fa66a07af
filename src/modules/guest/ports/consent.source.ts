import type { Identity } from '../../identity/index.js';
import type { Consent } from '../guest.js';

/** Somebody who is about to become a guest. */
export type Asking = {
  /** Keyed hashes, or those the caller made under a scheme of its own; nothing in the clear. */
  readonly identity: Identity;
  /** What the request says they have agreed to. */
  readonly declared: Consent;
};

/**
 * What somebody has agreed to, as it is known when they become a guest; later decisions come as changes of the guest. Not asked when the request
 * itself says that nothing may be processed. Answers at once, from what is at hand: others wait for the unit of work it is asked in.
 */
export abstract class ConsentSource {
  /** Without `dataProcessing` in the answer no guest is made. */
  abstract consentOf(asking: Asking): Consent;
}
