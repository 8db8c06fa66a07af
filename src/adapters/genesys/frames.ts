import type { Attributes, HeardFile, OutgoingFile } from '../../modules/guest/index.js';

/** A frame of the guest socket, as far as it is the same for all. `type` says nothing reliable; `class` and `code` do. */
export type Frame = {
  readonly class: string;
  readonly code: number;
  readonly tracingId: string | null;
  readonly body: unknown;
};

/** Null for what is no frame at all. */
export function readFrame(text: string): Frame | null {
  let frame: Fields;
  try {
    frame = fields(JSON.parse(text));
  } catch {
    return null;
  }
  const { class: name, code, tracingId, body } = frame;
  if (typeof name !== 'string') return null;
  return { class: name, code: typeof code === 'number' ? code : 200, tracingId: stringOr(tracingId, null), body };
}

const ERRORS: ReadonlySet<string> = new Set([
  ...['TooManyRequestsErrorMessage', 'ErrorMessage', 'Error'],
  ...['GenerateUrlError', 'UploadFailureEvent'],
]);

/** Of an error frame, or null when the frame is none: by its code, or by the code an error's object body carries. */
export function readError(frame: Frame): { readonly code: number; readonly retryAfterMs?: number } | null {
  const { errorCode, retryAfter } = fields(frame.body);
  const isError = frame.code >= 400 || ERRORS.has(frame.class);
  if (!isError) return null;
  const code = frame.code === 200 || frame.code === 400 ? numberOr(errorCode, frame.code) : frame.code;
  return {
    code: code === 200 ? 5000 : code === 403 && isLapse(frame.body) ? 401 : code,
    ...(typeof retryAfter === 'number' ? { retryAfterMs: Math.max(0, retryAfter * 1000) } : {}),
  };
}

/** That a guest has to sign in again is said with 403 as well, and only the words tell it from a feature that is off. */
const isLapse = (body: unknown): boolean =>
  /^(Session authentication failed|Try to authenticate again)/.test(stringOr(body, ''));

export type SessionFrame = {
  readonly connected: boolean;
  readonly newSession: boolean;
  readonly readOnly: boolean;
  readonly maxCustomDataBytes: number | null;
  readonly expiresAt: Date | null;
};

export function readSession(body: unknown): SessionFrame {
  const { connected, newSession, readOnly, maxCustomDataBytes, expirationDate } = fields(body);
  return {
    connected: connected !== false,
    newSession: newSession === true,
    readOnly: readOnly === true,
    maxCustomDataBytes: numberOr(maxCustomDataBytes, null),
    expiresAt: fromSeconds(expirationDate),
  };
}

/** What the answer to a health check says of the session's end: there, numbers are texts. */
export const readExpiry = (body: unknown): Date | null =>
  fromSeconds(Number(fields(fields(body)['metadata'])['expirationDate']));

const fromSeconds = (value: unknown): Date | null =>
  typeof value === 'number' && value > 0 && value < 1e11 ? new Date(value * 1000) : null;

/** What was said in a session, live or from its history: both have one shape. */
export type GuestMessage = {
  /** What the conversation is looked up by. */
  readonly id: string;
  /** A guest's own message has an id of its channel; history shows it under that one. Bots' messages have none. */
  readonly key: string;
  readonly from: 'guest' | 'agent' | 'bot';
  readonly isText: boolean;
  readonly text: string;
  readonly attachments: readonly HeardFile[];
  /** Null when Genesys does not say. */
  readonly at: Date | null;
  /** `Join`, `Disconnect`, `Clear` … */
  readonly presence: readonly string[];
  /** For how long to show that they type, in milliseconds; 0 when they have stopped, null when this is about something else. */
  readonly typingMs: number | null;
  /** Kinds of events in it that mean nothing to us: `CoBrowse`, `Video`, `Reactions`, signing in, and whatever comes next. */
  readonly unknownEvents: readonly string[];
  /** The other side ended the conversation for reading only. */
  readonly readOnly: boolean;
};

/** What Genesys usually says, and more than anybody would believe. */
const TYPING_MS = 5_000;
const LONGEST_TYPING_MS = 60_000;

const KNOWN_PRESENCE: ReadonlySet<string> = new Set(['Join', 'Disconnect', 'Clear', 'SessionExpired']);

/** Null when it has no id: nothing could be done with it. */
export function readMessage(body: unknown): GuestMessage | null {
  const { id, type, direction, text, content, channel, events, originatingEntity, metadata } = fields(body);
  if (typeof id !== 'string') return null;
  const { time, messageId } = fields(channel);
  const at = typeof time === 'string' ? new Date(time) : null;
  const presence = list(events).flatMap((event) => {
    const { eventType, presence: told } = fields(event);
    return eventType === 'Presence' ? [stringOr(fields(told)['type'], 'unreadable')] : [];
  });
  return {
    id,
    key: stringOr(messageId, id),
    from: direction === 'Inbound' ? 'guest' : originatingEntity === 'Human' ? 'agent' : 'bot',
    isText: type === 'Text' || type === 'Structured',
    text: stringOr(text, ''),
    attachments: list(content).flatMap((each) => readAttachment(fields(each)['attachment']) ?? []),
    at: at === null || Number.isNaN(at.getTime()) ? null : at,
    presence,
    unknownEvents: [
      ...presence.filter((each) => !KNOWN_PRESENCE.has(each)),
      ...list(events).flatMap((event) => {
        const { eventType } = fields(event);
        return eventType === 'Presence' || eventType === 'Typing' ? [] : [stringOr(eventType, 'unreadable')];
      }),
    ],
    typingMs: typingMs(list(events)),
    readOnly: fields(metadata)['readOnly'] === 'true',
  };
}

/** An `Attachment` of the official mobile SDK, which counts its bytes in 32 bits as we do. Its `mediaType` is one of Genesys's own (`Image`); the one of IANA's is `mime`. */
function readAttachment(attachment: unknown): HeardFile | null {
  const { id, filename, mime, fileSize, url } = fields(attachment);
  if (typeof id !== 'string') return null;
  return {
    ...{ id, fileName: stringOr(filename, null), mediaType: stringOr(mime, null), url: stringOr(url, null) },
    size: typeof fileSize === 'number' && fileSize >= 0 && (fileSize | 0) === fileSize ? fileSize : null,
  };
}

/** `{"eventType":"Typing","typing":{"type":"On","duration":5000}}`, in milliseconds; `durationMs` is met as well, and either may be missing. */
function typingMs(events: readonly unknown[]): number | null {
  const event = events.map(fields).findLast(({ eventType }) => eventType === 'Typing');
  if (event === undefined) return null;
  const { type, duration, durationMs } = fields(event['typing']);
  if (type !== 'On') return 0;
  return Math.min(Math.max(0, Math.round(numberOr(duration, numberOr(durationMs, TYPING_MS)))), LONGEST_TYPING_MS);
}

/** The token a guest's own history is read with. */
export const readJwt = (body: unknown): string | null => stringOr(fields(body)['jwt'], null);

/** What somebody who signs in is given; the first of the two alone when it is renewed. */
export function readSignIn(data: unknown): { readonly jwt: string; readonly refreshToken: string | null } | null {
  const { jwt, refreshToken } = fields(data);
  return typeof jwt === 'string' ? { jwt, refreshToken: stringOr(refreshToken, null) } : null;
}

/** One page of history: newest first. */
export function readHistory(data: unknown): { readonly messages: readonly GuestMessage[]; readonly isLast: boolean } {
  const { entities, pageNumber, pageCount } = fields(data);
  const found = list(entities);
  return {
    messages: found.flatMap((entity) => readMessage(entity) ?? []),
    isLast: found.length === 0 || numberOr(pageNumber, 1) >= numberOr(pageCount, Infinity),
  };
}

/** Asks whether the session lives. Its answer looks like a message of the guest's, and is told from one by this tracing id alone. */
export const HEALTH_CHECK = 'health-check';
export const healthCheck = (token: string): { action: string; token: string; tracingId: string; message: object } => ({
  ...{ action: 'echo', token, tracingId: HEALTH_CHECK },
  message: { type: 'Text', text: 'ping' },
});

/** A message that holds only files goes without type and text, as the official browser client sends it. */
export const textMessage = (
  text: string,
  attributes: Attributes | null,
  attachmentIds: readonly string[] = [],
): object => ({
  ...(text === '' ? {} : { type: 'Text', text }),
  ...(attachmentIds.length === 0
    ? {}
    : { content: attachmentIds.map((id) => ({ contentType: 'Attachment', attachment: { id } })) }),
  ...channelOf(attributes),
});

export const joinMessage = (attributes: Attributes | null): object => ({
  type: 'Event',
  events: [{ eventType: 'Presence', presence: { type: 'Join' } }],
  ...channelOf(attributes),
});

/** Whose journey it is: the guest's. The token, which is the alternative, would be shown in analytics. */
export const journeyContext = (guestId: string) => ({
  customer: { id: guestId, idType: 'cookie' },
  customerSession: { id: '', type: 'web' },
});

/** Announces a file, and asks where to put it. */
export const fileAnnouncement = (token: string, { id, fileName, mediaType, bytes }: OutgoingFile) => ({
  ...{ action: 'onAttachment', token, attachmentId: id, fileName, fileType: mediaType, fileSize: bytes.length },
  errorsAsJson: true,
});

/** Asks where a file can be had now. */
export const fileQuestion = (token: string, attachmentId: string) => ({
  ...{ action: 'getAttachment', token, attachmentId },
});

/** Where a file is to be put or had, and with which headers exactly. Null when that cannot be read. */
export function readPresigned(
  body: unknown,
): { readonly url: string; readonly headers: Readonly<Record<string, string>> } | null {
  const { url, headers } = fields(body);
  const known = Object.entries(fields(headers)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return typeof url === 'string' ? { url, headers: Object.fromEntries(known) } : null;
}

/** The file that an upload's end is about, and where it can be had. */
export const readUploaded = (body: unknown): { readonly id: string; readonly url: string | null } => ({
  id: stringOr(fields(body)['attachmentId'], ''),
  url: stringOr(fields(body)['downloadUrl'], null),
});

export const clearMessage = (): object => ({
  type: 'Event',
  events: [{ eventType: 'Presence', presence: { type: 'Clear' } }],
});

export const typingMessage = (): object => ({
  type: 'Event',
  events: [{ eventType: 'Typing', typing: { type: 'On' } }],
});

/** Where the official mobile and browser clients put custom attributes. */
const channelOf = (attributes: Attributes | null): object =>
  attributes === null ? {} : { channel: { metadata: { customAttributes: attributes } } };

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const stringOr = <T>(value: unknown, other: T): string | T => (typeof value === 'string' ? value : other);
const numberOr = <T>(value: unknown, other: T): number | T => (typeof value === 'number' ? value : other);
