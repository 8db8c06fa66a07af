import { AppError } from '../../kernel/app-error.js';
import type { ErrorFacts } from '../../kernel/app-error.js';
import { FILE_GONE } from '../../modules/guest/index.js';

/** Where a call went, for the one failure that is not like the others: the login, whose refusal is never the guest's doing. */
export type Called = 'api' | 'login' | 'sign-in' | 'cdn' | 'history' | 'socket' | 'files' | 'download';

/**
 * What went wrong between us and Genesys. It is made of single facts, never of a request or an answer, so that nothing thrown out of
 * this adapter can hold a token, a secret or what a guest wrote.
 */
export class GenesysFailure extends Error {
  constructor(
    readonly called: Called,
    /** Null when no answer came. */
    readonly status: number | null,
    readonly facts: {
      /** Genesys's own word (`not.found`), or the system's for a connection that failed (`ECONNREFUSED`). */
      readonly word?: string | undefined;
      /** What Genesys support asks for. */
      readonly correlationId?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    } = {},
  ) {
    super(status === null ? 'Genesys Cloud did not answer.' : `Genesys Cloud answered ${status}.`);
    this.name = 'GenesysFailure';
  }
}

/** The one place where answers of Genesys Cloud, over HTTP or the guest socket, become kinds of ours. */
export function genesysError(failure: GenesysFailure): AppError {
  const { status, called } = failure;
  const facts: ErrorFacts = { cause: failure };
  const { retryAfterMs } = failure.facts;
  const later = retryAfterMs === undefined ? facts : { ...facts, retryAfterMs };
  // Object storage says no to an address that has run out: the next attempt asks for a new one.
  if (called === 'files') return new AppError('unavailable', 'genesys.upload_failed', failure.message, later);
  if (called === 'download' && status !== null && status >= 300 && status < 500 && status !== 408 && status !== 429)
    return status < 400 ? foreignFileHost() : new AppError('refused', FILE_GONE, failure.message, facts);
  if (status === 429) return new AppError('throttled', 'genesys.throttled', 'Genesys Cloud asks us to wait.', later);
  if (status === null || status === 408 || status >= 500)
    return new AppError(
      'unavailable',
      called === 'login' ? 'genesys.login_unavailable' : 'genesys.unavailable',
      failure.message,
      later,
    );
  if (called === 'login')
    return new AppError(
      'unavailable',
      'genesys.login_refused',
      'Genesys Cloud does not accept our OAuth client.',
      facts,
    );
  if (called === 'sign-in') return signInRefused(failure);
  if (status === 401)
    return new AppError(
      'unavailable',
      'genesys.unauthenticated',
      'Genesys Cloud does not accept our credentials.',
      facts,
    );
  if (status === 403)
    return new AppError(
      'unavailable',
      'genesys.forbidden',
      'Our OAuth client lacks a permission in Genesys Cloud.',
      facts,
    );
  const code = { 400: 'genesys.bad_request', 404: 'genesys.not_found', 409: 'genesys.conflict' }[status];
  return new AppError('refused', code ?? 'genesys.refused', failure.message, facts);
}

/** Whatever was thrown, as something a caller may see. What is neither ours nor Genesys's doing stays a bug. */
export const asAppError = (error: unknown): unknown => (error instanceof GenesysFailure ? genesysError(error) : error);

/** Codes of error frames that mean something of their own; below 4000 they read like HTTP. */
const FRAME_REFUSALS: Readonly<Record<number, readonly [code: string, message: string]>> = {
  403: ['genesys.not_enabled', 'The deployment does not allow this.'],
  4000: ['genesys.not_enabled', 'The deployment does not offer this.'],
  4001: ['genesys.file_type', 'The deployment does not take files of this type.'],
  4002: ['genesys.file_size', 'The deployment does not take files of this size.'],
  4003: ['genesys.file_content', 'Genesys Cloud does not take what is in the file.'],
  4004: ['genesys.file_name', 'Genesys Cloud does not take a file of this name.'],
  4005: ['genesys.file_name', 'The name of the file is longer than Genesys Cloud takes.'],
  4008: [FILE_GONE, 'Genesys Cloud has let go of the file.'],
  4009: [FILE_GONE, 'Genesys Cloud does not know the file.'],
  4010: [FILE_GONE, 'The file has not arrived at Genesys Cloud.'],
  4006: ['genesys.session_expired', 'The guest session has expired.'],
  4017: ['genesys.session_expired', 'The guest session was replaced by one of somebody who has signed in.'],
  4007: ['genesys.session_expired', 'The guest session is not known any more.'],
  4011: ['genesys.text_too_long', 'The text is longer than Genesys Cloud takes.'],
  4013: ['genesys.attributes_too_long', 'The custom attributes are longer than Genesys Cloud takes.'],
  4102: ['genesys.file_size', 'Genesys Cloud takes no empty files.'],
};

/** What an error frame means for the session, beside failing the request it answers. */
export type Reaction =
  /** Its token is of no use any more. */
  | 'expired'
  /** Nothing may be sent into its conversation any more. */
  | 'read-only'
  /** Something is wrong over there: another connection may be luckier. */
  | 'renew'
  /** The guest is not known as the one who has signed in any more. */
  | 'sign-in'
  /** Nothing is to be sent for the time that comes with it. */
  | 'rest'
  /** A mistake of ours, or of whoever set up the deployment: people have to look. */
  | 'alarm'
  | 'none';

const REACTIONS: Readonly<Record<number, Reaction>> = {
  ...{
    401: 'sign-in',
    409: 'read-only',
    429: 'rest',
    4000: 'alarm',
    4006: 'expired',
    4007: 'expired',
    4017: 'expired',
  },
  ...{ 4020: 'alarm', 4029: 'rest', 5000: 'renew' },
};

export const reactionTo = (code: number): Reaction => REACTIONS[code] ?? 'none';

/** An error frame of the guest socket. */
export function frameError(frame: { readonly code: number; readonly retryAfterMs?: number | undefined }): AppError {
  // What was not taken goes into the conversation that follows.
  if (frame.code === 409) return new AppError('conflict', 'genesys.read_only', READ_ONLY);
  const known = FRAME_REFUSALS[frame.code];
  if (known !== undefined) return new AppError('refused', known[0], known[1]);
  // 404 is met while a session is being configured, and passes.
  const asHttp = { 404: 503, 4029: 429, 5000: 500 }[frame.code] ?? (frame.code >= 4000 ? 400 : frame.code);
  const word = `frame ${frame.code}`;
  return genesysError(new GenesysFailure('socket', asHttp, { word, retryAfterMs: frame.retryAfterMs }));
}

const READ_ONLY = 'The conversation was ended for reading only; nothing can be sent into it.';

/** Nor does another conversation follow it. */
export const readOnlyForGood = (): AppError => new AppError('refused', 'genesys.read_only', READ_ONLY);

export const textTooLong = (): AppError => frameError({ code: 4011 });
export const attributesTooLong = (): AppError => frameError({ code: 4013 });
export const sessionOver = (): AppError => frameError({ code: 4006 });

/** The guest has to sign in again, and with another code. */
export const signInRefused = (cause?: GenesysFailure): AppError =>
  new AppError('refused', 'genesys.sign_in_refused', 'Genesys Cloud does not take what the guest signed in with.', {
    cause,
  });

/** An address for a file that is none of Genesys's, or that leads on to another: nothing of a guest goes there, and nothing comes from there. */
export const foreignFileHost = (): AppError =>
  new AppError('refused', 'genesys.file_host', 'Genesys Cloud named an address for a file that is not its own.');

/** The deployment does not accept the origin we name, or does not exist: trying again cannot help. */
export const originRefused = (): AppError =>
  new AppError('refused', 'genesys.origin_refused', 'The deployment refuses guest sockets from our origin.');

/** The guest socket could not be opened, or broke. */
export const socketUnavailable = (cause?: GenesysFailure): AppError =>
  new AppError('unavailable', 'genesys.socket_unavailable', 'The guest socket of Genesys Cloud is not available.', {
    cause,
  });

/** The guest socket is open and kept silent: what was asked may have happened all the same. */
export const noAnswer = (): AppError =>
  new AppError('unavailable', 'genesys.no_answer', 'Genesys Cloud did not answer on the guest socket.');

/** Our own pace, kept so that Genesys has no reason to refuse. */
export const tooFast = (retryAfterMs: number): AppError =>
  new AppError('throttled', 'genesys.paced', 'The limits of Genesys Cloud leave no room for this right now.', {
    retryAfterMs,
  });

/** Genesys asked for a pause that lasts longer than this call can. */
export const askedToWait = (retryAfterMs: number): AppError =>
  new AppError('throttled', 'genesys.throttled', 'Genesys Cloud asks us to wait.', { retryAfterMs });

/** Genesys failed several times in a row, and is asked by one call at a time until it answers. */
export const resting = (retryAfterMs: number): AppError =>
  new AppError('unavailable', 'genesys.resting', 'Genesys Cloud kept failing and is left alone for a moment.', {
    retryAfterMs,
  });

/** Another process has taken the guest over, or is about to. */
export const notHeld = (): AppError =>
  new AppError('unavailable', 'genesys.not_held', "This process does not hold the guest's socket any more.");
