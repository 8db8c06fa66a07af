import { noStrongTag, overlappingChange, staleView, unknownBase, versionMismatch } from './guest.conflict.js';
import { changedPointers, changedSince, conflictingPointers } from './guest.js';
import type { Guest, GuestPatch } from './guest.js';

/**
 * Under which condition a change is made. `version`: only on exactly one of these versions; `seen` are those the caller has seen, however it says
 * so. `base`: the caller knows that version; what
 * others changed since goes through beside it as long as the two do not overlap. `any`: whatever the version is.
 */
export type Condition =
  | { readonly type: 'version'; readonly versions: readonly number[]; readonly seen?: readonly number[] }
  | { readonly type: 'base'; readonly base: number }
  | { readonly type: 'any' };

/**
 * `patch`: what is to be changed, or `whole` when that is the guest as such.
 * @throws AppError `guest.version_mismatch`, `guest.overlapping_change`, `guest.unknown_base` when it does not hold
 */
export function checkCondition(guest: Guest, patch: GuestPatch | 'whole', condition: Condition): void {
  if (condition.type === 'any') return;
  if (condition.type === 'version') {
    const { versions, seen = versions } = condition;
    if (versions.includes(guest.version)) return;
    const base = Math.max(0, ...seen.filter((version) => version <= guest.version));
    if (patch === 'whole') throw staleView(guest, changedSince(guest, base));
    const conflicts = conflictingPointers(guest, patch, base);
    throw versions.length === 0 ? noStrongTag(guest, conflicts) : versionMismatch(guest, conflicts);
  }
  if (patch === 'whole') return;
  // A caller may know a version from before the database was restored; nobody can say what has changed since.
  if (condition.base > guest.version) throw unknownBase(guest, changedPointers(guest, patch));
  const conflicts = conflictingPointers(guest, patch, condition.base);
  if (conflicts.length > 0) throw overlappingChange(guest, conflicts);
}
