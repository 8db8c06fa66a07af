import { AppError } from '../../kernel/app-error.js';
import type { FieldError } from '../../kernel/app-error.js';

export const platformAuditNotPermitted = (): AppError =>
  new AppError(
    'unavailable',
    'audit.not_permitted',
    'Our OAuth client may not read the audit of Genesys Cloud: give it a role that holds audits:audit:view.',
  );

export const platformAuditSilent = (): AppError =>
  new AppError('unavailable', 'audit.no_answer', 'Genesys Cloud takes too long to answer. Try again.', {
    retryAfterMs: 5_000,
  });

export const platformQueryFailed = (id: string): AppError =>
  new AppError('refused', 'audit.query_failed', `Genesys Cloud could not carry out query ${id}. Ask again, for less.`);

export const platformQueryNotFound = (id: string): AppError =>
  new AppError('not-found', 'audit.query_not_found', `Genesys Cloud knows no query ${id}, or not any more.`);

export const invalidPlatformQuery = (errors: readonly FieldError[]): AppError =>
  new AppError('invalid', 'request.invalid', 'The query string is not valid: see errors.', { errors });
