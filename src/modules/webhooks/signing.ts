import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/** The spec asks for 24 to 64 random bytes. */
export const SECRET_BYTES = 32;

/** A secret as the spec writes it: `whsec_` and base64. */
export const secretOf = (random: Buffer): string => PREFIX + random.toString('base64');

/** Whole seconds since 1970, as `webhook-timestamp` and the signature have it. */
export const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000);

/** `v1,` and the HMAC-SHA-256 of `id.timestamp.body` in base64 (Standard Webhooks 1.0.0, "Signature scheme"). */
export function signature(secret: string, id: string, at: Date, body: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key)
    .update(`${id}.${seconds(at)}.${body}`)
    .digest('base64')}`;
}

/** The headers of one attempt. While a secret is being rotated both sign, and whoever knows either can verify. */
export const signedHeaders = (
  secrets: readonly string[],
  id: string,
  at: Date,
  body: string,
): Record<string, string> => ({
  'content-type': 'application/json',
  'webhook-id': id,
  'webhook-timestamp': String(seconds(at)),
  'webhook-signature': secrets.map((secret) => signature(secret, id, at, body)).join(' '),
});
