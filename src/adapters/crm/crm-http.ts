import type { HttpService } from '@nestjs/axios';
import type { AxiosResponse } from 'axios';
import { firstValueFrom } from 'rxjs';
import { AppError } from '../../kernel/app-error.js';

export type CrmAnswer = { readonly status: number; readonly body: unknown };

/** How long a CRM may take to answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * HTTP for CRM adapters. Answers 2xx; everything else is an AppError that says what can be done about it. Nothing of the request or the answer
 * gets into an error: an axios error would carry the credentials along.
 */
export class CrmHttp {
  constructor(private readonly http: HttpService) {}

  get(url: string, headers: Record<string, string>): Promise<CrmAnswer> {
    return this.send('GET', url, headers);
  }

  post(url: string, headers: Record<string, string>, body: unknown): Promise<CrmAnswer> {
    return this.send('POST', url, headers, body);
  }

  private async send(method: string, url: string, headers: Record<string, string>, data?: unknown): Promise<CrmAnswer> {
    let response: AxiosResponse<unknown>;
    try {
      response = await firstValueFrom(
        this.http.request({
          method,
          url,
          headers,
          data,
          timeout: TIMEOUT_MS,
          maxRedirects: 0,
          validateStatus: () => true,
        }),
      );
    } catch (error) {
      const reason = (error as { code?: unknown }).code;
      throw new AppError(
        'unavailable',
        'crm.silent',
        `The CRM did not answer (${typeof reason === 'string' ? reason : 'no answer'}).`,
      );
    }
    if (response.status >= 200 && response.status < 300) return { status: response.status, body: response.data };
    throw refusal(response);
  }
}

/** What a status means for us. A credential the CRM rejects is our fault, not the records': they wait. */
function refusal({ status, headers }: AxiosResponse<unknown>): AppError {
  const waitMs = retryAfterMs(headers['retry-after']);
  const facts = { extra: { status }, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) };
  if (status === 429) return new AppError('throttled', 'crm.throttled', 'The CRM asks us to slow down.', facts);
  if (status === 401 || status === 403)
    return new AppError(
      'unavailable',
      'crm.credentials_refused',
      `The CRM refused our credentials (${status}).`,
      facts,
    );
  if (status === 408 || status >= 500)
    return new AppError('unavailable', 'crm.unavailable', `The CRM answered ${status}.`, facts);
  return new AppError('refused', 'crm.refused', `The CRM refused the request (${status}).`, facts);
}

/** Delay seconds or a date (RFC 9110 §10.2.3), at most an hour. */
function retryAfterMs(header: unknown): number | undefined {
  if (typeof header !== 'string') return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : undefined;
}
