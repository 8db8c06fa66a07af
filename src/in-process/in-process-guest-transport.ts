import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { abortable, aborted } from '../client/abort.js';
import { errorOf, GuestManagerError, withEtag } from '../client/errors.js';
import type {
  AuditEntry,
  CallOptions,
  EngagementMetrics,
  Guest,
  GuestChanges,
  GuestTransport,
  Intention,
  Message,
  Page,
  PageQuery,
  UpdateCondition,
  WantedGuest,
} from '../client/index.js';
import { requireIfMatch } from '../http/etag.js';
import { bodyTooLarge } from '../http/http.errors.js';
import { IdPath } from '../http/id-path.js';
import { digest, Idempotency, idempotencyKey } from '../http/idempotency.js';
import { BODY_LIMIT, parseJsonBody } from '../http/json-body.js';
import { internalProblem, problemOf } from '../http/problem.js';
import { parse, parseQuery } from '../http/validation.js';
import { AppError } from '../kernel/app-error.js';
import { withRunContext } from '../kernel/run-context.js';
import { AuditService, EntriesQuery, entryView } from '../modules/audit/index.js';
import {
  conditionOf,
  CreateGuestBody,
  GuestConflict,
  guestPatch,
  GuestService,
  GuestSettings,
  guestView,
  ListMessagesQuery,
  messagePageView,
  MessageService,
  messageView,
  wordsOf,
  PatchGuestBody,
  PatchQuery,
  SendMessageBody,
  shownConflict,
  wantedGuest,
} from '../modules/guest/index.js';
import { MetricsService } from '../modules/metrics/index.js';

/** What a call in the same process is answered by. */
export type Inside = {
  readonly guests: GuestService;
  readonly messages: MessageService;
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

  metrics(id: string, options: CallOptions = {}): Promise<EngagementMetrics> {
    return this.call(options, () => this.inside.metrics.measure(known(id)));
  }

  sendMessage(id: string, text: string, intention: Intention = {}): Promise<Message> {
    const call = { name: 'send', of: id, asked: text, subject: () => id, intention };
    return this.once(call, async () => {
      const words = wordsOf(parse(SendMessageBody, received({ text })));
      return messageView(await this.inside.messages.send(known(id), words.text)) as Message;
    });
  }

  messages(id: string, query: PageQuery = {}, options: CallOptions = {}): Promise<Page<Message>> {
    return this.call(options, async () => {
      const { cursor, limit = 100 } = parseQuery(ListMessagesQuery, query);
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
    this.logger.error('call failed', { error });
    return errorOf(500, internalProblem().problem, 0);
  }
}

const known = (id: string): string => parse(IdPath, { id }, 'path').id;

/** What would have arrived at the REST API, within its limits. */
function received(value: unknown): unknown {
  const bytes = Buffer.from(JSON.stringify(value));
  if (bytes.length > BODY_LIMIT) throw bodyTooLarge(BODY_LIMIT);
  return parseJsonBody(bytes);
}

const conditionFrom = (given: UpdateCondition): ReturnType<typeof conditionOf> =>
  'etag' in given
    ? conditionOf(requireIfMatch(given.etag))
    : conditionOf('*', given.base === null ? undefined : parseQuery(PatchQuery, { base: String(given.base) }).base);
