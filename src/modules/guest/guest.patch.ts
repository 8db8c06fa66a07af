import { guestClosed } from './guest.errors.js';
import { changed, isOver } from './guest.js';
import type { ChannelContext, Consent, Guest } from './guest.js';
import { differences, leaves, mergePatch, speaksOf } from './merge-patch.js';
import type { JsonObject } from './merge-patch.js';

/** The parts a caller may change, as a merge patch (RFC 7396): `null` deletes a member. */
export type GuestPatch = {
  readonly consent?: Partial<Consent>;
  readonly channelContext?: { readonly [K in keyof ChannelContext]: ChannelContext[K] | null } | null;
  readonly attributes?: Readonly<Record<string, string | null>> | null;
};

const patchable = ({ consent, channelContext, attributes }: Guest): JsonObject => ({
  consent,
  channelContext,
  attributes,
});

const merged = (guest: Guest, patch: GuestPatch): JsonObject => mergePatch(patchable(guest), patch) as JsonObject;

/** The leaves that were changed after a version, as JSON pointers. */
export const changedSince = ({ touched }: Pick<Guest, 'touched'>, base: number): string[] =>
  Object.keys(touched)
    .filter((pointer) => touched[pointer]! > base)
    .sort();

/** What the change that led to this version changed of what callers may: leaves, as JSON pointers. */
export const pointersOfChange = (guest: Pick<Guest, 'touched' | 'version'>): string[] =>
  changedSince(guest, guest.version - 1);

/** What the change that led to this version took in of context and attributes, other than taking it away: leaves, as JSON pointers. */
export function takenIn(guest: Guest): string[] {
  const { channelContext, attributes } = guest;
  const held = leaves({ channelContext, attributes });
  return pointersOfChange(guest).filter((pointer) => held.has(pointer));
}

/** The leaves a patch would really change, as JSON pointers. Empty when everything it asks for is in place. */
export const changedPointers = (guest: Guest, patch: GuestPatch): string[] =>
  differences(patchable(guest), merged(guest, patch));

/**
 * Of the leaves a patch made against version `base` speaks of, those that somebody else has changed since. To the same value counts too: two
 * who both counted from 5 to 6 have counted once.
 */
export function conflictingPointers(guest: Guest, patch: GuestPatch, base: number): string[] {
  const unseen = changedSince(guest, base).filter((pointer) => speaksOf(patch, pointer));
  // What never changed since creation was changed by version 1, for those who have not even seen that.
  return base >= 1 ? unseen : changedPointers(guest, patch);
}

/**
 * Merges; the same guest when everything is in place already, so that a repeated request changes nothing.
 * @throws AppError `guest.closed`
 */
export function patched(guest: Guest, patch: GuestPatch, at: Date): Guest {
  const parts = merged(guest, patch);
  const pointers = differences(patchable(guest), parts);
  if (pointers.length === 0) return guest;
  if (isOver(guest) || guest.state === 'closing') throw guestClosed(guest.id, guest.state);
  const { consent, channelContext = {}, attributes = {} } = parts as unknown as Pick<Guest, 'consent'> & Partial<Guest>;
  const version = guest.version + 1;
  return changed(guest, at, {
    ...{ consent, channelContext, attributes },
    touched: { ...guest.touched, ...Object.fromEntries(pointers.map((pointer) => [pointer, version])) },
  });
}
