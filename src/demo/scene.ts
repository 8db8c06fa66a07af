import type { Guest, GuestManager } from '../client/index.js';
import type { LocalService } from './local-service.js';
import type { OtherSide } from './other-side.js';
import type { Story } from './story.js';

/** Who takes part. */
export type Scene = {
  readonly story: Story;
  readonly service: LocalService;
  readonly guests: GuestManager;
  readonly otherSide: OtherSide;
  readonly guest: Guest;
};

/** What the guest writes; Genesys hears it, and our disk keeps it only encrypted. */
export const question = 'Where is my order? I have been waiting since Tuesday.';

export const short = (hash: string | null): string => (hash === null ? 'none' : `${hash.slice(0, 12)}…`);
