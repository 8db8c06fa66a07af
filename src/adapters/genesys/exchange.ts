import { tellFileRequest, tellRequest } from './calls.js';
import type { FileContent } from '../../modules/guest/index.js';
import { GenesysFailure, genesysError } from './genesys-errors.js';
import type { Called } from './genesys-errors.js';

export type Request = {
  readonly called: Called;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly timeoutMs: number;
  /** Ends the request before its time. */
  readonly signal?: AbortSignal;
};

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What the JSON said; plain text if it was none; undefined if there was nothing. */
  readonly data: unknown;
};

/** Longest wait Genesys's answers may impose on us; also what we wait when it says 429 and no more. */
const LONGEST_WAIT_MS = 60_000;

/**
 * One request, one answer. Everything but success is a `GenesysFailure`.
 *
 * `fetch` rather than axios, which the SDK brings: an axios error carries the whole request, its `Authorization` header included, into
 * whatever logs it; what `fetch` throws knows only the system error. It also aborts for real, and costs no dependency.
 */
export async function exchange(request: Request): Promise<Answer> {
  const { called, method, url, headers, body, timeoutMs, signal: gone } = request;
  if (called === 'files') tellFileRequest('PUT');
  else if (called !== 'api') tellRequest(method, url);
  let response: Response;
  let text: string;
  try {
    const late = AbortSignal.timeout(timeoutMs);
    const signal = gone === undefined ? late : AbortSignal.any([late, gone]);
    response = await fetch(url, {
      method,
      headers,
      body: (body as string | Uint8Array<ArrayBuffer> | undefined) ?? null,
      signal,
      redirect: 'manual',
    });
    text = await response.text();
  } catch (error) {
    throw new GenesysFailure(called, null, { word: systemWord(error), correlationId: headers['ININ-Correlation-Id'] });
  }
  const answer = { status: response.status, headers: Object.fromEntries(response.headers), data: parsed(text) };
  if (response.ok) return answer;
  throw new GenesysFailure(called, answer.status, {
    word: remoteWord(answer.data),
    correlationId: correlationId(answer.headers['inin-correlation-id']) ?? headers['ININ-Correlation-Id'],
    retryAfterMs: waitMs(answer),
  });
}

/** For the storage to begin; and for a whole file, however slowly whoever reads it does. */
const BEGIN_MS = 10_000;
const WHOLE_FILE_MS = 5 * 60_000;

/** Begins to read a file from a signed address. It is never followed to another, and reading ends when `gone` is aborted. */
export async function download(url: string, gone: AbortSignal): Promise<FileContent> {
  tellFileRequest('GET');
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), BEGIN_MS);
  try {
    const signal = AbortSignal.any([gone, late.signal, AbortSignal.timeout(WHOLE_FILE_MS)]);
    // As it is: packed, it would be longer than it is said to be.
    const response = await fetch(url, { headers: { 'Accept-Encoding': 'identity' }, redirect: 'manual', signal });
    if (response.ok) return { size: sizeOf(response.headers), bytes: bytesOf(response) };
    await response.body?.cancel();
    throw new GenesysFailure('download', response.status, {
      retryAfterMs: retryAfterMs(response.headers.get('retry-after') ?? undefined),
    });
  } catch (error) {
    throw error instanceof GenesysFailure ? error : new GenesysFailure('download', null, { word: systemWord(error) });
  } finally {
    clearTimeout(timer);
  }
}

function sizeOf(headers: Headers): number | null {
  const length = headers.get('content-length') ?? '';
  return /^\d{1,15}$/.test(length) && !headers.has('content-encoding') ? Number(length) : null;
}

async function* bytesOf({ body }: Response): AsyncGenerator<Uint8Array, void> {
  try {
    if (body !== null) yield* body as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw genesysError(new GenesysFailure('download', null, { word: systemWord(error) }));
  }
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function systemWord(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error.name === 'TimeoutError') return 'timeout';
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[A-Z_]{2,40}$/.test(code) ? code : undefined;
}

/** Genesys's own code, if it looks like one: a gateway that echoes what it was sent must not bring a token in by this door. */
function remoteWord(data: unknown): string | undefined {
  const { code } = (typeof data === 'object' && data !== null ? data : {}) as { code?: unknown };
  return typeof code === 'string' && /^[a-z]{1,20}([._][a-z]{1,20}){0,8}$/.test(code) ? code : undefined;
}

const correlationId = (value: string | undefined): string | undefined =>
  value !== undefined && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) ? value : undefined;

/** How long we are told to wait: the largest of what the headers say, else what the message says, else (429) a minute. */
function waitMs({ status, headers, data }: Answer): number | undefined {
  const said = [retryAfterMs(headers['retry-after'])];
  if (status === 429) said.push(seconds(headers['inin-ratelimit-reset']));
  let wait = Math.max(...said.map((ms) => ms ?? -1));
  if (wait < 0 && status === 429) {
    const { message } = (typeof data === 'object' && data !== null ? data : {}) as { message?: unknown };
    const inText = typeof message === 'string' ? /\[?(\d{1,6})\]?\s*seconds?\b/i.exec(message)?.[1] : undefined;
    wait = seconds(inText) ?? LONGEST_WAIT_MS;
  }
  return wait < 0 ? undefined : Math.min(wait, LONGEST_WAIT_MS);
}

const seconds = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,9}(\.\d+)?$/.test(value) ? Math.ceil(Number(value) * 1000) : undefined;

/** RFC 9110 §10.2.3: seconds, or the date until when. Never longer than anybody would wait. */
export function retryAfterMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const until = Date.parse(value);
  const ms = seconds(value) ?? (Number.isNaN(until) ? undefined : Math.max(0, until - Date.now()));
  return ms === undefined ? undefined : Math.min(ms, LONGEST_WAIT_MS);
}
