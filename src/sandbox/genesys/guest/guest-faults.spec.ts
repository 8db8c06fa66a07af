import { WebSocket } from 'ws';
import { Lab, wait, type Received, type TestGuest } from '../../lab.contract.js';

describe('Faults on the guest socket', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  const outbound = (guest: TestGuest) => guest.frames.filter((frame) => frame.body.direction === 'Outbound');

  it('breaks as many open sockets as it is told, at once', async () => {
    const guests = [await lab.configured(), await lab.configured(), await lab.configured()];
    await lab.fault('genesys', 'websocket', { drop: true }, 2);
    expect(await Promise.all(guests.slice(0, 2).map((guest) => guest.closed()))).toEqual([1006, 1006]);
    expect(await guests[2]?.say('Still here')).toMatchObject({ code: 200 });
    expect((await lab.http('GET', '/sandbox/faults')).body).toEqual([]);
    expect((await (await lab.guest(guests[0]?.token)).configure()).body.newSession).toBe(false);
  });

  it('says goodbye with the close code it is given', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { drop: true, closeCode: 1001 });
    expect(await guest.closed()).toBe(1001);
  });

  it('breaks off at random', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { drop: true, random: 1 });
    guest.tell('getJwt');
    expect(await guest.closed()).toBe(1006);
  });

  it('takes a message without echoing it; the history has it', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { dropAfterAccepting: true });
    guest.tell('onMessage', { message: { type: 'Text', text: 'Did you get this?' } });
    await guest.heard((frame) => frame.body.direction === 'Outbound');
    expect(guest.frames.filter((frame) => frame.body.direction === 'Inbound')).toEqual([]);
    const { body } = await guest.ask('getJwt');
    const headers = { authorization: `bearer ${body.jwt}` };
    const history = await lab.http<{ entities: object[] }>('GET', '/api/v2/webmessaging/messages', undefined, headers);
    expect(history.body.entities.at(-1)).toMatchObject({ text: 'Did you get this?', direction: 'Inbound' });
    expect(await guest.say('And this?')).toMatchObject({ code: 200 });
  });

  it('sends frames twice', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { duplicate: true }, 2);
    await guest.say('Hello');
    await guest.heard(() => outbound(guest).length === 2);
    const ids = guest.frames.filter((frame) => frame.class === 'StructuredMessage').map((frame) => frame.body.id);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(2);
  });

  it('sends frames in another order', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { shuffle: true });
    const tracingId = guest.tell('onMessage', { message: { type: 'Text', text: 'Hello' } });
    await guest.heard((frame) => frame.tracingId === tracingId);
    expect(
      guest.frames.filter((frame) => frame.class === 'StructuredMessage').map((frame) => frame.body.direction),
    ).toEqual(['Outbound', 'Inbound']);
  });

  it('holds frames up, but no longer than the fault lasts', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { delayMs: 60_000 });
    const tracingId = guest.tell('onMessage', { message: { type: 'Text', text: 'Hello' } });
    await wait(50);
    expect(await lab.conversations()).toEqual([]);
    await lab.http('DELETE', '/sandbox/faults');
    await guest.heard((frame) => frame.tracingId === tracingId);
  });

  it('answers a frame of the order', async () => {
    const guest = await lab.configured();
    await lab.fault('genesys', 'websocket', { body: { code: 5000, body: 'Request failed.' } });
    expect(await guest.say('Hello')).toMatchObject({ class: 'string', code: 5000 });
    expect(await lab.conversations()).toEqual([]);
  });

  it('ends the session of a token', async () => {
    const guest = await lab.configured();
    await guest.say('Hello');
    await lab.fault('genesys', 'websocket', { expireToken: true });
    expect(await guest.say('Hello?')).toMatchObject({ code: 4006 });
    expect(await (await lab.guest(guest.token)).configure()).toMatchObject({ code: 4006 });
  });

  it('refuses handshakes', async () => {
    const { webmessagingUrl, deploymentId, origin } = lab.sandbox.connection.genesys;
    await lab.fault('genesys', 'websocket', { status: 503, headers: { 'Retry-After': '2' } });
    const socket = new WebSocket(`${webmessagingUrl}/v1?deploymentId=${deploymentId}`, { origin });
    const refused = await new Promise<{ status: number | undefined; wait: string | undefined }>((resolve) => {
      socket.on('error', () => undefined);
      socket.on('unexpected-response', (_request, response) =>
        resolve({ status: response.statusCode, wait: response.headers['retry-after'] }),
      );
    });
    expect(refused).toEqual({ status: 503, wait: '2' });
    expect((await (await lab.guest()).configure()).code).toBe(200);
  });

  it('writes down every frame without the token', async () => {
    const guest = await lab.guest();
    await guest.configure({ journeyContext: { customer: { id: guest.token, idType: 'cookie' } } });
    await guest.say('Hello', { guestSessionId: 'g-1' });
    const received = await lab.requests();
    expect(JSON.stringify(received)).not.toContain(guest.token);
    const frames = received.filter((each: Received) => each.method === 'WS');
    expect(frames).toMatchObject([
      { target: 'genesys', path: '/v1', body: { action: 'configureSession', token: '[redacted]' } },
      {
        body: {
          action: 'onMessage',
          message: { text: 'Hello', channel: { metadata: { customAttributes: { guestSessionId: 'g-1' } } } },
        },
      },
    ]);
  });
});
