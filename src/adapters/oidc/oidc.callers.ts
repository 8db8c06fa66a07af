import { createHash } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { createRemoteJWKSet, customFetch, decodeJwt, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { Callers } from '../../http/callers.js';
import type { Caller } from '../../http/callers.js';
import { AppError } from '../../kernel/app-error.js';
import type { Clock } from '../../kernel/clock.js';

export type OidcSettings = {
  /** As it stands in `iss`, and where `/.well-known/openid-configuration` is found. */
  readonly issuer: string;
  /** What a token's `aud` has to name. */
  readonly audience: string;
};

export type OidcTimes = {
  /** Milliseconds between two looks for a key we do not know: anybody can name one. */
  readonly cooldownMs?: number;
  /** Milliseconds for which an issuer that could not be asked is not asked again. */
  readonly awayMs?: number;
};

/** Signatures by a key that only the issuer has. `none` proves nothing, and with HS* a public key would pass for the secret (RFC 8725 §2.1, §3.1). */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** How far the issuer's clock and ours may be apart. */
const SKEW_SECONDS = 60;

/** Discovery and keys are asked for one after the other, and no answer of ours takes longer than five seconds. */
const PATIENCE_MS = 2_000;

/** A key the issuer has withdrawn is good here no longer than this. */
const KEYS_MAX_AGE_MS = 10 * 60_000;
const DISCOVERY_MAX_AGE_MS = 60 * 60_000;

const issuerUnavailable = (cause: unknown): AppError =>
  new AppError(
    'unavailable',
    'auth.issuer_unavailable',
    'The access token cannot be checked, because its issuer cannot be asked. Repeat the request.',
    { retryAfterMs: 5_000, cause },
  );

/**
 * Callers known by a JWT access token of one OpenID Connect issuer. Its keys are found by discovery and fetched again when a token names one we
 * have not seen. While the issuer cannot be asked, tokens under keys we have are still checked; for others that is said, and not that they are bad.
 */
export class OidcCallers extends Callers {
  private readonly logger = new Logger('access');
  private discovered: { readonly keys: Promise<JWTVerifyGetKey>; readonly at: number } | undefined;
  private awayUntil = 0;
  private readonly cooldownMs: number;
  private readonly awayMs: number;

  constructor(
    private readonly settings: OidcSettings,
    private readonly clock: Clock,
    { cooldownMs = 10_000, awayMs = 2_000 }: OidcTimes = {},
  ) {
    super();
    this.cooldownMs = cooldownMs;
    this.awayMs = awayMs;
  }

  async identify(token: string): Promise<Caller | null> {
    const { issuer, audience } = this.settings;
    if (!claimsToBeFrom(issuer, token)) return null;
    try {
      const { payload } = await jwtVerify(token, (header, jws) => this.keyFor(header, jws), {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: SKEW_SECONDS,
        currentDate: this.clock.now(),
        requiredClaims: ['sub', 'exp'],
      });
      const caller = callerOf(payload);
      const until = (payload.exp! + SKEW_SECONDS) * 1_000;
      return caller && { ...caller, holds: async () => this.clock.now().getTime() < until };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      // The code alone: messages quote claims.
      this.logger.debug('access token refused', { code: error.code });
      return null;
    }
  }

  /**
   * Resolves when the issuer answers, with its keys.
   * @throws AppError `auth.issuer_unavailable`
   */
  async ping(signal: AbortSignal): Promise<void> {
    try {
      await this.fetch(await this.placeOfKeys(signal), { signal });
    } catch (error) {
      throw issuerUnavailable(error);
    }
  }

  private async keyFor(...[header, jws]: Parameters<JWTVerifyGetKey>): Promise<Awaited<ReturnType<JWTVerifyGetKey>>> {
    try {
      return await (
        await this.keys()
      )(header, jws);
    } catch (error) {
      const isAnswer = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (isAnswer) throw error;
      this.logger.warn('issuer of access tokens cannot be asked', { error });
      throw issuerUnavailable(error);
    }
  }

  /** One discovery at a time, for everybody who waits for it. */
  private keys(): Promise<JWTVerifyGetKey> {
    const before = this.discovered;
    if (before !== undefined && performance.now() - before.at < DISCOVERY_MAX_AGE_MS) return before.keys;
    const keys = this.discover().catch((error: unknown) => {
      this.discovered = before;
      // Where the keys are rarely changes: what was found before may still be right.
      if (before !== undefined) return before.keys;
      throw error;
    });
    this.discovered = { keys, at: performance.now() };
    return keys;
  }

  private async discover(): Promise<JWTVerifyGetKey> {
    return createRemoteJWKSet(await this.placeOfKeys(AbortSignal.timeout(PATIENCE_MS)), {
      [customFetch]: (url, options) => this.fetch(url, options),
      timeoutDuration: PATIENCE_MS,
      cooldownDuration: this.cooldownMs,
      cacheMaxAge: KEYS_MAX_AGE_MS,
    });
  }

  /** OpenID Connect Discovery 1.0, §4. */
  private async placeOfKeys(signal: AbortSignal): Promise<URL> {
    const { issuer } = this.settings;
    const response = await this.fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      headers: { accept: 'application/json' },
      signal,
    });
    const found = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown } | null;
    if (found?.issuer !== issuer) throw new Error('The discovery document is about another issuer.');
    const uri = typeof found.jwks_uri === 'string' && URL.canParse(found.jwks_uri) ? new URL(found.jwks_uri) : null;
    // Only an issuer on this machine may do without encryption; its keys may then as well.
    if (uri === null || (uri.protocol !== 'https:' && new URL(issuer).protocol === 'https:'))
      throw new Error('The discovery document names no place of keys that can be trusted.');
    return uri;
  }

  /** An issuer that is away is not asked by every request that comes in meanwhile. */
  private async fetch(url: string | URL, options: RequestInit): Promise<Response> {
    if (performance.now() < this.awayUntil) throw new Error('The issuer could not be asked a moment ago.');
    try {
      const response = await fetch(url, { ...options, redirect: 'error' });
      if (!response.ok) throw new Error(`The issuer answered ${response.status}.`);
      return response;
    } catch (error) {
      this.awayUntil = performance.now() + this.awayMs;
      throw error;
    }
  }
}

/** Whether it is a JWT that names the issuer at all; nobody need be asked about others. */
function claimsToBeFrom(issuer: string, token: string): boolean {
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return false;
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    return false;
  }
}

/** `sub` may be an address, so only a part of its hash goes further. */
function callerOf({ sub, scope, scp }: JWTPayload): Caller | null {
  if (typeof sub !== 'string' || sub === '') return null;
  const held = new Set([...wordsOf(scope), ...wordsOf(scp)]);
  const hash = createHash('sha256').update(sub).digest('hex').slice(0, 16);
  return { actor: `oidc:${hash}`, may: (needed) => held.has(needed) };
}

/** `scope` is a text with spaces (RFC 9068 §2.2.3); `scp` one or a list, as its issuer likes. */
function wordsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ');
  return Array.isArray(claim) ? claim.filter((word) => typeof word === 'string') : [];
}
