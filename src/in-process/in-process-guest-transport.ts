import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { abortable, aborted } from '../client/abort.js';
import { errorOf, GuestManagerError, withEtag } from '../client/errors.js';
import type {
  Attachment,
  AuditEntry,
  CallOptions,
  ConsentReceipt,
  ConsentRecord,
  Decision,
  EngagementMetrics,
  EraseOptions,
  Erasure,
  AttachmentContent,
  FileToSend,
  FollowOptions,
  Guest,
  GuestChanges,
  GuestTransport,
  Intention,
  LiveEvent,
  Message,
  Page,
  UpdateCondition,
  WantedGuest,
  WantedWidgetToken,
  WidgetToken,
  Words,
} from '../client/index.js';
import { answeredAs } from '../http/file-answer.js';
import { PageQuery } from '../http/page-query.js';
import { digest, Idempotency, idempotencyKey } from '../http/idempotency.js';
import { internalProblem, problemOf } from '../http/problem.js';
import { parse, parseQuery } from '../http/validation.js';
import { AppError } from '../kernel/app-error.js';
import { withRunContext } from '../kernel/run-context.js';
import { AuditService, EntriesQuery, entryView } from '../modules/audit/index.js';
import {
  AttachmentPath,
  AttachmentService,
  attachmentView,
  consentPageView,
  ConsentPath,
  ConsentService,
  consentView,
  CreateGuestBody,
  ErasureService,
  erasureView,
  GuestConflict,
  guestPatch,
  GuestService,
  GuestSettings,
  guestView,
  LiveService,
  MakeWidgetTokenBody,
  messagePageView,
  MessageService,
  messageView,
  wordsOf,
  PatchGuestBody,
  RecordConsentBody,
  SendMessageBody,
  shownConflict,
  showingWhatStands,
  signedReceiptView,
  streamEvents,
  wantedConsent,
  wantedGuest,
  WIDGET_TOKEN_SECONDS,
  WidgetTokenService,
  widgetTokenView,
} from '../modules/guest/index.js';
import { MetricsService } from '../modules/metrics/index.js';
import { conditionFrom, fileFrom, known, received } from './received.js';

/** What a call in the same process is answered by. */
export type Inside = {
  readonly guests: GuestService;
  readonly messages: MessageService;
  readonly attachments: AttachmentService;
  readonly live: LiveService;
  readonly consents: ConsentService;
  readonly erasures: ErasureService;
  readonly widgetTokens: WidgetTokenService;
  readonly metrics: MetricsService;
  readonly audit: AuditService;
  readonly settings: GuestSettings;
  readonly idempotency: Idempotency;
};

/** As it stands in log lines and the audit trail. */
const ACTOR = 'in-process';

/**
 * The other driving edge: what `http/` and the controllers do for requests, for calls from the same process. The shapes, the rules, the
 * views and the problems are those of the REST API; scopes are not asked, because whoever shares the process is trusted with it.
 */
export class InProcessGuestTransport implements GuestTransport {
  private readonly logger = new Logger('in-process');

  constructor(private readonly inside: Inside) {}

  async create(wanted: WantedGuest, intention: Intention = {}): Promise<Guest> {
    const { guests, settings } = this.inside;
    const call = { name: 'create', of: null, asked: wanted, subject: (guest: { id: string }) => guest.id, intention };
    return withEtag(
      await this.once(call, async () =>
        guestView(await guests.create(wantedGuest(parse(CreateGuestBody, received(wanted)))), settings),
      ),
    );
  }

  async get(id: string, options: CallOptions = {}): Promise<Guest> {
    const { guests, settings } = this.inside;
    return withEtag(await this.call(options, async () => guestView(await guests.get(known(id)), settings)));
  }

  async update(id: string, changes: GuestChanges, given: UpdateCondition, intention: Intention = {}): Promise<Guest> {
    const { guests, settings } = this.inside;
    const call = { name: 'update', of: id, asked: [changes, given], subject: () => id, intention };
    return withEtag(
      await this.once(call, async () => {
        const patch = guestPatch(parse(PatchGuestBody, received(changes)));
        return guestView(await guests.patch(known(id), patch, conditionFrom(given)), settings);
      }),
    );
  }

  async close(id: string, intention: Intention = {}): Promise<Guest> {
    const { guests, settings } = this.inside;
    const call = { name: 'close', of: id, asked: null, subject: () => id, intention };
    return withEtag(
      await this.once(call, async () => guestView(await guests.close(known(id), { type: 'any' }), settings)),
    );
  }

  erase(id: string, { etag, ...options }: EraseOptions = {}): Promise<Erasure> {
    return this.call(options, async () => {
      const condition = etag === undefined ? ({ type: 'any' } as const) : conditionFrom({ etag });
      return erasureView(await this.inside.erasures.request(known(id), condition));
    });
  }

  erasure(id: string, options: CallOptions = {}): Promise<Erasure> {
    return this.call(options, async () => erasureView(await this.inside.erasures.get(known(id))));
  }

  metrics(id: string, options: CallOptions = {}): Promise<EngagementMetrics> {
    return this.call(options, () => this.inside.metrics.measure(known(id)));
  }

  sendMessage(id: string, words: Words, intention: Intention = {}): Promise<Message> {
    const asked = typeof words === 'string' ? { text: words } : words;
    return this.once({ name: 'send', of: id, asked, subject: () => id, intention }, async () => {
      const { text, attachmentIds } = wordsOf(parse(SendMessageBody, received(asked)));
      return messageView(await this.inside.messages.send(known(id), text, attachmentIds)) as Message;
    });
  }

  type(id: string, options: CallOptions = {}): Promise<void> {
    return this.call(options, () => this.inside.live.types(known(id)));
  }

  async addAttachment(id: string, file: FileToSend, intention: Intention = {}): Promise<Attachment> {
    const asked = await fileFrom(file).catch((error: unknown) => Promise.reject(this.shown(error)));
    return this.once({ name: 'add', of: id, asked, subject: () => id, intention }, async () => {
      const { fileName, mediaType, bytes } = asked;
      return attachmentView(await this.inside.attachments.add(known(id), { fileName, mediaType, bytes })) as Attachment;
    });
  }

  attachment(id: string, attachmentId: string, options: CallOptions = {}): Promise<Attachment> {
    return this.call(options, async () => {
      const path = parse(AttachmentPath, { id, attachmentId }, 'path');
      return attachmentView(await this.inside.attachments.get(path.id, path.attachmentId)) as Attachment;
    });
  }

  attachmentContent(id: string, attachmentId: string, options: CallOptions = {}): Promise<AttachmentContent> {
    return this.call(options, async () => {
      const path = parse(AttachmentPath, { id, attachmentId }, 'path');
      const gone = options.signal ?? new AbortController().signal;
      const { fileName, mediaType, bytes } = await this.inside.attachments.content(path.id, path.attachmentId, gone);
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of bytes) chunks.push(new Uint8Array(chunk));
      const type = answeredAs(mediaType);
      return { fileName, mediaType: type, content: new Blob(chunks, { type }) };
    });
  }

  async *follow(id: string, { lastEventId, signal }: FollowOptions = {}): AsyncGenerator<LiveEvent, void, undefined> {
    const gone = new AbortController();
    const end = (): void => gone.abort();
    signal?.addEventListener('abort', end);
    if (signal?.aborted) return;
    try {
      const follow = () => this.inside.live.follow(known(id), lastEventId ?? null, gone.signal);
      const events = await this.call({}, follow);
      if (events !== null) yield* streamEvents(events) as AsyncGenerator<LiveEvent, void>;
    } finally {
      signal?.removeEventListener('abort', end);
      end();
    }
  }

  recordConsent(id: string, decision: Decision, intention: Intention = {}): Promise<ConsentRecord> {
    const call = { name: 'record', of: id, asked: decision, subject: () => id, intention };
    return this.once(call, async () => {
      const wanted = wantedConsent(parse(RecordConsentBody, received(decision)));
      return consentView(await showingWhatStands(this.inside.consents.record(known(id), wanted)));
    });
  }

  consents(id: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<ConsentRecord>> {
    return this.call(options, async () => {
      const { cursor, limit = 100 } = parseQuery(PageQuery, query);
      return consentPageView(await this.inside.consents.list(known(id), cursor, limit));
    });
  }

  consentReceipt(id: string, consentId: string, options: CallOptions = {}): Promise<ConsentReceipt> {
    return this.call(options, async () => {
      const path = parse(ConsentPath, { id, consentId }, 'path');
      const { receipt, jws } = signedReceiptView(await this.inside.consents.receipt(path.id, path.consentId));
      return { receipt: { ...receipt }, jws };
    });
  }

  makeWidgetToken(id: string, wanted: WantedWidgetToken, intention: Intention = {}): Promise<WidgetToken> {
    const call = { name: 'token', of: id, asked: wanted, subject: () => id, intention };
    return this.once(call, async () => {
      const { origins, expiresIn } = parse(MakeWidgetTokenBody, received(wanted));
      const seconds = expiresIn ?? WIDGET_TOKEN_SECONDS.default;
      return widgetTokenView(await this.inside.widgetTokens.make(known(id), origins, seconds));
    });
  }

  revokeWidgetTokens(id: string, options: CallOptions = {}): Promise<void> {
    return this.call(options, () => this.inside.widgetTokens.revokeAll(known(id)));
  }

  messages(id: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<Message>> {
    return this.call(options, async () => {
      const { cursor, limit = 100 } = parseQuery(PageQuery, query);
      return messagePageView(await this.inside.messages.list(known(id), cursor, limit)) as Page<Message>;
    });
  }

  auditEntries(id: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<AuditEntry>> {
    return this.call(options, async () => {
      const { limit = 100, ...rest } = parseQuery(EntriesQuery, { ...query, subject: `guest:${known(id)}` });
      const page = await this.inside.audit.read({ ...rest, limit });
      return { items: page.items.map((entry) => entryView(entry) as AuditEntry), nextCursor: page.nextCursor };
    });
  }

  /** With a key it is done once and answered alike. Without one it is just done: no answer gets lost on the way from here to here. */
  private once<T>(
    call: {
      readonly name: string;
      readonly of: string | null;
      readonly asked: unknown;
      /** The guest whose data the answer is. */
      readonly subject: (answer: T) => string;
      readonly intention: Intention;
    },
    work: () => Promise<T>,
  ): Promise<T> {
    const { idempotencyKey: key, ...options } = call.intention;
    if (key === undefined) return this.call(options, work);
    return this.call(options, async () => {
      const { answer } = await this.inside.idempotency.once({
        scope: digest([ACTOR, call.name, call.of, idempotencyKey(key)]),
        fingerprint: digest(received({ asked: call.asked })),
        run: async () => {
          const result = await work();
          const kept = { status: 200, headers: {}, body: JSON.stringify(result) };
          return { answer: kept, subject: `guest:${call.subject(result)}` };
        },
      });
      return JSON.parse(answer.body!) as T;
    });
  }

  /** A run of its own, whose failures look as they would over HTTP. */
  private async call<T>({ signal }: CallOptions, work: () => Promise<T>): Promise<T> {
    if (signal?.aborted) throw aborted(signal);
    const run = withRunContext({ id: randomUUID(), actor: ACTOR }, async () => {
      try {
        return await work();
      } catch (error) {
        throw this.shown(error);
      }
    });
    return abortable(run, signal);
  }

  private shown(error: unknown): GuestManagerError {
    const known =
      error instanceof GuestConflict ? shownConflict(error, guestView(error.guest, this.inside.settings)) : error;
    if (known instanceof AppError) {
      const { problem } = problemOf(known);
      return errorOf(problem.status, problem, known.retryAfterMs ?? 0);
    }
    if (known instanceof GuestManagerError) return known;
    this.logger.error('call failed', { error });
    return errorOf(500, internalProblem().problem, 0);
  }
}
