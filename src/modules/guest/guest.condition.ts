import { noStrongTag, overlappingChange, staleView, unknownBase, versionMismatch } from './guest.conflict.js';
import type { Guest } from './guest.js';
import { changedPointers, changedSince, conflictingPointers } from './guest.patch.js';
import type { GuestPatch } from './guest.patch.js';

/**
 * Under which condition a change is made. `version`: only on exactly one of these versions; `seen` are those the caller has seen, however it says
 * so. `base`: the caller knows that version; what
 * others changed since goes through beside it as long as the two do not overlap. `any`: whatever the version is.
 */
export type Condition =
  | { readonly type: 'version'; readonly versions: readonly number[]; readonly seen?: readonly number[] }
  | { readonly type: 'base'; readonly base: number }
  | { readonly type: 'any' };

/** @throws AppError `guest.version_mismatch`, `guest.overlapping_change`, `guest.unknown_base` when it does not hold for a guest that is to be patched so */
export function checkCondition(guest: Guest, patch: GuestPatch, condition: Condition): void {
  if (condition.type === 'any') return;
  if (condition.type === 'version') {
    const { versions } = condition;
    if (versions.includes(guest.version)) return;
    const conflicts = conflictingPointers(guest, patch, lastSeen(guest, condition));
    throw versions.length === 0 ? noStrongTag(guest, conflicts) : versionMismatch(guest, conflicts);
  }
  // A caller may know a version from before the database was restored; nobody can say what has changed since.
  if (condition.base > guest.version) throw unknownBase(guest, changedPointers(guest, patch));
  const conflicts = conflictingPointers(guest, patch, condition.base);
  if (conflicts.length > 0) throw overlappingChange(guest, conflicts);
}

/**
 * As above, for what is done to the guest as such: nothing in it can be merged.
 * @throws AppError `guest.version_mismatch`
 */
export function checkVersion(guest: Guest, condition: Condition): void {
  if (condition.type !== 'version' || condition.versions.includes(guest.version)) return;
  throw staleView(guest, changedSince(guest, lastSeen(guest, condition)));
}

const lastSeen = (guest: Guest, { versions, seen = versions }: Extract<Condition, { type: 'version' }>): number =>
  Math.max(0, ...seen.filter((version) => version <= guest.version));
