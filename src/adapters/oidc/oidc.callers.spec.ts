import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { Logger } from '@nestjs/common';
import { SignJWT, UnsecuredJWT } from 'jose';
import { AUDIENCE, Issuer, newKey } from '../../../test/support/issuer.js';
import { SystemClock } from '../../kernel/clock.js';
import { OidcCallers } from './oidc.callers.js';
import type { OidcTimes } from './oidc.callers.js';

// An issuer that is away is logged, rightly.
Logger.overrideLogger(false);

let issuer: Issuer;
let callers: OidcCallers;
const callersWith = (times: OidcTimes = {}): OidcCallers =>
  new OidcCallers({ issuer: issuer.url, audience: AUDIENCE }, new SystemClock(), times);

beforeEach(async () => {
  issuer = await Issuer.start();
  callers = callersWith();
});
afterEach(() => issuer.close().catch(() => undefined));

const SCOPES = ['guest:read', 'guest:write', 'admin', '*'];
const scopesOf = async (claims: Record<string, unknown>): Promise<string[]> => {
  const caller = await callers.identify(await issuer.token({ scope: undefined, ...claims }));
  return SCOPES.filter((scope) => caller!.may(scope));
};
const isKnown = async (token: string, by = callers): Promise<boolean> => (await by.identify(token)) !== null;
const isAway = { kind: 'unavailable', code: 'auth.issuer_unavailable' };

describe('an access token', () => {
  it('names its bearer by a part of a hash, and not otherwise', async () => {
    const caller = await callers.identify(await issuer.token({ sub: 'jane@example.com', email: 'jane@example.com' }));
    const hash = createHash('sha256').update('jane@example.com').digest('hex');
    expect(caller!.actor).toBe(`oidc:${hash.slice(0, 16)}`);
    expect(caller!.only).toBeUndefined();
  });

  it('says what its bearer may do, each scope by its name', async () => {
    expect(await scopesOf({ scope: 'openid guest:read guest:write' })).toEqual(['guest:read', 'guest:write']);
    expect(await scopesOf({ scp: 'guest:read admin' })).toEqual(['guest:read', 'admin']);
    expect(await scopesOf({ scp: ['guest:write', 7] })).toEqual(['guest:write']);
    expect(await scopesOf({ scope: 'guest:read', scp: ['admin'] })).toEqual(['guest:read', 'admin']);
    expect(await scopesOf({ scope: { 'guest:read': true }, roles: ['admin'] })).toEqual([]);
  });

  it('that names every scope at once may do nothing by it', async () => {
    const caller = await callers.identify(await issuer.token({ scope: '*' }));
    expect(['guest:read', 'admin'].filter((scope) => caller!.may(scope))).toEqual([]);
  });

  it.each(['RS256', 'PS384', 'ES256', 'EdDSA'])('may be signed with %s', async (alg) => {
    issuer.keys = [await newKey('one', alg)];
    expect(await isKnown(await issuer.token())).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['is for one audience of several', { aud: ['https://other.example.com', AUDIENCE] }],
    ['expired within the minute that clocks may differ', { exp: -50 }],
    ['begins within the minute that clocks may differ', { nbf: 50 }],
  ])('that %s is good', async (_what, claims) => expect(await isKnown(await issuer.token(claims))).toBe(true));

  it.each<[string, Record<string, unknown>]>([
    ['is for somebody else', { aud: 'https://other.example.com' }],
    ['is for nobody', { aud: undefined }],
    ['is from somebody else', { iss: 'https://other.example.com' }],
    ['is from nobody', { iss: undefined }],
    ['is from almost the same issuer', { iss: 'http://127.0.0.1/' }],
    ['has expired', { exp: -70 }],
    ['never expires', { exp: undefined }],
    ['is not good yet', { nbf: 70 }],
    ['is nobody’s', { sub: undefined }],
    ['is for a subject without a name', { sub: '' }],
    ['has a number for a subject', { sub: 7 }],
    ['says in words when it expires', { exp: 'tomorrow' }],
  ])('that %s is no good', async (_what, claims) => expect(await isKnown(await issuer.token(claims))).toBe(false));

  it('that nobody signed is no good', async () => {
    const claims = { iss: issuer.url, aud: AUDIENCE, sub: 'x', exp: 9_999_999_999, scope: 'admin' };
    expect(await isKnown(new UnsecuredJWT(claims).encode())).toBe(false);
    const [, body] = (await issuer.token({ scope: 'admin' })).split('.');
    const none = Buffer.from('{"alg":"none","kid":"first"}').toString('base64url');
    expect(await isKnown(`${none}.${body}.`)).toBe(false);
  });

  it('signed with the public key as if that were a secret is no good', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(issuer.keys[0]!.publicJwk).padEnd(64));
    const token = await new SignJWT({ sub: 'x', scope: 'admin' })
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .setIssuer(issuer.url)
      .setAudience(AUDIENCE)
      .setExpirationTime('5m')
      .sign(secret);
    expect(await isKnown(token)).toBe(false);
    // Nobody had to be asked to know that.
    expect(issuer.asked).toEqual([]);
  });

  it('that was changed, or signed by somebody who borrows a key’s name, is no good', async () => {
    const [head, body, signature] = (await issuer.token()).split('.');
    const claims = JSON.parse(Buffer.from(body!, 'base64url').toString()) as object;
    const other = Buffer.from(JSON.stringify({ ...claims, scope: 'admin' })).toString('base64url');
    expect(await isKnown(`${head}.${other}.${signature}`)).toBe(false);
    expect(await isKnown(await issuer.token({}, await newKey('first')))).toBe(false);
    expect(await isKnown(`${head}.${body}.${signature}`)).toBe(true);
  });

  it.each([
    '',
    'x',
    'a.b.c',
    '..',
    'eyJhbGciOiJSUzI1NiJ9.e30.x',
    'wt_abc',
    `${'x'.repeat(4_000)}.${'y'.repeat(4_000)}.z`,
  ])('is not what somebody made up (%#), and nobody is asked about it', async (token) => {
    expect(await isKnown(token)).toBe(false);
    expect(issuer.asked).toEqual([]);
  });
});

describe('an answer that goes on for long', () => {
  it('outlives the token it was asked for with by no more than clocks may be apart', async () => {
    let now = new Date();
    const clocked = new OidcCallers({ issuer: issuer.url, audience: AUDIENCE }, { now: () => now });
    const caller = await clocked.identify(await issuer.token({ exp: 30 }));
    const after = async (seconds: number): Promise<boolean> => {
      now = new Date(Date.now() + seconds * 1_000);
      return caller!.holds!();
    };
    expect([await after(0), await after(80), await after(92)]).toEqual([true, true, false]);
  });
});

describe('the keys of the issuer', () => {
  it('are asked for once, however many tokens come at once', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.token()));
    expect(await Promise.all(tokens.map((token) => isKnown(token)))).not.toContain(false);
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('may change: a token under a new one is understood, one under a withdrawn one no more', async () => {
    callers = callersWith({ cooldownMs: 0 });
    const old = await issuer.token();
    expect(await isKnown(old)).toBe(true);
    issuer.keys = [await newKey('second')];
    expect(await isKnown(await issuer.token())).toBe(true);
    expect(await isKnown(old)).toBe(false);
  });

  it('are not asked for again for every name somebody invents', async () => {
    expect(await isKnown(await issuer.token())).toBe(true);
    const invented = await newKey('invented');
    for (let n = 0; n < 5; n++)
      expect(await isKnown(await issuer.token({}, { ...invented, kid: `k${n}` }))).toBe(false);
    expect(issuer.asked.filter((path) => path === '/keys')).toHaveLength(1);
  });
});

describe('an issuer that cannot be asked', () => {
  it('leaves tokens unchecked: that is said, instead of that they are bad', async () => {
    const token = await issuer.token();
    await issuer.close();
    await expect(callers.identify(token)).rejects.toMatchObject({ ...isAway, retryAfterMs: 5_000 });
    await expect(callers.identify(token)).rejects.toMatchObject(isAway);
  });

  it('has to be back for them to be checked again, and nothing else', async () => {
    callers = callersWith({ awayMs: 0 });
    const token = await issuer.token();
    await issuer.close();
    await expect(callers.identify(token)).rejects.toMatchObject(isAway);
    await issuer.open();
    expect(await isKnown(token)).toBe(true);
  });

  it('is not needed for tokens under keys we have', async () => {
    callers = callersWith({ cooldownMs: 0 });
    expect(await isKnown(await issuer.token())).toBe(true);
    const unknown = await issuer.token({}, await newKey('second'));
    await issuer.close();
    await expect(callers.identify(unknown)).rejects.toMatchObject(isAway);
    expect(await isKnown(await issuer.token({ sub: 'else' }))).toBe(true);
  });

  it('is not asked by everybody who comes meanwhile', async () => {
    issuer.instead.set('/.well-known/openid-configuration', { status: 500, body: '{}' });
    const token = await issuer.token();
    for (let n = 0; n < 10; n++) await expect(callers.identify(token)).rejects.toMatchObject(isAway);
    expect(issuer.asked).toHaveLength(1);
  });

  it.each<[string, string, { status: number; body: string }]>([
    ['speaks for another', '/.well-known/openid-configuration', { status: 200, body: '{"issuer":"https://other"}' }],
    ['does not say where its keys are', '/.well-known/openid-configuration', { status: 200, body: 'null' }],
    ['does not speak JSON', '/.well-known/openid-configuration', { status: 200, body: '<html>' }],
    ['has no keys today', '/keys', { status: 503, body: '{}' }],
    ['has something else for keys', '/keys', { status: 200, body: '{"keys":7}' }],
  ])('is as good as one that %s', async (_what, path, answer) => {
    issuer.instead.set(path, answer);
    const token = await issuer.token();
    await expect(callers.identify(token)).rejects.toMatchObject(isAway);
    issuer.instead.delete(path);
    expect(await isKnown(token, callersWith())).toBe(true);
  });

  it('says so when it is asked how it is doing, and is well when its keys can be had', async () => {
    callers = callersWith({ awayMs: 0 });
    const { signal } = new AbortController();
    await callers.ping(signal);
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
    for (const path of ['/.well-known/openid-configuration', '/keys']) {
      issuer.instead.set(path, { status: 503, body: '{}' });
      await expect(callers.ping(signal)).rejects.toMatchObject(isAway);
      issuer.instead.delete(path);
    }
    await callers.ping(signal);
    await expect(callers.ping(AbortSignal.abort())).rejects.toMatchObject(isAway);
  });

  it('is waited for no longer than a caller would wait', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const url = `http://127.0.0.1:${port}`;
    const waiting = new OidcCallers({ issuer: url, audience: AUDIENCE }, new SystemClock());
    const startedAt = performance.now();
    await expect(waiting.identify(await issuer.token({ iss: url }))).rejects.toMatchObject(isAway);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    silent.close();
  });
});
