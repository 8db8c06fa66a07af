import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { GenesysGuestChannel } from './guest-channel.js';

/** Storage that does as each test tells it. */
let storage: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: IncomingMessage[];
let origin: string;
let channel: GenesysGuestChannel;

beforeAll(async () => {
  storage = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(storage.address() as AddressInfo).port}`;
  channel = new GenesysGuestChannel({
    ...{ environment: 'mypurecloud.ie', deploymentId: 'd', origin: 'https://www.example.com', gatewayUrl: origin },
    ...{ clientId: 'an-id', clientSecret: 'a-secret' },
  });
});
beforeEach(() => void (asked = []));
afterAll(() => {
  storage.closeAllConnections();
  return new Promise((resolve) => storage.close(resolve));
});

const SIGNATURE = 'a-signature-nobody-may-see';
const read = async (gone = new AbortController().signal): Promise<{ size: number | null; text: string }> => {
  const { size, bytes } = await channel.download(`${origin}/files/a?signature=${SIGNATURE}`, gone);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return { size, text: Buffer.concat(chunks).toString() };
};

describe('Reading a file from a signed address', () => {
  it('tells the storage nothing of us or of the guest', async () => {
    answer = (_, response) => void response.end('a file');
    expect(await read()).toEqual({ size: 6, text: 'a file' });
    const { authorization, origin: from, cookie, referer, 'accept-encoding': coding } = asked[0]!.headers;
    expect([authorization, from, cookie, referer, coding]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'identity',
    ]);
  });

  it('knows no size where none is said', async () => {
    answer = (_, response) => {
      response.write('a ');
      response.end('file');
    };
    expect(await read()).toEqual({ size: null, text: 'a file' });
  });

  it('is led nowhere else', async () => {
    answer = (_, response) => void response.writeHead(302, { location: `${origin}/elsewhere` }).end();
    await expect(read()).rejects.toMatchObject({ kind: 'refused', code: 'genesys.file_host' });
    expect(asked).toHaveLength(1);
  });

  it.each([
    [400, 'refused', 'genesys.file_gone'],
    [403, 'refused', 'genesys.file_gone'],
    [404, 'refused', 'genesys.file_gone'],
    [408, 'unavailable', 'genesys.unavailable'],
    [429, 'throttled', 'genesys.throttled'],
    [503, 'unavailable', 'genesys.unavailable'],
  ])('is answered %i, which is %s', async (status, kind, code) => {
    answer = (_, response) => void response.writeHead(status, { 'retry-after': '7' }).end('<Error/>');
    const error: unknown = await read().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind, code, ...(kind === 'refused' ? {} : { retryAfterMs: 7_000 }) });
    expect([inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)].join()).not.toContain(SIGNATURE);
  });

  it('breaks off where the storage does, and says nothing of where that was', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half');
      setImmediate(() => response.destroy());
    };
    const error: unknown = await read().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'unavailable', code: 'genesys.unavailable' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SIGNATURE);
  });

  it('ends when whoever asked is gone, before it has begun and in its middle', async () => {
    const hungUp = new Promise<void>((resolve) => {
      answer = (_, response) => {
        response.write('half');
        response.once('close', resolve);
      };
    });
    const gone = new AbortController();
    const { bytes } = await channel.download(`${origin}/files/a`, gone.signal);
    expect((await bytes.next()).value).toEqual(new Uint8Array(Buffer.from('half')));
    gone.abort();
    await expect(bytes.next()).rejects.toMatchObject({ kind: 'unavailable' });
    await hungUp;
    await expect(read(gone.signal)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(asked).toHaveLength(1);
  });
});
