import { AppError } from '../../kernel/app-error.js';
import type { FieldError } from '../../kernel/app-error.js';
import type { ConsentRecord, Purpose } from './consent.js';

export const consentNotFound = (id: string): AppError =>
  new AppError('not-found', 'consent.not_found', `This guest has no consent record ${id}.`);

export const consentInvalid = (errors: readonly FieldError[]): AppError =>
  new AppError('invalid', 'consent.invalid', 'The decision cannot be recorded: see errors.', { errors });

/** The consent that covers what was asked for is not live. `pointers`: what of a body it is about. */
export const consentNotLive = (guestId: string, purpose: Purpose, pointers: readonly string[] = []): AppError =>
  new AppError(
    'forbidden',
    'consent.required',
    `Guest ${guestId} has no live consent to ${purpose}. Ask for it, then record it by POST /v1/guests/${guestId}/consents.`,
    {
      extra: { purpose },
      ...(pointers.length > 0 && {
        errors: pointers.map((pointer) => ({
          ...{ pointer, rule: 'consent' },
          message: `needs consent to ${purpose}; without it values are only taken away`,
        })),
      }),
    },
  );

/** The guest has spoken later. Carries the record that stands; whoever shows the error decides how it is shown. */
export class ConsentStale extends AppError {
  constructor(
    /** Null when what stands is what was said when the guest was created. */
    readonly current: ConsentRecord | null,
    lastWordAt: Date,
  ) {
    super(
      'conflict',
      'consent.stale',
      `The guest last decided on this at ${lastWordAt.toISOString()}, after the decision sent; the later one stands. Nothing was recorded.`,
    );
  }
}
