import { AppError } from '../../kernel/app-error.js';
import type { Guest } from './guest.js';

/** Somebody was quicker. Carries the guest as it is now; whoever shows the error decides how the guest is shown. */
export class GuestConflict extends AppError {
  constructor(
    code: 'guest.version_mismatch' | 'guest.overlapping_change' | 'guest.unknown_base',
    message: string,
    readonly guest: Guest,
    /** JSON pointers that this change and somebody else's both touched. */
    readonly conflicts: readonly string[],
  ) {
    super('conflict', code, message);
  }
}

export const versionMismatch = (guest: Guest, conflicts: readonly string[]): GuestConflict =>
  new GuestConflict(
    'guest.version_mismatch',
    conflicts.length === 0
      ? 'The guest is at another version, but what this request changes has not changed: repeat it with the current ETag.'
      : 'The guest is at another version, and fields this request changes may have changed: decide between the two, then repeat it with the current ETag.',
    guest,
    conflicts,
  );

export const overlappingChange = (guest: Guest, conflicts: readonly string[]): GuestConflict =>
  new GuestConflict(
    'guest.overlapping_change',
    'Fields this request changes have been changed by somebody else since the base version.',
    guest,
    conflicts,
  );

export const unknownBase = (guest: Guest, conflicts: readonly string[]): GuestConflict =>
  new GuestConflict(
    'guest.unknown_base',
    `The guest is at version ${guest.version}: it never had the base version. Read it again and decide anew.`,
    guest,
    conflicts,
  );
