import { aborted, pause } from './abort.js';
import {
  errorOf,
  GuestManagerError,
  GuestNetworkError,
  GuestUnauthenticatedError,
  GuestUnavailableError,
  withEtag,
} from './errors.js';
import type {
  AuditEntry,
  EngagementMetrics,
  Guest,
  GuestChanges,
  Message,
  Page,
  PageQuery,
  WantedGuest,
} from './guest.js';
import type { CallOptions, GuestTransport, Intention, UpdateCondition } from './guest-transport.js';

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

type Call = CallOptions & { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };

const MOST_TRIES = 3;
/** The wait after the first try is a random part of this, doubled with every further one: full jitter. */
const FIRST_WAIT_MS = 250;

/** Reaches the service over its REST API, from Node as from a browser. Keeps nothing of what it sends. */
export class HttpGuestTransport implements GuestTransport {
  private readonly root: string;

  constructor(private readonly options: HttpOptions) {
    this.root = options.baseUrl.replace(/\/+$/, '');
  }

  async create(wanted: WantedGuest, intention?: Intention): Promise<Guest> {
    return withEtag(await this.once('POST', '/v1/guests', intention, wanted));
  }

  async get(id: string, options?: CallOptions): Promise<Guest> {
    return withEtag(await this.call('GET', guestPath(id), options));
  }

  async update(id: string, changes: GuestChanges, condition: UpdateCondition, intention?: Intention): Promise<Guest> {
    const strict = 'etag' in condition;
    const path = guestPath(id) + (strict ? '' : queryOf({ base: condition.base ?? undefined }));
    const headers = { 'content-type': 'application/merge-patch+json', 'if-match': strict ? condition.etag : '*' };
    return withEtag(await this.once('PATCH', path, intention, changes, headers));
  }

  async close(id: string, intention?: Intention): Promise<Guest> {
    return withEtag(await this.once('POST', `${guestPath(id)}/close`, intention));
  }

  metrics(id: string, options?: CallOptions): Promise<EngagementMetrics> {
    return this.call('GET', `${guestPath(id)}/metrics`, options);
  }

  sendMessage(id: string, text: string, intention?: Intention): Promise<Message> {
    return this.once('POST', `${guestPath(id)}/messages`, intention, { text });
  }

  messages(id: string, query: PageQuery = {}, options?: CallOptions): Promise<Page<Message>> {
    return this.call('GET', `${guestPath(id)}/messages${queryOf(query)}`, options);
  }

  auditEntries(id: string, query: PageQuery = {}, options?: CallOptions): Promise<Page<AuditEntry>> {
    return this.call('GET', `/v1/audit/entries${queryOf({ subject: `guest:${id}`, ...query })}`, options);
  }

  /** One key for all attempts, so that a repeated request is carried out once. */
  private once<T>(
    method: string,
    path: string,
    { idempotencyKey = randomKey(), ...options }: Intention = {},
    body?: unknown,
    headers?: Call['headers'],
  ): Promise<T> {
    return this.call(method, path, { ...options, body, headers: { 'idempotency-key': idempotencyKey, ...headers } });
  }

  /** Tries again what may pass, for as long as there is time. */
  private async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
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
    const { body, headers, signal } = call;
    const cut = new AbortController();
    const abort = (): void => cut.abort();
    const timer = setTimeout(abort, Math.min(this.options.timeoutMs ?? 10_000, leftMs));
    signal?.addEventListener('abort', abort);
    let answer: Response;
    let text: string;
    try {
      const bearer = await this.bearer(cut.signal);
      answer = await (this.options.fetch ?? fetch)(this.root + path, {
        method,
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${bearer}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        // A redirect would carry the body to wherever it points.
        redirect: 'manual',
        signal: cut.signal,
      });
      text = await answer.text();
    } catch (cause) {
      if (cause instanceof GuestManagerError) throw cause;
      throw new GuestNetworkError('client.no_answer', 0, 'The service did not answer.', null, cause);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
    const value = parsed(text);
    if (!answer.ok) throw errorOf(answer.status, value, retryAfterMs(answer.headers.get('retry-after')));
    if (value === undefined)
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

/** 128 random bits. `randomUUID` is missing where a page was not loaded over https. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const guestPath = (id: string): string => `/v1/guests/${encodeURIComponent(id)}`;

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ''
    : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join('&')}`;
}

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
