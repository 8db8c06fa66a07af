import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { exchange } from './exchange.js';
import { GenesysFailure } from './genesys-errors.js';
import type { GenesysSettings } from './genesys.settings.js';
import { genesysUrls } from './genesys.settings.js';

type Token = { readonly value: string; readonly renewAt: number; readonly expiresAt: number };

const TIMEOUT_MS = 10_000;
/** Used when Genesys does not say: the shortest life an OAuth client can be given. */
const SHORTEST_LIFE_S = 300;

/**
 * The client-credentials login, which the SDK does once and never again: no refresh token exists for this grant, so after the token's
 * life every call would fail. A token is replaced at 80 % of its life while the old one still serves, by one request however many
 * callers wait for it.
 */
export class PlatformLogin {
  private readonly logger = new Logger('genesys');
  private readonly url: string;
  /** Private for real: it does not show when somebody prints this object. */
  readonly #authorization: string;
  #token: Token | null = null;
  #renewal: Promise<Token> | null = null;

  constructor(settings: GenesysSettings) {
    this.url = genesysUrls(settings).token;
    this.#authorization = `Basic ${Buffer.from(`${settings.clientId}:${settings.clientSecret}`).toString('base64')}`;
  }

  /** @throws GenesysFailure of the login */
  async token(): Promise<string> {
    const known = this.#token;
    const now = performance.now();
    if (known === null || now >= known.expiresAt) return (await this.renewed()).value;
    if (now >= known.renewAt) {
      this.renewed().catch((error: unknown) => {
        const { status, facts } = error as GenesysFailure;
        this.logger.warn('genesys login not renewed ahead', {
          status,
          word: facts.word,
          correlationId: facts.correlationId,
        });
      });
    }
    return known.value;
  }

  /** Genesys said 401 to this token. If it is still the one we use, the next call logs in again. */
  reject(token: string): void {
    if (this.#token?.value === token) this.#token = null;
  }

  private renewed(): Promise<Token> {
    this.#renewal ??= this.login().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  private async login(): Promise<Token> {
    const askedAt = performance.now();
    const answer = await exchange({
      called: 'login',
      method: 'POST',
      url: this.url,
      headers: {
        Authorization: this.#authorization,
        'Content-Type': 'application/x-www-form-urlencoded',
        Accept: 'application/json',
        'ININ-Correlation-Id': randomUUID(),
      },
      body: 'grant_type=client_credentials',
      timeoutMs: TIMEOUT_MS,
    });
    const { access_token, expires_in } = (answer.data ?? {}) as { access_token?: unknown; expires_in?: unknown };
    if (typeof access_token !== 'string' || access_token === '')
      throw new GenesysFailure('login', 502, { word: 'no.token' });
    const lifeMs = 1000 * (typeof expires_in === 'number' && expires_in > 0 ? expires_in : SHORTEST_LIFE_S);
    this.#token = { value: access_token, renewAt: askedAt + 0.8 * lifeMs, expiresAt: askedAt + lifeMs };
    return this.#token;
  }
}
