import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Open } from './access.js';
import { goneSignal } from './event-stream.js';
import { answeredAs, sendFile } from './file-answer.js';
import { served } from './served.contract.js';
import type { Served } from './served.contract.js';

/** What is in the file under test, and how long it is said to be. */
let bytes: (gone: AbortSignal) => AsyncGenerator<Uint8Array, void>;
let size: number | null;

@Open()
@Controller('v1/file')
class FileController {
  @Get()
  async file(@Res() reply: FastifyReply): Promise<void> {
    await sendFile(reply, { fileName: 'a.pdf', mediaType: 'application/pdf', size, bytes: bytes(goneSignal(reply)) });
  }
}

describe('A file that is answered', () => {
  let http: Served;
  beforeAll(async () => void (http = await served({ controllers: [FileController] })));
  beforeEach(() => void (size = null));
  afterAll(() => http.close());

  const get = (method = 'GET') => fetch(`${http.url}/v1/file`, { method });

  it('arrives as it is, with its size when that is known', async () => {
    bytes = async function* () {
      for (const part of ['%PDF', '-1.7']) yield Buffer.from(part);
    };
    for (const [said, header] of [[null, null] as const, [8, '8'] as const]) {
      size = said;
      const answer = await get();
      expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
        200,
        header,
        '%PDF-1.7',
      ]);
    }
  });

  it('is not read for who only asks about it', async () => {
    let isRead = false;
    size = 8;
    bytes = async function* () {
      isRead = true;
      yield Buffer.from('%PDF-1.7');
    };
    const answer = await get('HEAD');
    expect([answer.status, answer.headers.get('content-length'), isRead]).toEqual([200, '8', false]);
  });

  it('breaks off where its bytes do, so that nobody takes it for whole, and the next is served', async () => {
    bytes = async function* () {
      yield Buffer.from('%PDF');
      throw new Error('the storage is away');
    };
    const answer = await get();
    await expect(answer.text()).rejects.toThrow();
    expect(http.lines.at(-1)).toMatchObject({ msg: 'file broken off', code: 'bug.Error' });
    bytes = async function* () {
      yield Buffer.from('whole');
    };
    expect(await (await get()).text()).toBe('whole');
  });

  it('is read no further when whoever asked for it is gone', async () => {
    let isGone = (): void => undefined;
    const told = new Promise<void>((resolve) => (isGone = resolve));
    bytes = async function* (gone) {
      gone.addEventListener('abort', isGone);
      for (;;) yield Buffer.alloc(64 * 1024);
    };
    const hangingUp = new AbortController();
    const answer = await fetch(`${http.url}/v1/file`, { signal: hangingUp.signal });
    await answer.body!.getReader().read();
    hangingUp.abort();
    await told;
  });

  it.each([
    ['image/png', 'image/png'],
    ['text/html', 'application/octet-stream'],
    ['image/svg+xml', 'application/octet-stream'],
    ['toString', 'application/octet-stream'],
  ])('of %s is answered as %s', (mediaType, answered) => expect(answeredAs(mediaType)).toBe(answered));
});
