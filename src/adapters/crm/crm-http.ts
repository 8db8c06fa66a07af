import type { HttpService } from '@nestjs/axios';
import type { AxiosResponse } from 'axios';
import { firstValueFrom } from 'rxjs';
import { refusal, silent, unreadable } from './crm-failures.js';

export type CrmAnswer = { readonly status: number; readonly body: unknown };

/** An answer of any status. A body that is no JSON is text, one that is not there undefined. */
export type CrmReply = CrmAnswer & { readonly headers: Readonly<Record<string, string>>; readonly isJson: boolean };

/** A request as it goes out: text is sent as it is, everything else as JSON. */
export type CrmCall = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

/** How long a CRM may take to answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * HTTP for CRM adapters. Answers 2xx; everything else is an AppError that says what can be done about it. Nothing of the request or the answer
 * gets into an error: an axios error would carry the credentials along.
 */
export class CrmHttp {
  constructor(
    private readonly http: HttpService,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  /** @throws AppError for every answer that is not 2xx, and for one that cannot be read */
  get(url: string, headers: Record<string, string>): Promise<CrmAnswer> {
    return this.send({ method: 'GET', url, headers });
  }

  /** `body` goes as JSON. @throws AppError as `get` */
  post(url: string, headers: Record<string, string>, body: unknown): Promise<CrmAnswer> {
    return this.send({ method: 'POST', url, headers, body });
  }

  /** @throws AppError for every answer that is not 2xx, and for one that cannot be read */
  async send(call: CrmCall): Promise<CrmReply> {
    return readable(await this.exchange(call));
  }

  /**
   * For a CRM whose statuses have meanings of their own; what is left over is for `readable`.
   * @throws AppError `crm.silent` only
   */
  async exchange({ method, url, headers, body }: CrmCall): Promise<CrmReply> {
    let response: AxiosResponse<unknown>;
    try {
      response = await firstValueFrom(
        this.http.request<unknown>({
          method,
          url,
          headers: { ...headers },
          data: body,
          timeout: this.timeoutMs,
          maxRedirects: 0,
          responseType: 'text',
          transformResponse: (text: unknown) => text,
          validateStatus: () => true,
        }),
      );
    } catch (error) {
      throw silent((error as { code?: unknown }).code);
    }
    return replyOf(response);
  }
}

/** The reply if it is 2xx and whole; a 2xx that cannot be read says nothing about any record. */
export function readable(reply: CrmReply): CrmReply {
  if (reply.status < 200 || reply.status >= 300) throw refusal(reply);
  if (!reply.isJson) throw unreadable(reply);
  return reply;
}

function replyOf({ status, headers, data }: AxiosResponse<unknown>): CrmReply {
  const text = typeof data === 'string' ? data : '';
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  if (text.trim() === '') return { status, headers: named, body: undefined, isJson: true };
  try {
    return { status, headers: named, body: JSON.parse(text) as unknown, isJson: true };
  } catch {
    return { status, headers: named, body: text, isJson: false };
  }
}
