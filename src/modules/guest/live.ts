import { unknownEventId } from './guest.errors.js';
import type { CloseReason, Guest, GuestState } from './guest.js';
import type { ReadableMessage } from './message.js';
import type { Typing } from './ports/guest-channel.js';

/**
 * How far a stream of a guest's events has come: the position among the changes of its messages, and the version of the guest. Both are
 * stored, grow only, and mean the same in every process.
 */
export type Place = { readonly position: string; readonly version: number };

/** What the stream of a guest's events says. `place` is where it stands after the event; typing has none, for nobody can ask for it again. */
export type LiveEvent =
  | { readonly type: 'message'; readonly place: Place; readonly message: ReadableMessage }
  | { readonly type: 'typing'; readonly from: Typing['from']; readonly durationMs: number }
  | { readonly type: 'state'; readonly place: Place; readonly state: GuestState; readonly interactionCount: number }
  | {
      readonly type: 'closed';
      readonly place: Place;
      readonly state: GuestState;
      readonly closeReason: CloseReason | null;
    };

/** The `id:` of an event: the place after it. */
export const eventId = ({ position, version }: Place): string => `${position}.${version}`;

/** @throws AppError `events.unknown_id` */
export function placeOf(id: string): Place {
  const [, position, version] = /^(\d{1,16}\.\d{1,16})\.(\d{1,15})$/.exec(id) ?? [];
  if (position === undefined) throw unknownEventId();
  return { position, version: Number(version) };
}

export const stateEvent = (guest: Guest, position: string): LiveEvent => ({
  type: 'state',
  place: { position, version: guest.version },
  state: guest.state,
  interactionCount: guest.interactionCount,
});

export const closedEvent = (guest: Guest, position: string): LiveEvent => ({
  type: 'closed',
  place: { position, version: guest.version },
  state: guest.state,
  closeReason: guest.closeReason,
});

/** For a guest of whom nothing is left. */
export const erasedEvent = (place: Place): LiveEvent => ({ type: 'closed', place, state: 'erased', closeReason: null });
