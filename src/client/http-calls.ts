import { aborted, pause } from './abort.js';
import {
  errorOf,
  GuestManagerError,
  GuestNetworkError,
  GuestUnauthenticatedError,
  GuestUnavailableError,
  notSendable,
} from './errors.js';
import { fileIn, isFile } from './files.js';
import type { CallOptions, Intention } from './guest-transport.js';

export type HttpOptions = {
  /** Where the service listens, without `/v1`: `https://guests.example.com`. */
  readonly baseUrl: string;
  /** Sent as a bearer token. A function is asked before every attempt, for tokens that do not live long; after a 401 once more. */
  readonly token: string | (() => string | Promise<string>);
  /** Used in place of the global one. */
  readonly fetch?: typeof fetch;
  /** How long one attempt may take; 10 seconds unless given. */
  readonly timeoutMs?: number;
  /** How long a call may take with all its attempts and the waits between them; 30 seconds unless given. */
  readonly totalMs?: number;
};

export type Call = CallOptions & {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the answer is read as; JSON unless given. */
  readonly as?: 'file' | 'nothing' | 'stream';
};

const MOST_TRIES = 3;
/** The wait after the first try is a random part of this, doubled with every further one: full jitter. */
const FIRST_WAIT_MS = 250;

/** Calls over HTTP: who calls, how long it may take, what is tried again, and what an answer is. */
export class HttpCalls {
  private readonly root: string;

  constructor(private readonly options: HttpOptions) {
    this.root = options.baseUrl.replace(/\/+$/, '');
  }

  /** One key for all attempts, so that a repeated request is carried out once. */
  once<T>(
    method: string,
    path: string,
    { idempotencyKey = randomKey(), ...options }: Intention = {},
    body?: unknown,
    headers?: Call['headers'],
  ): Promise<T> {
    return this.call(method, path, { ...options, body, headers: { 'idempotency-key': idempotencyKey, ...headers } });
  }

  /** Tries again what may pass, for as long as there is time. */
  async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const { token, totalMs = 30_000 } = this.options;
    const giveUpAt = Date.now() + totalMs;
    let renewable = typeof token === 'function';
    for (let tries = 1; ; tries += 1) {
      try {
        if (call.signal?.aborted) throw aborted(call.signal);
        return await this.attempt<T>(method, path, call, giveUpAt - Date.now());
      } catch (error) {
        if (call.signal?.aborted) throw aborted(call.signal);
        if (renewable && error instanceof GuestUnauthenticatedError && error.status === 401) {
          renewable = false;
          continue;
        }
        if (!(error instanceof GuestUnavailableError) || tries >= MOST_TRIES) throw error;
        const wait = error.retryAfterMs + Math.random() * FIRST_WAIT_MS * 2 ** (tries - 1);
        // Who is asked to wait longer than there is time is told so at once.
        if (Date.now() + wait >= giveUpAt) throw error;
        await pause(wait, call.signal);
      }
    }
  }

  private async attempt<T>(method: string, path: string, call: Call, leftMs: number): Promise<T> {
    const { body, headers, signal, as } = call;
    const cut = new AbortController();
    const abort = (): void => cut.abort();
    // A file takes as long as it takes.
    const ownMs = as === 'file' || isFile(body) ? leftMs : (this.options.timeoutMs ?? 10_000);
    const timer = setTimeout(abort, Math.min(ownMs, leftMs));
    signal?.addEventListener('abort', abort);
    let answer: Response;
    let text: string;
    try {
      const bearer = await this.bearer(cut.signal);
      const sent = sendable(body, {
        accept: as === undefined ? 'application/json' : '*/*',
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      });
      answer = await (this.options.fetch ?? fetch)(this.root + path, {
        method,
        ...sent,
        // A redirect would carry the body to wherever it points.
        redirect: 'manual',
        signal: cut.signal,
      });
      // Whoever reads a stream ends it, not the time for the answer.
      if (answer.ok && as === 'stream') return answer.body as T;
      if (answer.ok && as === 'file') return fileIn(answer.headers, await answer.blob()) as T;
      text = await answer.text();
    } catch (cause) {
      if (cause instanceof GuestManagerError) throw cause;
      throw new GuestNetworkError('client.no_answer', 0, 'The service did not answer.', null, cause);
    } finally {
      clearTimeout(timer);
      if (as !== 'stream') signal?.removeEventListener('abort', abort);
    }
    const value = parsed(text);
    if (!answer.ok) throw errorOf(answer.status, value, retryAfterMs(answer.headers.get('retry-after')));
    if (value === undefined && as !== 'nothing')
      throw new GuestManagerError('client.not_json', answer.status, 'What answered does not seem to be the service.');
    return value as T;
  }

  /** Whoever gives tokens is waited for as long as the service itself. */
  private async bearer(cut: AbortSignal): Promise<string> {
    const { token } = this.options;
    if (typeof token === 'string') return token;
    const cutOff = new Promise<never>((_, reject) =>
      cut.addEventListener('abort', () => reject(new Error('no token'))),
    );
    try {
      return await Promise.race([token(), cutOff]);
    } catch (cause) {
      if (cut.aborted) throw cause;
      throw new GuestUnauthenticatedError('client.no_token', 0, 'No token could be had.', null, cause);
    }
  }
}

/** Body and headers as they go out. What no attempt could send is the caller's to mend. */
function sendable(body: unknown, headers: Record<string, string>): Pick<RequestInit, 'body' | 'headers'> {
  try {
    new Headers(headers);
    return { headers, ...(body === undefined ? {} : { body: isFile(body) ? body : JSON.stringify(body) }) };
  } catch {
    throw notSendable();
  }
}

/** 128 random bits. `randomUUID` is missing where a page was not loaded over https. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Seconds, or the moment itself (RFC 9110 §10.2.3). */
function retryAfterMs(header: string | null): number {
  const given = header ?? '';
  const ms = /^\d+$/.test(given) ? Number(given) * 1_000 : Date.parse(given) - Date.now();
  return ms > 0 ? ms : 0;
}
