import type { MessageBody } from '../message.js';

/** A frame to the guest. Clients dispatch on `class` and `code`; the same class is seen under both types. */
export type Frame = {
  readonly type: 'message' | 'response';
  readonly class: string;
  readonly code: number;
  readonly body: unknown;
  readonly tracingId?: string;
};

/** A request on the guest socket that is answered with an error frame. */
export class GuestError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** The session's message rate, or the connection's, is used up. */
export class TooManyRequests extends Error {
  constructor(
    readonly waitMs: number,
    message: string,
  ) {
    super(message);
  }
}

export function response(name: string, body: unknown, tracingId?: string): Frame {
  return withTracing({ type: 'response', class: name, code: 200, body }, tracingId);
}

/** Something that happened to the session, not an answer. */
export function event(name: string, body: object = {}): Frame {
  return { type: 'message', class: name, code: 200, body };
}

export function structuredMessage(body: MessageBody, tracingId?: string): Frame {
  return withTracing({ type: 'message', class: 'StructuredMessage', code: 200, body }, tracingId);
}

/** The frame of whatever went wrong; what is not meant for the guest becomes the platform's own 5000. */
export function errorFrame(error: unknown, tracingId?: string): Frame {
  if (error instanceof TooManyRequests) {
    const body = {
      retryAfter: Math.max(1, Math.ceil(error.waitMs / 1000)),
      errorCode: 4029,
      errorMessage: error.message,
    };
    return withTracing({ type: 'response', class: 'TooManyRequestsErrorMessage', code: 429, body }, tracingId);
  }
  const { code, message } = error instanceof GuestError ? error : { code: 5000, message: 'Request failed.' };
  return withTracing({ type: 'response', class: 'string', code, body: message }, tracingId);
}

function withTracing(frame: Frame, tracingId: string | undefined): Frame {
  return tracingId === undefined ? frame : { ...frame, tracingId };
}
