import { AppError } from '../../kernel/app-error.js';
import type { Verdict } from '../../modules/crm-sync/index.js';

/** As much of an answer as says what it means. */
type Answered = { readonly status: number; readonly headers: Readonly<Record<string, string>> };

/** What a status means for us where a CRM gives it no meaning of its own. A credential the CRM rejects is our fault, not the records': they wait. */
export function refusal({ status, headers }: Answered): AppError {
  const waitMs = retryAfterMs(headers['retry-after']);
  const facts = { extra: { status }, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  if (status === 429) return new AppError('throttled', 'crm.throttled', 'The CRM asks us to slow down.', facts);
  if (status === 401 || status === 403) return credentialsRefused(status);
  if (status === 408 || status >= 500)
    return new AppError('unavailable', 'crm.unavailable', `The CRM answered ${status}.`, facts);
  if (status === 413) return new AppError('refused', 'crm.too_large', 'The chunk is too large for the CRM.', facts);
  return new AppError('refused', 'crm.refused', `The CRM refused the request (${status}).`, facts);
}

/** Null where a refusal says that there is nothing at the address. */
export async function nullIfGone<T>(answer: Promise<T>, gone: readonly number[] = [404]): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const isGone = error instanceof AppError && error.code === 'crm.refused';
    if (isGone && gone.includes(Number(error.extra['status']))) return null;
    throw error;
  }
}

/** No answer came: the CRM may have taken everything. */
export function silent(reason: unknown): AppError {
  const word = typeof reason === 'string' && /^[A-Z_]{2,40}$/.test(reason) ? reason : 'no answer';
  return new AppError('unavailable', 'crm.silent', `The CRM did not answer (${word}).`);
}

/** A success that says nothing. What calls itself JSON was cut off on its way, anything else is not from the CRM's API. */
export function unreadable({ status, headers }: Answered): AppError {
  const facts = { extra: { status } };
  return /json/i.test(headers['content-type'] ?? '')
    ? new AppError('unavailable', 'crm.silent', 'Only a part of the answer came.', facts)
    : new AppError(
        'unavailable',
        'crm.unavailable',
        `The CRM answered ${status} with nothing that can be read.`,
        facts,
      );
}

/** A success without the list it has to hold. */
export const meaningless = (): AppError =>
  new AppError('unavailable', 'crm.unavailable', 'The answer says nothing of any record.');

export const credentialsRefused = (status: number): AppError =>
  new AppError('unavailable', 'crm.credentials_refused', `The CRM refused our credentials (${status}).`, {
    extra: { status },
  });

export const quotaExhausted = (waitMs: number): AppError =>
  new AppError('throttled', 'crm.quota_exhausted', 'The quota of calls to the CRM is used up.', {
    retryAfterMs: waitMs,
  });

export const throttled = (waitMs: number | undefined): AppError =>
  new AppError('throttled', 'crm.throttled', 'The CRM asks us to slow down.', {
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });

/** Delay seconds or a date (RFC 9110 §10.2.3), at most an hour. */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}

/** Another transaction holds the record, for as long as that lasts. */
export const recordLocked = (status: number): AppError =>
  new AppError('unavailable', 'crm.unavailable', 'Another transaction holds the record.', { extra: { status } });

/** The CRM's own word for what is wrong with a record, if it looks like a code: a message may repeat the data. */
function recordError(code: unknown): string {
  return typeof code === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? `crm.record.${code}` : 'crm.record_refused';
}

/** The verdict on a record the CRM did not take, with a reason in words of ours. */
export function notTaken(index: number, status: 'refused' | 'retry', code: unknown): Verdict {
  const error = recordError(code);
  const word = error === 'crm.record_refused' ? 'without a code' : `with ${error.slice('crm.record.'.length)}`;
  const message = status === 'refused' ? `The CRM refused the record ${word}.` : `The CRM put the record off ${word}.`;
  return { index, status, error, message };
}
