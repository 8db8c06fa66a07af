import { mayLeave, purposeOf } from './consent.js';
import type { WayOut } from './consent.js';
import { consentNotLive } from './consent.errors.js';
import { guestClosed, widgetLed } from './guest.errors.js';
import { isOver } from './guest.js';
import type { Guest } from './guest.js';

/** @throws AppError `guest.widget_led`, `guest.closed`, `consent.required` when nothing may be said to Genesys as this guest in this way */
export function requireWritable(guest: Guest, way: WayOut): void {
  if (guest.mode === 'widget') throw widgetLed(guest.id);
  if (isOver(guest) || guest.state === 'closing') throw guestClosed(guest.id, guest.state);
  if (!mayLeave(guest, way)) throw consentNotLive(guest.id, purposeOf(way));
}
