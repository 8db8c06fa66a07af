import { AppError } from '../../kernel/app-error.js';

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

export const widgetSignsInItself = (): AppError =>
  new AppError('invalid', 'guest.widget_signs_in_itself', "A widget-led guest signs in in the page's own Messenger.", {
    errors: [{ pointer: '/authenticate', rule: 'serverLed', message: 'is for server-led guests' }],
  });

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

export const notLinkedYet = (id: string, waitMs?: number): AppError =>
  new AppError('unavailable', 'guest.not_linked_yet', `The conversation of guest ${id} is still being looked for.`, {
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });

export const stillSending = (id: string): AppError =>
  new AppError('unavailable', 'guest.still_sending', `Messages of guest ${id} are still on their way.`);

/** The process that holds the guest's socket does it instead. */
export const heldElsewhere = (id: string): AppError =>
  new AppError('unavailable', 'guest.held_elsewhere', `The socket of guest ${id} is held by another process.`);

export const unknownEventId = (): AppError =>
  new AppError(
    'invalid',
    'events.unknown_id',
    'Last-Event-ID is not the id of an event of this stream. Send the last one you received, or none to begin with what comes now.',
    { extra: { header: 'Last-Event-ID', rule: 'eventId' } },
  );

export const tooManyStreams = (whose: 'guest' | 'service', retryAfterMs: number): AppError =>
  new AppError(
    'throttled',
    'events.too_many_streams',
    whose === 'guest'
      ? 'As many streams of this guest are open as may be. Close one first.'
      : 'As many streams are open here as may be. Try again later.',
    { retryAfterMs },
  );

export const streamsLeaving = (): AppError =>
  new AppError('unavailable', 'events.leaving', 'This instance is about to stop. Open the stream again.', {
    retryAfterMs: 1_000,
  });

export const queueFull = (id: string, most: number, retryAfterMs: number): AppError =>
  new AppError(
    'throttled',
    'message.queue_full',
    `${most} messages of guest ${id} wait for Genesys Cloud to take them. Send the next one when some have gone.`,
    { retryAfterMs },
  );

/** What Genesys Cloud takes as one inbound text, in UTF-8 bytes (its error 4011 above that). */
export const TEXT_MAX_BYTES = 4_096;

/** `excess`: the bytes that are too many. */
export const tooLong = (excess: number): AppError =>
  new AppError('invalid', 'message.too_long', 'The text is too long for Genesys Cloud.', {
    errors: [{ pointer: '/text', rule: 'maxBytes', message: `is ${excess} bytes over the ${TEXT_MAX_BYTES} allowed` }],
  });
