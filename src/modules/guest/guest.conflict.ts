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

/** What is to be done is about the guest as such: whoever asks for it may think otherwise of the guest as it is now. */
export const staleView = (guest: Guest, conflicts: readonly string[]): GuestConflict =>
  new GuestConflict(
    'guest.version_mismatch',
    'The guest is at another version: look at it as it is now, then repeat the request with the current ETag if it is still to be done.',
    guest,
    conflicts,
  );

/** If-Match compares strongly (RFC 9110 §13.1.1), and no tag in it is strong and of a guest. */
export const noStrongTag = (guest: Guest, conflicts: readonly string[]): GuestConflict =>
  new GuestConflict(
    'guest.version_mismatch',
    'If-Match names no version: it takes strong ETags as answers show them, "7" and not W/"7". Repeat the request with the current ETag.',
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
