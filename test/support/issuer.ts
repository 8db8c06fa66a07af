import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';

export const AUDIENCE = 'https://guest-manager.example.com';

export type SigningKey = {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
};

/** An OpenID Connect issuer on loopback: discovery, keys, and tokens signed with them. */
export class Issuer {
  /** What was asked for, by path. */
  readonly asked: string[] = [];
  /** Those that are published. */
  keys: SigningKey[] = [];
  /** Answered in place of what would be, by path. */
  readonly instead = new Map<string, { readonly status: number; readonly body: string }>();
  private server: Server | undefined;
  private port = 0;

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.keys = [await newKey('first')];
    await issuer.open();
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** On the port it had, if it had one. */
  async open(): Promise<void> {
    this.server = createServer((request, response) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const { status, body } = this.instead.get(path) ?? { status: 200, body: this.document(path) };
      response.writeHead(body === '' ? 404 : status, { 'content-type': 'application/json' }).end(body);
    });
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    this.server?.close();
    await once(this.server!, 'close');
  }

  /** A good token, but for what is said otherwise; times are seconds from now, and a claim that is undefined is left out. */
  token(claims: Record<string, unknown> = {}, key: SigningKey = this.keys[0]!): Promise<string> {
    const now = Math.floor(Date.now() / 1_000);
    const all = { iss: this.url, aud: AUDIENCE, sub: 'somebody', scope: 'guest:read', iat: 0, exp: 300, ...claims };
    const timed = Object.entries(all).map(([name, value]) => [
      name,
      ['iat', 'exp', 'nbf'].includes(name) && typeof value === 'number' ? now + value : value,
    ]);
    return new SignJWT(Object.fromEntries(timed) as Record<string, unknown>)
      .setProtectedHeader({ alg: key.alg, kid: key.kid })
      .sign(key.privateKey);
  }

  private document(path: string): string {
    if (path === '/.well-known/openid-configuration')
      return JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}/keys` });
    return path === '/keys' ? JSON.stringify({ keys: this.keys.map(({ publicJwk }) => publicJwk) }) : '';
  }
}

export async function newKey(kid: string, alg = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}
