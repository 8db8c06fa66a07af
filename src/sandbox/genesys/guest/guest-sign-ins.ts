import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { isObject, type JsonObject } from '../../json.js';
import { Refusal } from '../../refusal.js';
import { account } from '../account.js';
import type { DeploymentSettings } from '../deployment.js';

/** What a guest who has signed in shows on the socket, and what it gets another one by when that has ended. */
export type SignedIn = { readonly jwt: string; readonly refreshToken: string };

/**
 * Guests who sign in: the code that the identity provider gave the page becomes a JSON web token, which becomes another one when it has ended. Any code
 * is taken, once: there is no identity provider here to ask.
 */
export class GuestSignIns {
  private readonly key = randomBytes(32);
  private readonly spent = new Set<string>();
  private readonly refreshTokens = new Set<string>();

  constructor(private readonly settings: () => DeploymentSettings) {}

  /** Whether a token of ours is alive. */
  isLive(jwt: unknown): boolean {
    if (typeof jwt !== 'string') return false;
    const [header, payload, signature] = jwt.split('.');
    if (payload === undefined || signature !== this.sign(`${header}.${payload}`)) return false;
    const { exp } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number };
    return exp > Date.now();
  }

  serve(app: FastifyInstance): void {
    app.post('/api/v2/webdeployments/token/oauthcodegrantjwtexchange', async ({ body }) => this.exchange(read(body)));
    app.post('/api/v2/webdeployments/token/refresh', async ({ body }) => this.refresh(read(body)));
  }

  clear(): void {
    this.spent.clear();
    this.refreshTokens.clear();
  }

  private exchange(body: JsonObject): SignedIn {
    if (!this.settings().signIn)
      throw new Refusal(400, 'bad.request', 'Authentication is not enabled on the configuration of this deployment.');
    const oauth = isObject(body['oauth']) ? body['oauth'] : {};
    const code = oauth['code'] ?? oauth['idToken'];
    if (typeof code !== 'string' || code === '' || typeof oauth['redirectUri'] !== 'string')
      throw new Refusal(400, 'bad.request', 'oauth needs a redirectUri, and a code or an idToken.');
    if (this.spent.has(code)) throw new Refusal(401, 'bad.credentials', 'The authorization code is not valid.');
    this.spent.add(code);
    const refreshToken = randomUUID();
    this.refreshTokens.add(refreshToken);
    return { jwt: this.issue(), refreshToken };
  }

  private refresh(body: JsonObject): Pick<SignedIn, 'jwt'> {
    const { refreshToken } = body;
    if (typeof refreshToken !== 'string' || !this.refreshTokens.has(refreshToken))
      throw new Refusal(401, 'bad.credentials', 'The refresh token is not valid.');
    return { jwt: this.issue() };
  }

  private issue(): string {
    const exp = Date.now() + this.settings().signInMs;
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: randomUUID(), exp })}`;
    return `${signed}.${this.sign(signed)}`;
  }

  private sign(text: string): string {
    return createHmac('sha256', this.key).update(text).digest('base64url');
  }
}

function read(body: unknown): JsonObject {
  if (!isObject(body)) throw new Refusal(400, 'bad.request', 'The body must be an object.');
  if (body['deploymentId'] !== account.deploymentId)
    throw new Refusal(404, 'not.found', 'The deployment was not found.');
  return body;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
