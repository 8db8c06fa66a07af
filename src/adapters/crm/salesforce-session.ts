import { Logger } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { credentialsRefused, meaningless, quotaExhausted, recordLocked, retryAfterMs } from './crm-failures.js';
import { readable } from './crm-http.js';
import type { CrmCall, CrmHttp, CrmReply } from './crm-http.js';

export type SalesforceLogin = { readonly loginUrl: string; readonly clientId: string; readonly clientSecret: string };
type Session = { readonly token: string; readonly instanceUrl: string };

/** The limit rolls over 24 hours and comes back bit by bit; when enough of it is there again is said nowhere. Milliseconds. */
const QUOTA_WAIT_MS = 15 * 60_000;
/** Salesforce's word for a row that another transaction holds. */
export const LOCKED = 'UNABLE_TO_LOCK_ROW';
/** The part of the org's calls from which on somebody should know. */
const NEARLY = 0.9;

/**
 * Calls to one Salesforce org under the OAuth client credentials grant. The grant has no refresh token and the answer no life span: a session
 * serves until Salesforce says `INVALID_SESSION_ID`, and is renewed then, by one login however many calls wait for it.
 */
export class SalesforceSession {
  private readonly logger = new Logger('crm');
  #session: Session | null = null;
  #renewal: Promise<Session> | null = null;
  private isNearlyUsedUp = false;

  constructor(
    private readonly http: CrmHttp,
    private readonly login: SalesforceLogin,
  ) {}

  /**
   * `path` begins with `/services/data/`.
   * @throws AppError
   */
  async call(call: Omit<CrmCall, 'url' | 'headers'> & { readonly path: string }): Promise<CrmReply> {
    const session = this.#session ?? (await this.renewed());
    let reply = await this.send(call, session);
    if (reply.status === 401) {
      if (this.#session === session) this.#session = null;
      reply = await this.send(call, this.#session ?? (await this.renewed()));
    }
    this.watchLimit(reply.headers['sforce-limit-info']);
    if (reply.status === 403 && errorCodes(reply.body).includes('REQUEST_LIMIT_EXCEEDED'))
      throw quotaExhausted(retryAfterMs(reply.headers['retry-after']) ?? QUOTA_WAIT_MS);
    if (reply.status >= 400 && errorCodes(reply.body).includes(LOCKED)) throw recordLocked(reply.status);
    return readable(reply);
  }

  private send({ path, ...call }: Parameters<SalesforceSession['call']>[0], session: Session): Promise<CrmReply> {
    const headers = { authorization: `Bearer ${session.token}`, 'content-type': 'application/json' };
    return this.http.exchange({ ...call, url: `${session.instanceUrl}${path}`, headers });
  }

  private renewed(): Promise<Session> {
    this.#renewal ??= this.logIn().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  private async logIn(): Promise<Session> {
    const { loginUrl, clientId, clientSecret } = this.login;
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const reply = await this.http.exchange({
      method: 'POST',
      url: `${loginUrl}/services/oauth2/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
    if (reply.status === 400 || reply.status === 401) throw credentialsRefused(reply.status);
    const { access_token: token, instance_url: instanceUrl } = (readable(reply).body ?? {}) as Record<string, unknown>;
    if (typeof token !== 'string' || token === '' || typeof instanceUrl !== 'string') throw meaningless();
    if (!isSafe(instanceUrl, loginUrl))
      throw new AppError('unavailable', 'crm.unavailable', 'Salesforce sends us to a place that is not encrypted.');
    this.#session = { token, instanceUrl: instanceUrl.replace(/\/+$/, '') };
    return this.#session;
  }

  /** `api-usage=113/5000000`, of the whole org in the last 24 hours, and only about right. */
  private watchLimit(header: string | undefined): void {
    const [, used, most] = /api-usage=(\d+)\/(\d+)/.exec(header ?? '') ?? [];
    if (used === undefined || most === undefined) return;
    const isNearly = Number(used) >= NEARLY * Number(most);
    if (isNearly && !this.isNearlyUsedUp)
      this.logger.warn('the quota of calls is nearly used up', {
        crm: 'salesforce',
        used: Number(used),
        most: Number(most),
      });
    this.isNearlyUsedUp = isNearly;
  }
}

/** Of a refusal as a whole: `[{ errorCode, message }]`. */
const errorCodes = (body: unknown): unknown[] =>
  Array.isArray(body) ? body.map((error) => (error as { errorCode?: unknown } | null)?.errorCode) : [];

/** The token goes wherever the login says: encrypted, or where the login itself is. */
const isSafe = (instanceUrl: string, loginUrl: string): boolean =>
  URL.canParse(instanceUrl) &&
  (new URL(instanceUrl).protocol === 'https:' || new URL(instanceUrl).origin === new URL(loginUrl).origin);
