import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { arrivalOf } from '../../arrival.js';
import { RateWindow } from '../rate-window.js';
import { Refusal } from '../../refusal.js';
import { account } from '../account.js';

type Token = { readonly value: string; expiresAt: number; readonly window: RateWindow };

/** The access tokens handed out. */
export class AccessTokens {
  private tokens = new Map<string, Token>();

  constructor(
    /** How long the next one lives. */
    private readonly seconds: () => number,
    private readonly requestsPerMinute: () => number | null,
  ) {}

  issue(): { readonly value: string; readonly seconds: number } {
    this.prune();
    const value = randomBytes(48).toString('base64url');
    const seconds = this.seconds();
    this.tokens.set(value, {
      value,
      expiresAt: Date.now() + seconds * 1000,
      window: new RateWindow(this.requestsPerMinute, 60_000),
    });
    return { value, seconds };
  }

  /** The live token of an `Authorization` header; anything else is a 401. */
  require(authorization: string | undefined): Token {
    const value = bearer(authorization);
    if (value === null)
      throw new Refusal(
        401,
        'authentication.required',
        'No authentication bearer token specified in authorization header.',
      );
    const token = this.tokens.get(value);
    if (token === undefined || token.expiresAt <= Date.now())
      throw new Refusal(401, 'bad.credentials', 'Invalid login credentials.');
    return token;
  }

  expire(value: string | null): void {
    if (value !== null) this.tokens.delete(value);
  }

  /** Ends every token; answers how many were alive. */
  expireAll(): number {
    this.prune();
    const alive = this.tokens.size;
    this.tokens.clear();
    return alive;
  }

  private prune(): void {
    const now = Date.now();
    for (const token of this.tokens.values()) if (token.expiresAt <= now) this.tokens.delete(token.value);
  }
}

/** The token of a bearer header, or null. */
export function bearer(authorization: string | undefined): string | null {
  return /^bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1] ?? null;
}

/** `POST /oauth/token`: the client credentials grant (RFC 6749 §4.4), the only one a server without users needs. */
export function oauthRoutes(app: FastifyInstance, tokens: AccessTokens): void {
  app.post('/oauth/token', async (request, reply) => {
    const basic = /^basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (basic === undefined) return refuse(reply, 400, 'invalid_request', 'basic authentication is required');
    const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '');
    if (form.get('grant_type') !== 'client_credentials')
      return refuse(reply, 400, 'unsupported_grant_type', 'only client_credentials is supported');
    const [id, secret] = splitOnce(Buffer.from(basic, 'base64').toString('utf8'));
    if (id !== account.clientId)
      return refuse(reply, 400, 'invalid_client', 'client not found: the client id is unknown');
    if (secret !== account.clientSecret) return refuse(reply, 401, 'invalid_client', 'authentication failed');
    const token = tokens.issue();
    // Short life on demand: the next use of this token is already too late.
    if (arrivalOf(request).effect?.expireToken) tokens.expire(token.value);
    return { access_token: token.value, token_type: 'bearer', expires_in: token.seconds };
  });
}

function refuse(reply: FastifyReply, status: number, error: string, description: string): FastifyReply {
  return reply.code(status).send({ error, description, error_description: description });
}

function splitOnce(pair: string): [string, string] {
  const at = pair.indexOf(':');
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)];
}
