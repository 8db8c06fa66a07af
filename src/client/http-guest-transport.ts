import { pause } from './abort.js';
import { GuestManagerError, GuestUnavailableError, withEtag } from './errors.js';
import type {
  Attachment,
  AuditEntry,
  ConsentReceipt,
  ConsentRecord,
  Decision,
  EngagementMetrics,
  Erasure,
  AttachmentContent,
  FileToSend,
  Guest,
  GuestChanges,
  LiveEvent,
  Message,
  Page,
  PageQuery,
  WantedGuest,
  WantedWidgetToken,
  WidgetToken,
  Words,
} from './guest.js';
import type {
  CallOptions,
  EraseOptions,
  FollowOptions,
  GuestTransport,
  Intention,
  UpdateCondition,
} from './guest-transport.js';
import { dispositionOf } from './files.js';
import { HttpCalls } from './http-calls.js';
import type { HttpOptions } from './http-calls.js';
import { eventsIn } from './live-events.js';

/** A stream says something every 15 seconds. */
const SILENCE_MS = 40_000;
/** One that breaks is opened again after a random part of this, so that many do not come back together. */
const REOPEN_MS = 1_000;

/** Reaches the service over its REST API, from Node as from a browser. Keeps nothing of what it sends. */
export class HttpGuestTransport implements GuestTransport {
  private readonly calls: HttpCalls;

  constructor(options: HttpOptions) {
    this.calls = new HttpCalls(options);
  }

  async create(wanted: WantedGuest, intention?: Intention): Promise<Guest> {
    return withEtag(await this.calls.once('POST', '/v1/guests', intention, wanted));
  }

  async get(id: string, options?: CallOptions): Promise<Guest> {
    return withEtag(await this.calls.call('GET', guestPath(id), options));
  }

  async update(id: string, changes: GuestChanges, condition: UpdateCondition, intention?: Intention): Promise<Guest> {
    const strict = 'etag' in condition;
    const path = guestPath(id) + (strict ? '' : queryOf({ base: condition.base ?? undefined }));
    const headers = { 'content-type': 'application/merge-patch+json', 'if-match': strict ? condition.etag : '*' };
    return withEtag(await this.calls.once('PATCH', path, intention, changes, headers));
  }

  async close(id: string, intention?: Intention): Promise<Guest> {
    return withEtag(await this.calls.once('POST', `${guestPath(id)}/close`, intention));
  }

  erase(id: string, { etag, ...options }: EraseOptions = {}): Promise<Erasure> {
    const headers = etag === undefined ? {} : { 'if-match': etag };
    return this.calls.call('DELETE', guestPath(id), { ...options, headers });
  }

  erasure(id: string, options?: CallOptions): Promise<Erasure> {
    return this.calls.call('GET', `/v1/erasures/${encodeURIComponent(id)}`, options);
  }

  metrics(id: string, options?: CallOptions): Promise<EngagementMetrics> {
    return this.calls.call('GET', `${guestPath(id)}/metrics`, options);
  }

  sendMessage(id: string, words: Words, intention?: Intention): Promise<Message> {
    const body = typeof words === 'string' ? { text: words } : words;
    return this.calls.once('POST', `${guestPath(id)}/messages`, intention, body);
  }

  type(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('POST', `${guestPath(id)}/typing`, { ...options, as: 'nothing' });
  }

  addAttachment(id: string, file: FileToSend, intention?: Intention): Promise<Attachment> {
    const { fileName, mediaType = 'application/octet-stream', content } = file;
    return this.calls.once('POST', `${guestPath(id)}/attachments`, intention, content, {
      'content-type': mediaType,
      'content-disposition': dispositionOf(fileName),
    });
  }

  attachment(id: string, attachmentId: string, options?: CallOptions): Promise<Attachment> {
    return this.calls.call('GET', attachmentPath(id, attachmentId), options);
  }

  attachmentContent(id: string, attachmentId: string, options?: CallOptions): Promise<AttachmentContent> {
    return this.calls.call('GET', `${attachmentPath(id, attachmentId)}/content`, { ...options, as: 'file' });
  }

  async *follow(id: string, options: FollowOptions = {}): AsyncGenerator<LiveEvent, void, undefined> {
    const { signal } = options;
    let last = options.lastEventId;
    while (!signal?.aborted) {
      const cut = new AbortController();
      const end = (): void => cut.abort();
      signal?.addEventListener('abort', end);
      let silence = setTimeout(end, SILENCE_MS);
      try {
        const headers = last === undefined ? {} : { 'last-event-id': last };
        const call = { headers, signal: cut.signal, as: 'stream' } as const;
        const body = await this.calls.call<ReadableStream<Uint8Array> | null>('GET', `${guestPath(id)}/events`, call);
        // The event it was to go on after was the last.
        if (body === null) return;
        const alive = (): void => {
          clearTimeout(silence);
          silence = setTimeout(end, SILENCE_MS);
        };
        for await (const event of eventsIn(body, alive)) {
          last = event.id ?? last;
          yield event;
          if (event.event === 'closed') return;
        }
      } catch (error) {
        // A stream that breaks, or that nobody can open now, is opened again; anything else is for the caller.
        if (error instanceof GuestManagerError && !(error instanceof GuestUnavailableError) && !cut.signal.aborted)
          throw error;
      } finally {
        clearTimeout(silence);
        signal?.removeEventListener('abort', end);
        end();
      }
      await pause(Math.random() * REOPEN_MS, signal);
    }
  }

  messages(id: string, query: PageQuery = {}, options?: CallOptions): Promise<Page<Message>> {
    return this.calls.call('GET', `${guestPath(id)}/messages${queryOf(query)}`, options);
  }

  recordConsent(id: string, decision: Decision, intention?: Intention): Promise<ConsentRecord> {
    return this.calls.once('POST', `${guestPath(id)}/consents`, intention, decision);
  }

  consents(id: string, query: PageQuery = {}, options?: CallOptions): Promise<Page<ConsentRecord>> {
    return this.calls.call('GET', `${guestPath(id)}/consents${queryOf(query)}`, options);
  }

  consentReceipt(id: string, consentId: string, options?: CallOptions): Promise<ConsentReceipt> {
    return this.calls.call('GET', `${guestPath(id)}/consents/${encodeURIComponent(consentId)}/receipt`, options);
  }

  makeWidgetToken(id: string, wanted: WantedWidgetToken, intention?: Intention): Promise<WidgetToken> {
    return this.calls.once('POST', `${guestPath(id)}/widget-tokens`, intention, wanted);
  }

  revokeWidgetTokens(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('DELETE', `${guestPath(id)}/widget-tokens`, { ...options, as: 'nothing' });
  }

  auditEntries(id: string, query: PageQuery = {}, options?: CallOptions): Promise<Page<AuditEntry>> {
    return this.calls.call('GET', `/v1/audit/entries${queryOf({ subject: `guest:${id}`, ...query })}`, options);
  }
}

const guestPath = (id: string): string => `/v1/guests/${encodeURIComponent(id)}`;

const attachmentPath = (id: string, attachmentId: string): string =>
  `${guestPath(id)}/attachments/${encodeURIComponent(attachmentId)}`;

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ''
    : `?${given.map(([name, value]) => `${name}=${encodeURIComponent(value!)}`).join('&')}`;
}
