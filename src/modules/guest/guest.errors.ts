import { AppError } from '../../kernel/app-error.js';
import type { Guest } from './guest.js';

export const guestNotFound = (id: string): AppError =>
  new AppError('not-found', 'guest.not_found', `There is no guest ${id}.`);

export const guestClosed = (id: string, state: string): AppError =>
  new AppError('conflict', 'guest.closed', `Guest ${id} is ${state}; it takes no further changes.`, {
    extra: { state },
  });

export const illegalTransition = (id: string, state: string, to: string, allowed: readonly string[]): AppError =>
  new AppError(
    'conflict',
    'guest.illegal_transition',
    `Guest ${id} is ${state} and cannot become ${to}; from here it can become ${allowed.join(', ') || 'nothing else'}.`,
    { extra: { state, allowed } },
  );

export const consentRequired = (): AppError =>
  new AppError(
    'forbidden',
    'consent.required',
    'A guest can only be created with consent to data processing. Ask for it first, then send consent.dataProcessing: true.',
    {
      errors: [
        {
          pointer: '/consent/dataProcessing',
          rule: 'equals',
          message: 'must be true: nothing may be processed without it',
        },
      ],
    },
  );

/** Somebody was quicker. Carries the guest as it is now; whoever shows the error decides how the guest is shown. */
export class GuestConflict extends AppError {
  constructor(
    code: 'guest.version_mismatch' | 'guest.overlapping_change',
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
      ? 'The guest has changed since, but nothing this request changes: repeat it with the current ETag.'
      : 'The guest has changed since, and so have fields this request changes: decide between the two, then repeat it with the current ETag.',
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

export const widgetLed = (id: string): AppError =>
  new AppError(
    'conflict',
    'guest.widget_led',
    `Guest ${id} is widget-led: the page's own Messenger sends its messages. Only server-led guests can be written for.`,
  );

export const serverLed = (id: string): AppError =>
  new AppError(
    'conflict',
    'guest.server_led',
    `Guest ${id} is server-led: its conversation is learnt from its own socket and cannot be reported.`,
  );
