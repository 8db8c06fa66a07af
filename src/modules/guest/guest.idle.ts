import { closing, expired, isOver } from './guest.js';
import type { Guest } from './guest.js';
import { signatureExpiry } from './guest.attributes.js';

/** How a guest stands that may have been idle. `again`: it is not idle yet, and will be at the earliest when it has rested since then. */
export type Idleness =
  | { readonly is: 'ended'; readonly guest: Guest }
  | { readonly is: 'awake'; readonly again: Date }
  | { readonly is: 'over' };

/**
 * Ends a guest nothing visible has happened to since `now` less `idleMs`. A text that waits to be sent, accepted at `lastAccepted`, counts
 * as well. Whoever has a session or a conversation at Genesys is `closing`, as if somebody had asked for it. A widget-led guest whose page never took it up
 * has nothing there; it is `expired` once no conversation can prove any more to be its own, and not before.
 */
export function afterIdling(guest: Guest, lastAccepted: Date | null, idleMs: number, now: Date): Idleness {
  if (isOver(guest) || guest.state === 'closing') return { is: 'over' };
  const awake = (at: Date): Idleness => ({ is: 'awake', again: at });
  const stirred = lastAccepted !== null && lastAccepted > guest.modifiedDate ? lastAccepted : guest.modifiedDate;
  if (stirred.getTime() + idleMs > now.getTime()) return awake(stirred);
  if (guest.mode === 'server' || guest.conversations.length > 0)
    return { is: 'ended', guest: closing(guest, now, 'abandoned') };
  const expiry = signatureExpiry(guest);
  return expiry > now ? awake(new Date(expiry.getTime() - idleMs)) : { is: 'ended', guest: expired(guest, now) };
}
