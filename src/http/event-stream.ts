import type { FastifyReply } from 'fastify';
import { Logger } from '@nestjs/common';
import { errorCode } from '../kernel/app-error.js';

/** One event of a stream, as WHATWG HTML §9.2 has it. `data` is sent as one line of JSON. */
export type StreamEvent = {
  /** What a reader sends as `Last-Event-ID` to go on after this event. Absent: it cannot be asked for again. */
  readonly id?: string;
  readonly event: string;
  readonly data: unknown;
};

export type StreamTiming = {
  /** Between two comments that say the stream is alive: well below what closes a silent connection (`CONNECTION_TIMEOUT_MS`). */
  readonly heartbeatMs: number;
  /** How long a reader may take nothing while something waits for it. */
  readonly patienceMs: number;
};

const TIMING: StreamTiming = { heartbeatMs: 15_000, patienceMs: 5_000 };
/** How long a reader waits before it connects again, in milliseconds. */
const RETRY_MS = 2_000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // nginx keeps back what it could collect, otherwise.
  'x-accel-buffering': 'no',
};

/**
 * Answers with a stream of events (WHATWG HTML §9.2) and resolves when it has ended: because there are no more events, or the reader went away or
 * was too slow. The next event is asked for when the connection has taken the one before, so that a slow reader costs one event of memory; one
 * that takes nothing for `patienceMs` is disconnected, and finds what it missed by `Last-Event-ID`.
 *
 * Errors have to be thrown before: once the stream has begun all that can be done about one is to break it off.
 */
export async function sendEvents(
  reply: FastifyReply,
  events: AsyncGenerator<StreamEvent, void>,
  timing: StreamTiming = TIMING,
): Promise<void> {
  const { raw } = reply;
  reply.hijack();
  raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...HEADERS });
  // A reader that hangs up in the middle of a write is no error of anybody's.
  raw.on('error', () => undefined);
  if (raw.req.method === 'HEAD') {
    await events.return();
    raw.end();
    return;
  }
  raw.write(`retry: ${RETRY_MS}\n\n`);
  // To a reader that already has something to take, another sign of life tells nothing.
  const heartbeat = setInterval(() => {
    if (!raw.writableNeedDrain && !raw.destroyed) raw.write(': alive\n\n');
  }, timing.heartbeatMs);
  try {
    for await (const event of events) {
      if (raw.destroyed) return;
      if (!raw.write(encoded(event)) && !(await drained(raw, timing.patienceMs))) {
        new Logger('http').warn('slow reader disconnected', { waiting: raw.writableLength });
        raw.destroy();
        return;
      }
    }
    raw.end();
  } catch (error) {
    new Logger('http').warn('stream broken off', { code: errorCode(error) });
    raw.destroy();
  } finally {
    clearInterval(heartbeat);
  }
}

/** JSON has no line breaks outside of its strings, and escapes those inside. */
export const encoded = ({ id, event, data }: StreamEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/** True when the connection has taken everything, or is gone: false when it has not within `ms`. */
function drained(raw: FastifyReply['raw'], ms: number): Promise<boolean> {
  if (!raw.writableNeedDrain) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (isDrained: boolean): void => {
      clearTimeout(timer);
      raw.off('drain', taken).off('close', taken);
      resolve(isDrained);
    };
    const taken = (): void => settle(true);
    const timer = setTimeout(() => settle(false), ms);
    raw.once('drain', taken).once('close', taken);
  });
}

/** Aborted when whoever asked is gone, or has been answered. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  if (reply.raw.destroyed) gone.abort();
  return gone.signal;
}
