import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Open } from './access.js';
import { encoded, goneSignal, sendEvents } from './event-stream.js';
import type { StreamEvent } from './event-stream.js';
import { served } from './served.contract.js';
import type { Served } from './served.contract.js';

/** What the stream under test is made of, and what became of it. */
let events: (gone: AbortSignal) => AsyncGenerator<StreamEvent, void>;
let ended: Promise<void>;
const TIMING = { heartbeatMs: 100, patienceMs: 300 };

@Open()
@Controller('v1/stream')
class StreamController {
  @Get()
  async stream(@Res() reply: FastifyReply): Promise<void> {
    ended = sendEvents(reply, events(goneSignal(reply)), TIMING);
    await ended;
  }
}

describe('A stream of events', () => {
  let http: Served;
  beforeAll(async () => void (http = await served({ controllers: [StreamController] })));
  afterAll(() => http.close());

  const open = () => fetch(`${http.url}/v1/stream`);
  const port = (): number => Number(new URL(http.url).port);
  const some = async function* (...given: StreamEvent[]): AsyncGenerator<StreamEvent, void> {
    for (const event of given) yield event;
  };
  const untilGone = async (gone: AbortSignal): Promise<void> => {
    while (!gone.aborted) await sleep(10);
  };

  it('is sent as the standard has it, with the headers of every answer, and ends with its events', async () => {
    events = () => some({ id: '7', event: 'state', data: { text: 'two\nlines\r\n' } }, { event: 'typing', data: {} });
    const answer = await open();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(answer.headers.get('cache-control')).toContain('no-cache');
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await answer.text()).toBe(
      'retry: 2000\n\nid: 7\nevent: state\ndata: {"text":"two\\nlines\\r\\n"}\n\nevent: typing\ndata: {}\n\n',
    );
  });

  it('keeps an event on its lines whatever is in it', () => {
    for (const text of ['\n\nevent: forged\ndata: {}', '\r', '\u2028', '']) {
      const lines = encoded({ id: '1', event: 'message', data: { text } }).split(/\r\n|\r|\n/);
      expect([lines.length, lines.slice(3)]).toEqual([5, ['', '']]);
    }
  });

  it('says that it is alive while there is nothing to say', async () => {
    events = async function* (gone) {
      await Promise.race([untilGone(gone), sleep(350)]);
      yield { event: 'late', data: 1 };
    };
    const text = await (await open()).text();
    expect(text.match(/^: alive$/gm)!.length).toBeGreaterThanOrEqual(2);
    expect(text).toContain('event: late');
  });

  it('ends when its reader hangs up', async () => {
    let isClosed = false;
    events = async function* (gone) {
      try {
        yield { event: 'first', data: 1 };
        await untilGone(gone);
      } finally {
        isClosed = true;
      }
    };
    const hangUp = new AbortController();
    const answer = await fetch(`${http.url}/v1/stream`, { signal: hangUp.signal });
    await answer.body!.getReader().read();
    hangUp.abort();
    for (let tries = 0; !isClosed && tries < 100; tries++) await sleep(20);
    expect(isClosed).toBe(true);
    await ended;
  });

  it('disconnects a reader that takes nothing, and has made no more for it than the connection takes', async () => {
    let made = 0;
    events = async function* () {
      for (; made < 10_000; made++) yield { event: 'large', data: 'x'.repeat(32_768) };
    };
    const socket = connect(port(), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    socket.write('GET /v1/stream HTTP/1.1\r\nhost: a\r\n\r\n');
    const startedAt = performance.now();
    while (http.lines.every(({ msg }) => msg !== 'slow reader disconnected')) {
      if (performance.now() - startedAt > 10_000) throw new Error('the reader was not disconnected');
      await sleep(20);
    }
    await ended;
    expect(http.lines.find(({ msg }) => msg === 'slow reader disconnected')!['waiting']).toBeLessThan(100_000);
    // A system takes some megabytes for a reader that does not read; none of the rest was ever made.
    expect(made).toBeLessThan(1_000);
    socket.destroy();
  });

  it('loses nothing for a reader that is slow, but reads', async () => {
    events = async function* () {
      for (let n = 0; n < 200; n++) yield { id: String(n), event: 'large', data: 'x'.repeat(16_384) };
    };
    const answer = await open();
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.length % 7 === 0) await sleep(5);
    }
    expect(text.match(/^id: \d+$/gm)).toEqual(Array.from({ length: 200 }, (_, n) => `id: ${n}`));
  });

  it('breaks off when there is no way to go on, without a word of why', async () => {
    events = async function* () {
      yield { event: 'first', data: 1 };
      await sleep(50);
      throw new Error('secret');
    };
    const answer = await open();
    await expect(answer.text()).rejects.toThrow();
    const line = http.lines.find(({ msg }) => msg === 'stream broken off');
    expect(line).toMatchObject({ code: 'bug.Error' });
    expect(JSON.stringify(line)).not.toContain('secret');
  });

  it('answers HEAD with its headers alone', async () => {
    let asked = false;
    events = async function* () {
      asked = true;
      yield { event: 'first', data: 1 };
    };
    const answer = await fetch(`${http.url}/v1/stream`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-type'), asked]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      false,
    ]);
  });
});
