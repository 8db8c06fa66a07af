import { isObject } from './json.js';

const REDACTED = '[redacted]';
const DEEPEST = 64;
const secretHeaders = new Set(['authorization', 'proxy-authorization', 'cookie', 'x-api-key']);
const secretField = /^(token|(access|refresh|resume|id)_?token|jwt|(client_?)?secret|password|code_?verifier)$/i;
const secretParameter = /\b((?:client_secret|password|code|code_verifier|(?:\w+_)?token|jwt)=)[^&\s]*/gi;
const jsonWebToken = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

/** Headers with credentials taken out; the scheme stays, because "Basic or Bearer" is worth seeing. */
export function redactHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    const scheme = /^(basic|bearer)\s/i.exec(text)?.[1];
    seen[name] = !secretHeaders.has(name) ? text : scheme === undefined ? REDACTED : `${scheme} ${REDACTED}`;
  }
  return seen;
}

/**
 * A body with credentials taken out. A guest token is a credential wherever it stands: the official clients repeat it as
 * `journeyContext.customer.id`, so what the body itself names as its token is hidden everywhere in it.
 */
export function redactBody(body: unknown): unknown {
  const { token: own, oauth } = isObject(body) ? body : {};
  const named = own ?? (isObject(oauth) ? oauth['code'] : null);
  const token = typeof named === 'string' && named.length >= 8 ? named : null;
  return redact(body, token, 0);
}

function redact(value: unknown, token: string | null, depth: number): unknown {
  if (typeof value === 'string') return redactText(value, token);
  if (typeof value !== 'object' || value === null) return value;
  // Nothing honest is nested so deep, and what is must not overflow the stack.
  if (depth === DEEPEST) return '[too deep]';
  if (Array.isArray(value)) return value.map((each) => redact(each, token, depth + 1));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) =>
      secretField.test(name) && typeof inner === 'string' ? [name, REDACTED] : [name, redact(inner, token, depth + 1)],
    ),
  );
}

/** Text with credentials taken out: form fields, query parameters and JSON web tokens. */
export function redactText(text: string, token: string | null = null): string {
  const visible = text.replace(secretParameter, `$1${REDACTED}`).replace(jsonWebToken, REDACTED);
  return token === null ? visible : visible.replaceAll(token, REDACTED);
}
