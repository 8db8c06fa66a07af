import * as standard from '../../kernel/signature.js';

export { secretOf, seconds } from '../../kernel/signature.js';

/** The spec asks for 24 to 64 random bytes. */
export const SECRET_BYTES = 32;

export const signature = (secret: string, id: string, at: Date, body: string): string =>
  standard.signature(secret, id, standard.seconds(at), body);

/** The headers of one attempt. While a secret is being rotated both sign, and whoever knows either can verify. */
export const signedHeaders = (
  secrets: readonly string[],
  id: string,
  at: Date,
  body: string,
): Record<string, string> => ({
  'content-type': 'application/json',
  'webhook-id': id,
  'webhook-timestamp': String(standard.seconds(at)),
  'webhook-signature': secrets.map((secret) => signature(secret, id, at, body)).join(' '),
});
