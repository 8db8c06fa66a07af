import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { SystemClock } from '../../kernel/clock.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { until } from '../../modules/guest/ports/guest-channel.contract.js';
import { wait } from '../../sandbox/lab.contract.js';
import type { SandboxOptions } from '../../sandbox/sandbox.js';
import { Lab } from '../../sandbox/lab.contract.js';
import { settingsOf } from './genesys-lab.contract.js';
import type { GenesysSettings } from './genesys.settings.js';
import { openPlatform } from './platform.js';
import { PlatformConversations } from './platform-conversations.js';
import type { TransportLimits } from './platform-transport.js';

const at = (request: unknown): number => Date.parse((request as { at: string }).at);

const LIMITS: TransportLimits = { attemptMs: 3_000, callMs: 6_000, attempts: 4 };

describe('Calls to the Platform API', () => {
  let lab: Lab;
  const open = async (options: SandboxOptions = {}): Promise<Lab> => (lab = await Lab.open(options));
  const platform = (changes: Partial<GenesysSettings> = {}, limits = LIMITS): PlatformConversations => {
    const settings = { ...settingsOf(lab), ...changes };
    return new PlatformConversations(openPlatform(settings, new LoneGate(new SystemClock()), limits).client);
  };
  const received = async (part: string) => (await lab.requests()).filter(({ path }) => path.includes(part));
  const fault = (match: string, effect: object, times = 1) => lab.fault('genesys', match, effect, times);
  afterEach(() => lab.close());

  it('log in once for all, however many begin at the same time', async () => {
    await open();
    const calls = platform();
    await Promise.all(Array.from({ length: 8 }, () => calls.ping()));
    expect(await received('/oauth/token')).toHaveLength(1);
    expect(await received('/tokens/me')).toHaveLength(8);
  });

  it('go on when the access token ends in the middle, with one new login for all of them', async () => {
    await open();
    const calls = platform();
    await calls.ping();
    await fault('login', { expireToken: true });
    await Promise.all([calls.ping(), calls.ping(), calls.ping()]);
    expect(await received('/oauth/token')).toHaveLength(2);
  });

  it('renew the token ahead, before any call is refused for it', async () => {
    await open({ tokenSeconds: 1 });
    const calls = platform();
    await calls.ping();
    await wait(850);
    await calls.ping();
    await wait(250);
    await calls.ping();
    expect(await received('/oauth/token')).toHaveLength(2);
    expect(await received('/tokens/me')).toHaveLength(3);
  });

  it('say that the login is refused, and that it is nobody else’s fault', async () => {
    await open();
    const failure = { kind: 'unavailable', code: 'genesys.login_refused' };
    await expect(platform({ clientSecret: 'not-the-secret' }).ping()).rejects.toMatchObject(failure);
    await expect(platform({ clientId: 'nobody' }).ping()).rejects.toMatchObject(failure);
  });

  it('outlast a login that is away for a moment', async () => {
    await open();
    await fault('login', { status: 503 }, 2);
    await platform().ping();
  });

  it('give up on a token that is refused again at once', async () => {
    await open();
    await fault('/tokens/me', { expireToken: true }, 2);
    await expect(platform().ping()).rejects.toMatchObject({ kind: 'unavailable', code: 'genesys.unauthenticated' });
    expect(await received('/tokens/me')).toHaveLength(2);
  });

  it('wait as long as a 429 says, and with them every other call', async () => {
    await open();
    const calls = platform();
    await calls.ping();
    await fault('/tokens/me', { status: 429, headers: { 'Retry-After': '2' } });
    const throttled = calls.ping();
    await until(async () => (await received('/tokens/me')).length === 2);
    await wait(200);
    await Promise.all([throttled, calls.ofMessage(randomUUID())]);
    const [, refused, again] = await received('/tokens/me');
    const [lookup] = await received('/details');
    expect(at(again) - at(refused)).toBeGreaterThan(1_990);
    expect(at(lookup) - at(refused)).toBeGreaterThan(1_990);
  });

  it('read the wait from the text when no header gives it', async () => {
    await open();
    const message = 'Rate limit exceeded the maximum. Retry the request in [1] seconds';
    await fault('/tokens/me', { status: 429, body: { status: 429, code: 'too.many.requests.retry.after', message } });
    const startedAt = performance.now();
    await platform().ping();
    expect(performance.now() - startedAt).toBeGreaterThan(990);
  });

  it('leave a longer wait to whoever can wait, and say how long', async () => {
    await open();
    const calls = platform();
    await fault('/tokens/me', { status: 429, headers: { 'Retry-After': '9000' } });
    await expect(calls.ping()).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 60_000 });
    const startedAt = performance.now();
    await expect(calls.ofMessage(randomUUID())).rejects.toMatchObject({ kind: 'throttled' });
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(await received('/details')).toEqual([]);
  });

  it('succeed after the other side was away for a moment', async () => {
    await open();
    const calls = platform();
    await fault('/tokens/me', { status: 503 }, 2);
    await calls.ping();
    await fault('/tokens/me', { drop: true }, 2);
    await calls.ping();
    await fault('/tokens/me', { delayMs: 60_000 });
    await platform({}, { ...LIMITS, attemptMs: 700 }).ping();
  });

  it('give up in time when it stays away', async () => {
    await open();
    await fault('/tokens/me', { status: 502 }, 1_000);
    const startedAt = performance.now();
    await expect(platform().ping()).rejects.toMatchObject({ kind: 'unavailable', code: 'genesys.unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(7_000);
    expect((await received('/tokens/me')).length).toBeLessThanOrEqual(4);
  });

  it('never repeat a POST of which nobody knows whether it was done, except after a 429', async () => {
    await open();
    const { transport } = openPlatform(settingsOf(lab), new LoneGate(new SystemClock()), LIMITS);
    const post = { method: 'POST', url: `${lab.sandbox.url}/api/v2/things`, headers: {}, body: '{}' };
    await fault('/things', { drop: true });
    await expect(transport.send(post)).rejects.toMatchObject({ status: null });
    await fault('/things', { status: 503 });
    await expect(transport.send(post)).rejects.toMatchObject({ status: 503 });
    expect(await received('/things')).toHaveLength(2);
    await fault('/things', { status: 429, headers: { 'Retry-After': '0' } });
    await expect(transport.send(post)).rejects.toMatchObject({ status: 404 });
    expect(await received('/things')).toHaveLength(4);
  });

  it('say which way a permission is missing: ours, not the guest’s', async () => {
    await open();
    await fault('/details', { permission: false });
    const failure = { kind: 'unavailable', code: 'genesys.forbidden' };
    await expect(platform().ofMessage(randomUUID())).rejects.toMatchObject(failure);
  });

  it('repeat what names the state it wants: attributes arrive though the first answer was lost', async () => {
    await open();
    const calls = platform();
    const guest = await lab.configured();
    await guest.say('Hello');
    const [conversation] = await lab.conversations();
    const participantId = conversation!.participants[0]!.id;
    await fault('/attributes', { dropAfterAccepting: true });
    await calls.setAttributes(conversation!.id, participantId, { interactions: '2' });
    expect((await lab.conversations())[0]!.participants[0]!.attributes).toEqual({ interactions: '2' });
  });

  it('report a conversation that would not end', async () => {
    await open();
    const guest = await lab.configured();
    await guest.say('Hello');
    const [conversation] = await lab.conversations();
    await fault(`/messages/${conversation!.id}`, { status: 400 });
    await expect(platform().disconnect(conversation!.id)).rejects.toMatchObject({ kind: 'refused' });
  });

  it('carry a correlation id of their own', async () => {
    await open();
    await platform().ping();
    const [call] = await received('/tokens/me');
    expect(call!.headers['inin-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('go where the settings say, whatever a file in the home directory says', async () => {
    await open();
    const home = mkdtempSync(join(tmpdir(), 'home-'));
    mkdirSync(join(home, '.genesyscloudjavascript'));
    const file = '[general]\nhost = https://api.elsewhere.invalid\n[gateway]\nhost = elsewhere.invalid\n';
    writeFileSync(join(home, '.genesyscloudjavascript', 'config'), `${file}[logging]\nlog_level = trace\n`);
    const { HOME } = process.env;
    const printed = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      process.env['HOME'] = home;
      await platform().ping();
      expect(await received('/tokens/me')).toHaveLength(1);
      expect(printed).not.toHaveBeenCalled();
    } finally {
      printed.mockRestore();
      process.env['HOME'] = HOME;
    }
  });
});
