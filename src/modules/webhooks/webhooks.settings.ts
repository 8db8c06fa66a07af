import type { Reach } from './addresses.js';

/** What the webhooks module needs to know of its surroundings. */
export abstract class WebhookSettings {
  /** Where endpoints may be. */
  abstract readonly reach: Reach;
}
