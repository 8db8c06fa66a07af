import { randomUUID } from 'node:crypto';
import { Lab, someText } from './lab.contract.js';
import { startSandbox } from './sandbox.js';

describe('The sandbox and its controls', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  it('says how to connect, as JSON and as an environment', async () => {
    const { url, connection, environment } = lab.sandbox;
    expect((await lab.http('GET', '/sandbox/')).body).toEqual(connection);
    expect((await lab.http('GET', '/sandbox')).body).toEqual({
      genesys: {
        apiUrl: url,
        loginUrl: url,
        webmessagingUrl: url.replace('http', 'ws'),
        deploymentId: someText,
        origin: 'http://localhost:3000',
        clientId: someText,
        clientSecret: someText,
      },
      crms: {
        rest: { url: `${url}/crm/rest/batch`, token: someText },
        salesforce: { url: `${url}/crm/salesforce`, clientId: someText, clientSecret: someText },
        hubspot: { url: `${url}/crm/hubspot`, token: someText },
        'genesys-contacts': { url, sourceId: someText, schemaId: someText },
      },
    });
    expect(environment).toMatchObject({
      GENESYS_MODE: 'sandbox',
      GENESYS_CLIENT_ID: connection.genesys.clientId,
      GENESYS_GATEWAY_URL: url,
      GENESYS_WEBMESSAGING_URL: connection.genesys.webmessagingUrl,
      CRMS: 'rest',
      CRM_BATCH_UPSERT_URL: `${url}/crm/rest/batch`,
      CRM_DELETE_URL: `${url}/crm/rest/records/{externalId}`,
      SALESFORCE_LOGIN_URL: `${url}/crm/salesforce`,
      HUBSPOT_URL: `${url}/crm/hubspot`,
    });
  });

  it('shows what was received, oldest first and without secrets', async () => {
    const token = await lab.login();
    await lab.http('GET', '/api/v2/date/?x=1', undefined, { authorization: `Bearer ${token}` });
    await lab.batch([{ externalId: 'a', password: 'hidden' }]);
    await lab.http('POST', '/oauth/token', 'grant_type=x&client_secret=hidden', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    await lab.http('POST', '/crm/rest/batch', '{"broken":');
    const received = await lab.requests();
    expect(received).toMatchObject([
      {
        target: 'genesys',
        method: 'POST',
        path: '/oauth/token',
        headers: { authorization: 'Basic [redacted]' },
        body: 'grant_type=client_credentials',
      },
      {
        target: 'genesys',
        method: 'GET',
        path: '/api/v2/date/',
        headers: { authorization: 'Bearer [redacted]' },
        body: null,
      },
      {
        target: 'crm/rest',
        method: 'POST',
        path: '/crm/rest/batch',
        body: { records: [{ externalId: 'a', password: '[redacted]' }] },
      },
      { body: 'grant_type=x&client_secret=[redacted]' },
      { body: '[not JSON, 10 bytes]' },
    ]);
    const text = JSON.stringify(received);
    const { genesys, crms } = lab.sandbox.connection;
    for (const secret of [token, 'hidden', genesys.clientSecret, crms['rest']?.['token'] ?? '-'])
      expect(text).not.toContain(secret);
    expect((await lab.http<unknown[]>('GET', '/sandbox/requests/')).body).toHaveLength(5);
  });

  it('becomes new and empty', async () => {
    const token = await lab.login();
    const guest = await lab.configured();
    await guest.say('Hello');
    await lab.batch([{ externalId: 'a' }]);
    await lab.fault('genesys', '/api', { status: 500 }, 100);
    expect((await lab.http('POST', '/sandbox/reset/')).status).toBe(204);
    expect(await guest.closed()).toBe(1006);
    expect([await lab.conversations(), await lab.records(), await lab.requests()]).toEqual([[], [], []]);
    expect((await lab.http('GET', '/api/v2/date', undefined, { authorization: `Bearer ${token}` })).status).toBe(401);
    expect((await (await lab.guest(guest.token)).configure()).body.newSession).toBe(true);
  });

  it('takes orders for faults strictly', async () => {
    const good = { target: 'genesys', match: '/api', effect: { status: 503 } };
    const placed = await lab.http('POST', '/sandbox/faults/', good);
    expect(placed).toMatchObject({ status: 201, body: { id: someText, ...good, times: 1 } });
    const bad: [object | string, RegExp][] = [
      [{ ...good, target: 'crm/nobody' }, /target/],
      [{ ...good, match: '' }, /match/],
      [{ ...good, times: 0 }, /times/],
      [{ ...good, times: 1.5 }, /times/],
      [{ ...good, effects: {} }, /effects/],
      [{ ...good, effect: { statuss: 500 } }, /statuss/],
      [{ ...good, effect: { constructor: 1 } }, /constructor/],
      [{ ...good, effect: {} }, /effect/],
      [{ ...good, effect: { drop: false } }, /effect/],
      [{ ...good, effect: { delayMs: -1 } }, /delayMs/],
      [{ ...good, effect: { random: 2, drop: true } }, /random/],
      [{ ...good, effect: { seed: 7, drop: true } }, /seed/],
      [{ ...good, effect: { mostRecords: 1 } }, /CRM/],
      [{ ...good, match: 'websocket', effect: { lateAnswerMs: 1 } }, /lateAnswerMs/],
      [{ ...good, effect: { refuseRecords: { a: 1 } } }, /CRM/],
      [{ ...good, effect: { wholeBatch: true, drop: true } }, /wholeBatch/],
      [{ ...good, target: 'crm/rest', match: 'websocket' }, /websocket/],
      ['[]', /fault/],
      ['{', /JSON/],
    ];
    for (const [order, why] of bad) {
      const refused = await lab.http<{ error: { message: string } }>('POST', '/sandbox/faults', order);
      expect(refused.status).toBe(400);
      expect(refused.body.error.message).toMatch(why);
    }
    const { id } = placed.body as { id: string };
    await lab.fault('genesys', '/date', { status: 500 });
    const one = () => lab.http('DELETE', `/sandbox/faults/${id}`);
    expect([(await one()).status, (await one()).status]).toEqual([204, 404]);
    expect((await lab.http('GET', '/sandbox/faults')).body).toMatchObject([{ match: '/date' }]);
    expect((await lab.http('DELETE', '/sandbox/faults/')).status).toBe(204);
    expect((await lab.http('GET', '/sandbox/faults')).body).toEqual([]);
  });

  it('answers as a fault says, as often as it says', async () => {
    await lab.fault('genesys', '/date', { status: 429, headers: { 'Retry-After': '7' } }, 2);
    for (const _ of [1, 2]) {
      const refused = await lab.api('GET', '/date');
      expect(refused).toMatchObject({ status: 429, body: { status: 429, code: someText } });
      expect(refused.headers.get('retry-after')).toBe('7');
    }
    expect((await lab.api('GET', '/date')).status).toBe(200);
    await lab.fault('genesys', 'login', { status: 500, body: { error: 'server_error' } });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const failed = await lab.http('POST', '/oauth/token', 'grant_type=client_credentials', form);
    expect(failed).toMatchObject({ status: 500, body: { error: 'server_error' } });
    expect(failed.headers.get('content-type')).toMatch('application/json');
    await lab.fault('crm/rest', 'upsert', {
      status: 502,
      body: '<html>Bad Gateway</html>',
      headers: { 'content-type': 'text/html' },
    });
    const answered = await fetch(`${lab.sandbox.url}/crm/rest/batch`, { method: 'POST' });
    expect([answered.status, answered.headers.get('content-type'), await answered.text()]).toEqual([
      502,
      'text/html',
      '<html>Bad Gateway</html>',
    ]);
  });

  it('cuts connections before or after the work is done', async () => {
    const token = { authorization: `Bearer ${await lab.login()}` };
    await lab.fault('genesys', '/tokens/me', { drop: true });
    await expect(lab.http('DELETE', '/api/v2/tokens/me', undefined, token)).rejects.toThrow();
    expect((await lab.http('GET', '/api/v2/date', undefined, token)).status).toBe(200);
    await lab.fault('genesys', '/tokens/me', { dropAfterAccepting: true });
    await expect(lab.http('DELETE', '/api/v2/tokens/me', undefined, token)).rejects.toThrow();
    expect((await lab.http('GET', '/api/v2/date', undefined, token)).status).toBe(401);
  });

  it('delays, and lets go when the faults end', async () => {
    const token = { authorization: `Bearer ${await lab.login()}` };
    await lab.fault('genesys', '/date', { delayMs: 60_000 });
    const waiting = lab.http('GET', '/api/v2/date', undefined, token);
    await lab.fault('genesys', '/tokens', { delayMs: 80 });
    const before = Date.now();
    await lab.http('GET', '/api/v2/tokens/me', undefined, token);
    expect(Date.now() - before).toBeGreaterThanOrEqual(75);
    await lab.http('DELETE', '/sandbox/faults');
    expect((await waiting).status).toBe(200);
  });

  it('changes token life, look-up delay and limits while it runs, until it is reset', async () => {
    const change = (body: object) => lab.http<object>('PATCH', '/sandbox/genesys/organization', body);
    const before = (await lab.http('GET', '/sandbox/genesys/organization')).body;
    const limits = { requestsPerTokenPerMinute: 1, connectionsPerToken: 1 };
    expect((await change({ tokenSeconds: 300, lookupDelayMs: 60_000, limits })).body).toMatchObject({
      ...{ tokenSeconds: 300, lookupDelayMs: 60_000 },
      limits: { ...limits, messagesPerSessionPerSecond: 5 },
    });
    const authorization = `Bearer ${await lab.login()}`;
    const asked = () => lab.http('GET', '/api/v2/date', undefined, { authorization });
    expect([(await asked()).status, (await asked()).status]).toEqual([200, 429]);
    const guest = await lab.configured();
    const echo = await guest.say('Hello');
    expect((await lab.api('GET', `/conversations/messages/${echo.body.id}/details`)).status).toBe(404);
    await lab.configured(guest.token);
    expect(await guest.closed()).toBe(1000);
    for (const bad of [{ tokenSeconds: 0 }, { limits: { a: 1 } }, { limits: { connectionsPerToken: null } }, { x: 1 }])
      expect((await change(bad)).status).toBe(400);
    await lab.http('POST', '/sandbox/reset');
    expect((await lab.http('GET', '/sandbox/genesys/organization')).body).toEqual(before);
  });

  it('can be called by hand, without a content type', async () => {
    const answered = await fetch(`${lab.sandbox.url}/sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '{"target":"genesys","match":"/date","effect":{"status":500}}',
    });
    expect(answered.status).toBe(201);
    expect((await lab.http('GET', '/sandbox/nothing')).status).toBe(404);
    expect((await lab.http('GET', '/sandbox/crm/nobody/records')).status).toBe(404);
  });

  it('stops quickly with sockets open and requests under way, and frees its port', async () => {
    const first = await startSandbox({ port: 0 });
    const other = await Lab.open();
    const guest = await other.configured();
    await other.fault('genesys', '/date', { delayMs: 60_000 });
    const waiting = other.api('GET', '/date').catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = Date.now();
    await Promise.all([first.close(), other.close()]);
    expect(Date.now() - before).toBeLessThan(1000);
    await waiting;
    expect(await guest.closed()).toBe(1006);
    const again = await startSandbox({ port: first.port });
    await expect(startSandbox({ port: again.port })).rejects.toThrow(/EADDRINUSE/);
    await again.close();
  });

  it('lets an agent or the bot type, which is told to open sockets and kept nowhere', async () => {
    const guest = await lab.configured();
    await guest.presence('Join');
    const [conversation] = await lab.conversations();
    const path = `/sandbox/genesys/conversations/${conversation!.id}/typing`;
    expect((await lab.http('POST', path, { from: 'bot' })).status).toBe(204);
    const frame = await guest.heard(({ body }) => body.events?.[0]?.eventType === 'Typing');
    expect(frame.body).toMatchObject({
      direction: 'Outbound',
      originatingEntity: 'Bot',
      events: [{ eventType: 'Typing', typing: { type: 'On', duration: 5_000 } }],
    });
    expect((await lab.http('POST', path, { from: 'nobody' })).status).toBe(400);
    await lab.http('POST', `/sandbox/genesys/conversations/${conversation!.id}/disconnect`);
    expect((await lab.http('POST', path, {})).status).toBe(409);
  });

  it('ends a conversation for the reason it is told', async () => {
    const ends = ['peer', 'inactivity', 'session.expired'];
    for (const disconnectType of ends) {
      const guest = await lab.configured();
      await guest.presence('Join');
      const conversation = (await lab.conversations()).at(-1)!;
      const path = `/sandbox/genesys/conversations/${conversation.id}/disconnect`;
      expect((await lab.http('POST', path, { disconnectType: 'boredom' })).status).toBe(400);
      expect((await lab.http('POST', path, { disconnectType })).status).toBe(200);
      expect((await lab.conversations()).at(-1)).toMatchObject({
        state: 'disconnected',
        participants: expect.arrayContaining([expect.objectContaining({ disconnectType })]) as unknown,
      });
      if (disconnectType === 'session.expired') await guest.heard((frame) => frame.class === 'SessionExpiredEvent');
      else await guest.heard(({ body }) => body.events?.[0]?.eventType === 'Presence' && 'direction' in body);
    }
  });

  it('carries two thousand guests', async () => {
    const guests = [];
    for (let turn = 0; turn < 20; turn += 1)
      guests.push(...(await Promise.all(Array.from({ length: 100 }, () => lab.configured(randomUUID())))));
    await Promise.all(guests.map((guest) => guest.presence('Join')));
    expect(await lab.conversations()).toHaveLength(2000);
  }, 30_000);
});
