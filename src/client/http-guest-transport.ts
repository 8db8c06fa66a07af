import { errorOf, GuestManagerError, GuestUnavailableError, withEtag } from './errors.js';
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
import type { GuestTransport, Intention, UpdateCondition } from './guest-transport.js';

export type HttpOptions = {
  /** Where the service listens, without `/v1`: `https://guests.example.com`. */
  readonly baseUrl: string;
  /** Sent as a bearer token. A function is asked before every attempt, for tokens that do not live long. */
  readonly token: string | (() => string | Promise<string>);
  /** Used in place of the global one. */
  readonly fetch?: typeof fetch;
  /** How long one attempt may take; 10 seconds unless given. */
  readonly timeoutMs?: number;
};

type Call = { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };

const MOST_TRIES = 3;
/** The wait after the first try is a random part of this, doubled with every further one: full jitter. */
const FIRST_WAIT_MS = 250;
/** Who is asked to wait longer than this is told so instead. */
const PATIENCE_MS = 30_000;

/** Reaches the service over its REST API, from Node as from a browser. Keeps nothing of what it sends. */
export class HttpGuestTransport implements GuestTransport {
  private readonly root: string;

  constructor(private readonly options: HttpOptions) {
    this.root = options.baseUrl.replace(/\/+$/, '');
  }

  async create(wanted: WantedGuest, intention?: Intention): Promise<Guest> {
    return withEtag(await this.post('/v1/guests', wanted, intention));
  }

  async get(id: string): Promise<Guest> {
    return withEtag(await this.call('GET', guestPath(id)));
  }

  async update(id: string, changes: GuestChanges, condition: UpdateCondition): Promise<Guest> {
    const strict = 'etag' in condition;
    const path = guestPath(id) + (strict ? '' : queryOf({ base: condition.base }));
    const headers = { 'content-type': 'application/merge-patch+json', 'if-match': strict ? condition.etag : '*' };
    return withEtag(await this.call('PATCH', path, { body: changes, headers }));
  }

  async close(id: string): Promise<Guest> {
    return withEtag(await this.post(`${guestPath(id)}/close`));
  }

  metrics(id: string): Promise<EngagementMetrics> {
    return this.call('GET', `${guestPath(id)}/metrics`);
  }

  sendMessage(id: string, text: string, intention?: Intention): Promise<Message> {
    return this.post(`${guestPath(id)}/messages`, { text }, intention);
  }

  messages(id: string, query: PageQuery = {}): Promise<Page<Message>> {
    return this.call('GET', `${guestPath(id)}/messages${queryOf(query)}`);
  }

  auditEntries(id: string, query: PageQuery = {}): Promise<Page<AuditEntry>> {
    return this.call('GET', `/v1/audit/entries${queryOf({ subject: `guest:${id}`, ...query })}`);
  }

  /** One key for all attempts, so that a repeated request is carried out once. */
  private post<T>(path: string, body?: unknown, { idempotencyKey = crypto.randomUUID() }: Intention = {}): Promise<T> {
    return this.call('POST', path, { body, headers: { 'idempotency-key': idempotencyKey } });
  }

  /** Tries again what may pass. Changes may be repeated too: the service takes one that is in place already for done. */
  private async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.attempt<T>(method, path, call);
      } catch (error) {
        const passing = error instanceof GuestUnavailableError && error.retryAfterMs <= PATIENCE_MS;
        if (!passing || tries === MOST_TRIES) throw error;
        const jitter = Math.random() * FIRST_WAIT_MS * 2 ** (tries - 1);
        await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs + jitter));
      }
    }
  }

  private async attempt<T>(method: string, path: string, { body, headers }: Call): Promise<T> {
    const { token, timeoutMs = 10_000 } = this.options;
    const bearer = typeof token === 'string' ? token : await token();
    const init = {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // A redirect would carry the body to wherever it points.
      redirect: 'manual' as const,
      signal: AbortSignal.timeout(timeoutMs),
    };
    let answer: Response;
    let text: string;
    try {
      answer = await (this.options.fetch ?? fetch)(this.root + path, init);
      text = await answer.text();
    } catch (cause) {
      throw new GuestUnavailableError('client.no_answer', 0, 'The service did not answer.', null, cause);
    }
    const value = parsed(text);
    if (!answer.ok) throw errorOf(answer.status, value, retryAfterMs(answer.headers.get('retry-after')));
    if (value === undefined)
      throw new GuestManagerError('client.not_json', answer.status, 'What answered does not seem to be the service.');
    return value as T;
  }
}

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
