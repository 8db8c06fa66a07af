import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { Lab, someText, textOf, wait } from '../../lab.contract.js';

describe('The guest socket', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  async function handshake(deploymentId: string, origin?: string): Promise<number> {
    const socket = new WebSocket(`${lab.sandbox.connection.genesys.webmessagingUrl}/v1?deploymentId=${deploymentId}`, {
      ...(origin === undefined ? {} : { origin }),
    });
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      socket.on('open', () => {
        socket.terminate();
        resolve(101);
      });
    });
  }

  it('lets in the pages of its deployment and nobody else', async () => {
    const { deploymentId } = lab.sandbox.connection.genesys;
    expect(await handshake(deploymentId, 'http://localhost:4200')).toBe(101);
    expect(await handshake(deploymentId, 'http://127.0.0.1')).toBe(101);
    expect(await handshake(deploymentId, 'https://example.com')).toBe(101);
    expect(await handshake(deploymentId, 'https://localhost.evil.example')).toBe(403);
    expect(await handshake(deploymentId)).toBe(403);
    expect(await handshake(randomUUID(), 'http://localhost:3000')).toBe(403);
  });

  it('answers nothing before the session is configured', async () => {
    const guest = await lab.guest();
    expect(await guest.say('hello')).toMatchObject({ class: 'string', code: 400 });
    expect(await guest.configure({ deploymentId: randomUUID() })).toMatchObject({ code: 400 });
    expect(await guest.configure({ deploymentId: undefined })).toMatchObject({ code: 4020 });
    expect(await guest.configure()).toMatchObject({ class: 'SessionResponse', code: 200 });
    expect(await lab.conversations()).toEqual([]);
  });

  it('knows a token again, whichever connection it comes by', async () => {
    const first = await lab.guest();
    const seconds = Date.now() / 1000;
    const { body } = await first.configure({ journeyContext: { customer: { id: first.token, idType: 'cookie' } } });
    expect(body).toMatchObject({
      connected: true,
      newSession: true,
      readOnly: false,
      maxCustomDataBytes: 2048,
      durationSeconds: 259_200,
      allowedMedia: { inbound: { fileTypes: [{ type: '*/*' }] } },
    });
    expect((body as unknown as { expirationDate: number }).expirationDate).toBeCloseTo(seconds + 259_200, -1);
    expect((await first.configure()).body.newSession).toBe(false);
    first.hangUp();
    const second = await lab.guest(first.token);
    expect((await second.configure()).body.newSession).toBe(false);
    expect((await second.configure({ startNew: true })).body.newSession).toBe(true);
  });

  it('starts a conversation with the first message and echoes it as the only receipt', async () => {
    const guest = await lab.configured();
    const echo = await guest.say('Good morning', { guestSessionId: 'g-1' });
    expect(echo).toMatchObject({
      type: 'message',
      class: 'StructuredMessage',
      code: 200,
      body: {
        type: 'Text',
        text: 'Good morning',
        direction: 'Inbound',
        channel: { metadata: { customAttributes: { guestSessionId: 'g-1' } } },
      },
    });
    expect(echo.body.id).toMatch(/^[0-9a-f]{32}$/);
    expect(echo.body.channel?.messageId).toMatch(/^[0-9a-f-]{36}$/);
    await guest.say('Still there?', { source: 'website' });
    const [conversation] = await lab.conversations();
    expect(conversation?.participants[0]).toMatchObject({
      purpose: 'customer',
      attributes: { guestSessionId: 'g-1', source: 'website' },
      messages: [{ text: 'Good morning' }, { text: 'Still there?' }],
    });
  });

  it('greets who joins and answers every text in words of its own', async () => {
    const guest = await lab.configured();
    const join = await guest.presence('Join', { guestSessionId: 'g-2' });
    expect(join.body).toMatchObject({ type: 'Event', direction: 'Inbound', events: [{ presence: { type: 'Join' } }] });
    const greeting = await guest.heard((frame) => frame.body.direction === 'Outbound');
    expect(greeting.body).toMatchObject({ type: 'Text', originatingEntity: 'Bot', channel: { time: someText } });
    expect(greeting.body.channel?.messageId).toBeUndefined();
    await guest.presence('Join');
    await guest.say(String(greeting.body.text));
    await guest.heard((frame) => frame.body.direction === 'Outbound' && frame !== greeting);
    await wait(30);
    const outbound = guest.frames.filter((frame) => frame.body.direction === 'Outbound');
    expect(outbound).toHaveLength(2);
    expect(outbound[1]?.body.text).not.toBe(greeting.body.text);
    expect(await lab.conversations()).toHaveLength(1);
  });

  it('lets agents and the bot speak, to every connection of the guest', async () => {
    const guest = await lab.configured();
    const other = await lab.configured(guest.token);
    await guest.say('Hello');
    await other.heard((frame) => frame.body.text === 'Hello');
    const [conversation] = await lab.conversations();
    const path = `/sandbox/genesys/conversations/${conversation?.id}/messages`;
    expect(await lab.http('POST', path, { text: 'This is Ann.', from: 'agent' })).toMatchObject({ status: 201 });
    for (const each of [guest, other]) {
      const { body } = await each.heard((frame) => frame.body.text === 'This is Ann.');
      expect(body).toMatchObject({ direction: 'Outbound', originatingEntity: 'Human' });
      expect(body.channel?.messageId).toBeUndefined();
    }
    await lab.http('POST', `${path}/`, { text: 'And this the bot.', from: 'bot' });
    expect((await guest.heard((frame) => frame.body.text === 'And this the bot.')).body.originatingEntity).toBe('Bot');
    expect((await lab.http('POST', path, { text: '', from: 'agent' })).status).toBe(400);
    expect((await lab.http('POST', path, { text: 'x', from: 'stranger' })).status).toBe(400);
    expect((await lab.http('POST', '/sandbox/genesys/conversations/none/messages', { text: 'x' })).status).toBe(404);
  });

  it('lets the guest go on after a disconnect, in a new conversation', async () => {
    const guest = await lab.configured();
    await guest.say('Hello');
    const [first] = await lab.conversations();
    await lab.http('POST', `/sandbox/genesys/conversations/${first?.id}/disconnect`);
    const bye = await guest.heard((frame) => frame.body.events?.[0]?.presence?.type === 'Disconnect');
    expect(bye.body).toMatchObject({ type: 'Event', direction: 'Outbound' });
    expect(bye.body.metadata?.['readOnly']).toBeUndefined();
    await guest.say('One more thing');
    expect(await lab.conversations()).toMatchObject([{ id: first?.id, state: 'disconnected' }, { state: 'connected' }]);
    expect(
      (await lab.http('POST', `/sandbox/genesys/conversations/${first?.id}/messages`, { text: 'late' })).status,
    ).toBe(409);
  });

  it('refuses messages after a read-only disconnect, until the guest starts anew', async () => {
    await lab.http('PATCH', '/sandbox/genesys/deployment', { conversationDisconnect: 'ReadOnly' });
    const guest = await lab.configured();
    await guest.say('Hello');
    const [first] = await lab.conversations();
    await lab.http('POST', `/sandbox/genesys/conversations/${first?.id}/disconnect`);
    const bye = await guest.heard((frame) => frame.body.events?.[0]?.presence?.type === 'Disconnect');
    expect(bye.body.metadata?.['readOnly']).toBe('true');
    expect(await guest.say('May I?')).toMatchObject({ class: 'string', code: 409 });
    expect(await guest.ask('closeSession', { closeAllConnections: true })).toMatchObject({
      class: 'SessionResponse',
      body: { connected: false, readOnly: true },
    });
    expect(await guest.configure({ startNew: true })).toMatchObject({ body: { newSession: true, readOnly: false } });
    expect(await guest.say('Thank you')).toMatchObject({ code: 200 });
  });

  it('takes the former conversation up again where messages are threaded', async () => {
    await lab.http('PATCH', '/sandbox/genesys/deployment', { threading: 'same' });
    const guest = await lab.configured();
    await guest.say('Hello');
    const [first] = await lab.conversations();
    await lab.http('POST', `/sandbox/genesys/conversations/${first?.id}/disconnect`);
    await guest.say('Hello again');
    expect(await lab.conversations()).toMatchObject([{ id: first?.id, state: 'connected' }]);
  });

  it('ends conversation, session and connections when the guest clears', async () => {
    const guest = await lab.configured();
    const other = await lab.configured(guest.token);
    await guest.say('Hello');
    expect((await guest.presence('Clear')).body).toMatchObject({
      direction: 'Inbound',
      events: [{ presence: { type: 'Clear' } }],
    });
    await guest.heard((frame) => frame.class === 'SessionClearedEvent');
    await guest.heard((frame) => frame.class === 'ConnectionClosedEvent');
    expect([await guest.closed(), await other.closed()]).toEqual([1000, 1000]);
    expect(await lab.conversations()).toMatchObject([{ state: 'disconnected' }]);
    expect((await (await lab.guest(guest.token)).configure()).body.newSession).toBe(true);
  });

  it('refuses what its configuration switches off', async () => {
    await lab.http('PATCH', '/sandbox/genesys/deployment', {
      autoStart: false,
      conversationClear: false,
      userTyping: false,
    });
    const guest = await lab.configured();
    expect(await guest.presence('Clear')).toMatchObject({
      code: 403,
      body: 'Presence events Conversation Clear are not supported',
    });
    expect(await guest.presence('Join')).toMatchObject({ code: 403 });
    const typing = { type: 'Event', events: [{ eventType: 'Typing', typing: { type: 'On' } }] };
    expect(await guest.ask('onMessage', { message: typing })).toMatchObject({ code: 403 });
    expect(await lab.conversations()).toEqual([]);
  });

  it('starts nothing for a guest who only types', async () => {
    const guest = await lab.configured();
    const typing = { type: 'Event', events: [{ eventType: 'Typing', typing: { type: 'On' } }] };
    expect(await guest.ask('onMessage', { message: typing })).toMatchObject({ code: 200 });
    expect(await lab.conversations()).toEqual([]);
  });

  it('measures texts and attributes in bytes', async () => {
    const guest = await lab.configured();
    expect(await guest.say('é'.repeat(2049))).toMatchObject({ class: 'string', code: 4011 });
    expect(await guest.say('é'.repeat(2048))).toMatchObject({ code: 200 });
    expect(await guest.say('hi', { note: 'é'.repeat(1100) })).toMatchObject({ code: 4013 });
    expect(await guest.say('hi', { count: 3 })).toMatchObject({ code: 400 });
    expect(await guest.say('')).toMatchObject({ code: 400 });
    const [conversation] = await lab.conversations();
    expect(conversation?.participants[0]?.messages).toHaveLength(1);
  });

  it('accepts attributes beside the message too', async () => {
    const guest = await lab.configured();
    await guest.ask('onMessage', { message: textOf('hi'), channel: { metadata: { customAttributes: { a: '1' } } } });
    expect((await lab.conversations())[0]?.participants[0]?.attributes).toEqual({ a: '1' });
  });

  it('takes five messages a second from a session, whichever connections they come by', async () => {
    const guest = await lab.configured();
    const other = await lab.configured(guest.token);
    for (let turn = 0; turn < 5; turn += 1)
      (turn % 2 === 0 ? guest : other).tell('onMessage', { message: textOf(`${turn}`) });
    await guest.heard((frame) => frame.body.text === '4');
    expect(await guest.say('one too many')).toMatchObject({
      class: 'TooManyRequestsErrorMessage',
      code: 429,
      body: { errorCode: 4029, retryAfter: 1, errorMessage: 'Message rate too high for this session' },
    });
    await wait(1000);
    expect(await guest.say('later')).toMatchObject({ code: 200 });
  });

  it('answers two health checks a minute', async () => {
    const guest = await lab.configured();
    const ping = { message: { type: 'Text', text: 'ping' } };
    for (const _ of [1, 2])
      expect(await guest.ask('echo', ping)).toMatchObject({
        class: 'StructuredMessage',
        code: 200,
        body: { text: 'ping', metadata: { durationSeconds: '259200', expirationDate: someText } },
      });
    expect(await guest.ask('echo', ping)).toMatchObject({ class: 'TooManyRequestsErrorMessage', code: 429 });
    expect(await lab.conversations()).toEqual([]);
  });

  it('keeps three connections of a guest; a fourth closes the oldest', async () => {
    const oldest = await lab.configured();
    const rest = [
      await lab.configured(oldest.token),
      await lab.configured(oldest.token),
      await lab.configured(oldest.token),
    ];
    await oldest.heard((frame) => frame.class === 'ConnectionClosedEvent');
    expect(await oldest.closed()).toBe(1000);
    await rest[0]?.say('Hello');
    for (const each of rest) await each.heard((frame) => frame.body.text === 'Hello');
  });

  it('closes one connection or all others on request, and ends nothing by it', async () => {
    const guest = await lab.configured();
    const other = await lab.configured(guest.token);
    await guest.say('Hello');
    expect(await guest.ask('closeSession', { closeAllConnections: true })).toMatchObject({
      body: { connected: false },
    });
    expect(await other.closed()).toBe(1000);
    expect((await guest.configure()).body.newSession).toBe(false);
    guest.tell('closeSession', { closeAllConnections: false });
    await guest.heard((frame) => frame.class === 'ConnectionClosedEvent');
    await guest.closed();
    expect(await lab.conversations()).toMatchObject([{ state: 'connected' }]);
  });

  it('describes the deployment', async () => {
    const guest = await lab.configured();
    expect(await guest.ask('getConfiguration', {})).toMatchObject({
      class: 'GetConfigurationResponse',
      body: { maxCustomDataBytes: 2048, sessionDurationSeconds: 259_200 },
    });
  });

  it('survives whatever knocks at it', async () => {
    for (const path of ['//', '/%zz', '/v1', '/v2?deploymentId=x', 'http://']) {
      const line = connect(lab.sandbox.port, '127.0.0.1');
      line.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
      const [answer] = (await once(line, 'data')) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1.1 4\d\d /);
      line.destroy();
    }
    expect(await (await lab.guest()).configure()).toMatchObject({ code: 200 });
  });

  it('survives whatever is sent to it', async () => {
    const guest = await lab.configured();
    const answers = (count: number) => guest.heard(() => guest.frames.length > count);
    for (const nonsense of [
      '{',
      '[]',
      'null',
      '"text"',
      '{}',
      '{"action":{}}',
      '{"action":"constructor"}',
      '{"action":"ping","token":"x"}',
      `{"action":${'['.repeat(50_000)}1${']'.repeat(50_000)}}`,
    ]) {
      const before = guest.frames.length;
      guest.socket.send(nonsense);
      await answers(before);
      expect(guest.frames.at(-1)).toMatchObject({ class: 'string', code: expect.any(Number) as unknown });
    }
    expect(
      await guest.ask('onMessage', { message: { type: 'Event', events: [{ eventType: 'CoBrowse' }] } }),
    ).toMatchObject({ code: 400 });
    expect(await guest.ask('onMessage', { message: 7 })).toMatchObject({ code: 4020 });
    expect(await guest.ask('onMessage', { token: randomUUID(), message: textOf('x') })).toMatchObject({ code: 4007 });
    expect(await guest.ask('configureAuthenticatedSession', {})).toMatchObject({ code: 4000 });
    guest.socket.ping();
    await once(guest.socket, 'pong');
    expect(await guest.say('Still here')).toMatchObject({ code: 200 });
  });

  it('ends a session when its time is over', async () => {
    await lab.http('PATCH', '/sandbox/genesys/deployment', { sessionSeconds: 1 });
    const guest = await lab.configured();
    await guest.say('Hello');
    await wait(1050);
    expect(await guest.say('Hello?')).toMatchObject({ class: 'string', code: 4006 });
    await guest.heard((frame) => frame.class === 'SessionExpiredEvent');
    expect(await (await lab.guest(guest.token)).configure()).toMatchObject({ code: 4006 });
    expect(await lab.conversations()).toMatchObject([{ state: 'disconnected' }]);
  });

  it('shows a guest what was said while it was away', async () => {
    const guest = await lab.configured();
    const echo = await guest.say('Hello');
    await guest.heard((frame) => frame.body.direction === 'Outbound');
    guest.hangUp();
    const [conversation] = await lab.conversations();
    await lab.http('POST', `/sandbox/genesys/conversations/${conversation?.id}/messages`, {
      text: 'Where are you?',
      from: 'agent',
    });
    const back = await lab.configured(guest.token);
    const ticket = await back.ask('getJwt');
    expect(ticket).toMatchObject({ class: 'JwtResponse', body: { exp: expect.any(Number) as unknown } });
    const headers = { authorization: `bearer ${ticket.body.jwt}` };
    type History = { entities: { id: string; text?: string; direction: string }[]; total: number; pageCount: number };
    const history = await lab.http<History>('GET', '/api/v2/webmessaging/messages?pageSize=2', undefined, headers);
    expect(history.body).toMatchObject({ pageSize: 2, pageNumber: 1, total: 3, pageCount: 2 });
    expect(history.body.entities[0]).toMatchObject({ text: 'Where are you?', direction: 'Outbound' });
    const older = await lab.http<History>(
      'GET',
      '/api/v2/webmessaging/messages?pageSize=2&pageNumber=2',
      undefined,
      headers,
    );
    expect(older.body.entities).toMatchObject([
      { id: echo.body.channel?.messageId, text: 'Hello', direction: 'Inbound' },
    ]);
    expect((await lab.http('GET', '/api/v2/webmessaging/messages')).status).toBe(401);
    expect((await lab.http('GET', '/api/v2/webmessaging/messages?pageSize=0', undefined, headers)).status).toBe(400);
  });
});
