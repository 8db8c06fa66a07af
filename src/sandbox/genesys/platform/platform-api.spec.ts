import { Lab, someText, wait } from '../../lab.contract.js';

describe('The Platform API', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open({ lookupDelayMs: 250, limits: { requestsPerTokenPerMinute: 20 } })));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const basic = (id: string, secret: string) => ({
    ...form,
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });

  async function started() {
    const guest = await lab.configured();
    const echo = await guest.say('Hello');
    const [conversation] = await lab.conversations();
    if (conversation === undefined) throw new Error('no conversation');
    const customer = conversation.participants[0]?.id ?? '';
    return { guest, messageId: echo.body.id, key: echo.body.channel?.messageId, id: conversation.id, customer };
  }

  it('logs in the one client it knows', async () => {
    const { clientId, clientSecret } = lab.sandbox.connection.genesys;
    const grant = 'grant_type=client_credentials';
    const login = await lab.http('POST', '/oauth/token', grant, basic(clientId, clientSecret));
    expect(login).toMatchObject({
      status: 200,
      body: { access_token: someText, token_type: 'bearer', expires_in: 86_399 },
    });
    expect(login.headers.get('inin-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    const wrong = { error: 'invalid_client', description: someText, error_description: someText };
    expect(await lab.http('POST', '/oauth/token', grant, basic(clientId, 'guess'))).toMatchObject({
      status: 401,
      body: wrong,
    });
    expect(await lab.http('POST', '/oauth/token', grant, basic('stranger', clientSecret))).toMatchObject({
      status: 400,
      body: wrong,
    });
    expect(await lab.http('POST', '/oauth/token', 'grant_type=password', basic(clientId, clientSecret))).toMatchObject({
      status: 400,
      body: { error: 'unsupported_grant_type' },
    });
    expect((await lab.http('POST', '/oauth/token', grant, form)).status).toBe(400);
  });

  it('wants a live token on every path', async () => {
    const missing = await lab.http('GET', '/api/v2/conversations/x');
    expect(missing).toMatchObject({
      status: 401,
      body: { status: 401, code: 'authentication.required', contextId: someText },
    });
    const headers = { authorization: 'Bearer stale' };
    for (const path of ['/api/v2/tokens/me', '/api/v2/conversations/messages/x/details', '/api/v2/nowhere'])
      expect(await lab.http('GET', path, undefined, headers)).toMatchObject({
        status: 401,
        body: { code: 'bad.credentials' },
      });
  });

  it('says what it does not have', async () => {
    const nowhere = await lab.api('GET', '/nowhere');
    expect(nowhere).toMatchObject({
      status: 404,
      body: { code: 'not.found', status: 404, messageParams: {}, details: [], errors: [] },
    });
    expect(nowhere.headers.get('inin-correlation-id')).toEqual(someText);
    expect(await lab.http('GET', '/anything/else')).toMatchObject({ status: 404, body: { code: 'not.found' } });
    expect(await lab.api('GET', '/conversations/messages/unknown')).toMatchObject({ status: 404 });
    expect(await lab.api('GET', '/webdeployments/deployments/unknown')).toMatchObject({ status: 404 });
  });

  it('finds the conversation of a message a moment after it was sent', async () => {
    const { messageId, key, id } = await started();
    expect(await lab.api('GET', `/conversations/messages/${messageId}/details`)).toMatchObject({
      status: 404,
      body: { code: 'not.found' },
    });
    await wait(260);
    expect(await lab.api('GET', `/conversations/messages/${messageId}/details`)).toMatchObject({
      status: 200,
      body: {
        id: messageId,
        conversationId: id,
        direction: 'inbound',
        status: 'received',
        messengerType: 'webmessaging',
        timestamp: someText,
      },
    });
    expect(await lab.api('GET', `/conversations/messages/${key}/details`)).toMatchObject({
      body: { conversationId: id },
    });
  });

  it('finds it as late as a fault says, for as many messages as it says', async () => {
    const { messageId, guest } = await started();
    const other = await guest.say('And another');
    await lab.fault('genesys', '/details', { lookupDelayMs: 900 });
    await wait(260);
    expect((await lab.api('GET', `/conversations/messages/${messageId}/details`)).status).toBe(404);
    expect((await lab.api('GET', `/conversations/messages/${messageId}/details`)).status).toBe(404);
    expect((await lab.api('GET', `/conversations/messages/${other.body.id}/details`)).status).toBe(200);
    await wait(700);
    expect((await lab.api('GET', `/conversations/messages/${messageId}/details`)).status).toBe(200);
  });

  it('merges participant data, which is text', async () => {
    const { id, customer } = await started();
    const path = `/participants/${customer}/attributes`;
    expect(await lab.api('PATCH', `/conversations/${id}${path}`, { attributes: { a: '1', b: '2' } })).toMatchObject({
      status: 204,
      body: null,
    });
    expect(await lab.api('PATCH', `/conversations/messages/${id}${path}`, { attributes: { b: '3' } })).toMatchObject({
      status: 202,
      body: null,
    });
    expect((await lab.conversations())[0]?.participants[0]?.attributes).toEqual({ a: '1', b: '3' });
    expect(await lab.api('PATCH', `/conversations/${id}${path}`, { attributes: { a: 1 } })).toMatchObject({
      status: 400,
      body: { status: 400 },
    });
    expect(await lab.api('PATCH', `/conversations/${id}${path}`, {})).toMatchObject({ status: 400 });
    expect(await lab.api('PATCH', `/conversations/${id}/participants/x/attributes`, { attributes: {} })).toMatchObject({
      status: 404,
    });
  });

  it('tags and ends conversations, once', async () => {
    const { id } = await started();
    expect(await lab.api('PUT', `/conversations/${id}/tags`, { externalTag: 'g-1' })).toMatchObject({
      status: 200,
      body: id,
    });
    expect(await lab.api('PUT', `/conversations/${id}/tags`, {})).toMatchObject({ status: 400 });
    expect(await lab.api('PATCH', `/conversations/messages/${id}`, { state: 'parked' })).toMatchObject({ status: 400 });
    expect(await lab.api('PATCH', `/conversations/messages/${id}`, { state: 'disconnected' })).toMatchObject({
      status: 200,
      body: { id },
    });
    expect(await lab.api('PATCH', `/conversations/messages/${id}`, { state: 'disconnected' })).toMatchObject({
      status: 400,
    });
    const { body } = await lab.api<{ participants: object[] }>('GET', `/conversations/messages/${id}`);
    expect(body.participants[0]).toMatchObject({
      purpose: 'customer',
      state: 'disconnected',
      disconnectType: 'client',
    });
    expect(await lab.conversations()).toMatchObject([{ state: 'disconnected', externalTag: 'g-1' }]);
  });

  it('grants a token its requests a minute and says when there are more', async () => {
    const headers = { authorization: `Bearer ${await lab.login()}` };
    const date = () => lab.http('GET', '/api/v2/date', undefined, headers);
    for (let turn = 0; turn < 20; turn += 1) expect((await date()).status).toBe(200);
    const refused = await date();
    expect(refused).toMatchObject({
      status: 429,
      body: {
        code: 'too.many.requests.retry.after',
        limit: { key: 'client.credentials.token.rate.per.minute', namespace: 'platform.api', value: 20 },
      },
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await lab.api('GET', '/date')).status).toBe(200);
  });

  it('ends tokens on demand', async () => {
    const headers = { authorization: `Bearer ${await lab.login()}` };
    await lab.fault('genesys', '/api/v2', { expireToken: true });
    expect((await lab.http('GET', '/api/v2/date', undefined, headers)).status).toBe(401);
    expect((await lab.http('GET', '/api/v2/date', undefined, headers)).status).toBe(401);
    expect((await lab.api('GET', '/date')).status).toBe(200);

    const live = { authorization: `Bearer ${await lab.login()}` };
    await lab.fault('genesys', 'login', { expireToken: true });
    expect((await lab.http('GET', '/api/v2/date', undefined, live)).status).toBe(401);
    expect((await lab.api('GET', '/date')).status).toBe(200);
    expect((await lab.api('DELETE', '/tokens/me')).status).toBe(204);
  });

  it('serves the public configuration of the deployment', async () => {
    const { deploymentId } = lab.sandbox.connection.genesys;
    const path = `/webdeployments/v1/deployments/${deploymentId}`;
    expect(await lab.http('GET', `${path}/config.json`)).toMatchObject({
      status: 200,
      body: {
        id: deploymentId,
        version: '1',
        status: 'Active',
        languages: ['en-us'],
        messenger: {
          enabled: true,
          apps: {
            conversations: {
              autoStart: { enabled: true },
              conversationClear: { enabled: true },
              conversationDisconnect: { enabled: true, type: 'Send' },
              showUserTypingIndicator: true,
            },
          },
          fileUpload: { modes: [{ fileTypes: ['*/*'] }] },
        },
        auth: { enabled: false },
        journeyEvents: { enabled: false },
      },
    });
    expect(await lab.http('GET', `${path}/domains.json`)).toMatchObject({ body: { allowAllDomains: false } });
    expect((await lab.http('GET', '/webdeployments/v1/deployments/other/config.json')).status).toBe(404);
  });

  it('refuses bodies it cannot read', async () => {
    const { id } = await started();
    const headers = { authorization: `Bearer ${await lab.login()}` };
    expect(await lab.http('PUT', `/api/v2/conversations/${id}/tags`, '{"externalTag":', headers)).toMatchObject({
      status: 400,
      body: { status: 400 },
    });
    const huge = JSON.stringify({ externalTag: 'x'.repeat(1024 * 1024) });
    expect(await lab.http('PUT', `/api/v2/conversations/${id}/tags`, huge, headers)).toMatchObject({
      status: 413,
      body: { code: 'request.entity.too.large' },
    });
  });
});
