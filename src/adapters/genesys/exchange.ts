import { tellRequest, tellUpload } from './calls.js';
import { GenesysFailure } from './genesys-errors.js';
import type { Called } from './genesys-errors.js';

export type Request = {
  readonly called: Called;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly timeoutMs: number;
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
  const { called, method, url, headers, body, timeoutMs } = request;
  if (called === 'files') tellUpload();
  else if (called !== 'api') tellRequest(method, url);
  let response: Response;
  let text: string;
  try {
    const signal = AbortSignal.timeout(timeoutMs);
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
