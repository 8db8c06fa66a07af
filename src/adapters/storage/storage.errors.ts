import pg from 'pg';
import { AppError } from '../../kernel/app-error.js';

/** The database refused a statement. Says which and why, but never with which values. */
export class StatementFailed extends Error {
  override readonly name = 'StatementFailed';

  constructor(
    readonly statement: string,
    readonly code: string,
    readonly constraint: string | undefined,
    explanation: string,
  ) {
    super(`${statement}: ${code}${constraint === undefined ? '' : ` (${constraint})`}${explanation}`);
  }
}

/** The connection broke, or there is none to be had. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Somebody in another transaction changed first what this one was about to change. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

export const storageUnavailable = (cause?: unknown): AppError =>
  new AppError('unavailable', 'storage.unavailable', 'The storage cannot be reached at the moment.', {
    cause,
    retryAfterMs: 1_000,
  });

export const storageBusy = (): AppError =>
  new AppError('unavailable', 'storage.busy', 'More is waiting to be written than can be written soon.', {
    retryAfterMs: 1_000,
  });

export const unitTooLong = (): AppError =>
  new AppError('unavailable', 'storage.unit_too_long', 'The work took too long and was undone.', {
    retryAfterMs: 1_000,
  });

export const storageClosed = (): AppError =>
  new AppError('unavailable', 'storage.closed', 'The storage is closed: this process is leaving.');

export const invalidCursor = (): AppError =>
  new AppError('invalid', 'request.invalid', 'The query cannot be understood.', {
    errors: [{ pointer: '/cursor', rule: 'cursor', message: 'is not a cursor of this list' }],
  });

/** What `pg` threw, in our words. */
export function statementError(statement: string, error: unknown): Error {
  if (!(error instanceof pg.DatabaseError)) {
    if (error instanceof TypeError || error instanceof RangeError) return error;
    return new ConnectionLost(`${statement}: ${error instanceof Error ? error.message : 'connection lost'}`, {
      cause: error,
    });
  }
  const code = error.code ?? 'XX000';
  if (code.startsWith('08') || code.startsWith('57P') || code === '53300')
    return new ConnectionLost(`${statement}: ${code}`);
  // Only a mistake of ours is quoted; other messages can carry values.
  const explanation = code.startsWith('42') ? `, ${error.message}` : '';
  return new StatementFailed(statement, code, error.constraint, explanation);
}

/**
 * Refused only because a statement sent before it was: in a transaction that has failed (25P02), or when what was skipped is the statement's own
 * preparation, so that its name is not known (26000).
 */
export const isAftermath = (error: unknown): boolean =>
  error instanceof StatementFailed && /^(25P02|26000)$/.test(error.code);

/**
 * Lost against another transaction, not in time, or for want of disk or memory (classes 53 and 58): the same work may succeed when it is done again.
 */
export const isRace = (error: unknown): boolean =>
  error instanceof Overtaken ||
  (error instanceof StatementFailed && /^(40001|40P01|55P03|57014|53...|58...)$/.test(error.code));

/** A unique violation is worth a second look too: by then the other row is seen. If it stays, it is a mistake. */
export const worthRepeating = (error: unknown): boolean =>
  isRace(error) || (error instanceof StatementFailed && error.code === '23505');
