import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { Frame } from './frames.js';
import { GuestSocket } from './guest-socket.js';

describe('GuestSocket', () => {
  let server: WebSocketServer;
  const serve = async (options: { autoPong?: boolean } = {}): Promise<string> => {
    server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
    await once(server, 'listening');
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const open = async (url: string): Promise<{ socket: GuestSocket; other: WebSocket; lost: Promise<number> }> => {
    const connected = once(server, 'connection') as Promise<[WebSocket]>;
    const socket = await GuestSocket.open({ url, origin: 'http://localhost', connectMs: 1_000, pingMs: 50 });
    const lost = new Promise<number>((resolve) => (socket.onLost = resolve));
    return { socket, other: (await connected)[0], lost };
  };
  const asked = async (other: WebSocket): Promise<{ tracingId: string }> => {
    const [data] = (await once(other, 'message')) as [Buffer];
    return JSON.parse(data.toString()) as { tracingId: string };
  };
  const request = { action: 'getJwt', token: 'a-token' };
  afterEach(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });

  it('takes a connection that answers no ping for lost', async () => {
    const { lost } = await open(await serve({ autoPong: false }));
    expect(await lost).toBe(1006);
  });

  it('keeps a connection that answers pings and says nothing else', async () => {
    const { socket, lost } = await open(await serve());
    const quiet = new Promise((resolve) => setTimeout(() => resolve('still there'), 300));
    expect(await Promise.race([lost, quiet])).toBe('still there');
    socket.close();
  });

  it('tells whoever waits for an answer that the connection is gone', async () => {
    const { socket, other } = await open(await serve());
    const answer = socket.request(request, ['JwtResponse'], 5_000);
    other.terminate();
    await expect(answer).rejects.toMatchObject({ code: 'genesys.socket_unavailable' });
    await expect(socket.request(request, ['JwtResponse'], 5_000)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('gives each answer to whoever asked, by tracing id, past acknowledgements on the way', async () => {
    const { socket, other } = await open(await serve());
    const heard: Frame[] = [];
    socket.onFrame = (frame) => void heard.push(frame);
    const first = socket.request({ ...request, tracingId: 'one' }, ['JwtResponse'], 1_000);
    const second = socket.request({ ...request, tracingId: 'two' }, ['JwtResponse'], 1_000);
    other.send('{"class":"string","code":200,"body":"accepted","tracingId":"one"}');
    other.send('{"class":"JwtResponse","code":200,"body":{"jwt":"2"},"tracingId":"two"}');
    other.send('{"class":"JwtResponse","code":200,"body":{"jwt":"1"},"tracingId":"one"}');
    expect([(await first).body, (await second).body]).toEqual([{ jwt: '1' }, { jwt: '2' }]);
    expect(heard).toHaveLength(3);
  });

  it('recognises an answer without a tracing id by its class, and an error if only one waits', async () => {
    const { socket, other } = await open(await serve());
    const jwt = socket.request(request, ['JwtResponse'], 1_000);
    await asked(other);
    other.send('{"class":"StructuredMessage","code":200,"body":{"id":"an agent spoke"}}');
    other.send('{"class":"JwtResponse","code":200,"body":{"jwt":"1"}}');
    expect((await jwt).body).toEqual({ jwt: '1' });
    const refused = socket.request(request, ['JwtResponse'], 1_000);
    other.send('{"class":"string","code":4020,"body":"Missing parameter"}');
    await expect(refused).rejects.toMatchObject({ kind: 'refused' });
  });

  it('survives whatever is no frame', async () => {
    const { socket, other } = await open(await serve());
    const heard: Frame[] = [];
    socket.onFrame = (frame) => void heard.push(frame);
    for (const text of ['', 'null', '[]', '42', '"text"', '{', '{"code":200}', '{"class":7}']) other.send(text);
    other.send(Buffer.from([0xff, 0xfe]));
    other.send('{"class":"Known"}');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard.at(-1)).toEqual({ class: 'Known', code: 200, tracingId: null, body: undefined });
    // Told as frames of no class, so that they can be counted.
    expect(new Set(heard.slice(0, -1).map(({ class: name }) => name))).toEqual(new Set(['']));
  });
});
