import { connect } from 'node:net';
import type { Socket } from 'node:net';

export type WireAnswer = { readonly status: number; readonly headers: Headers; readonly text: string };

/** One connection at a time, bytes in and answers out, for what no HTTP client would send. */
export class Wire {
  private socket: Socket | null = null;

  constructor(private readonly port: number) {}

  /**
   * What the server answers to these bytes. `null` when it closes a new connection without a word.
   * @param keep whether another request may follow on the same connection
   * @throws Error when there is no whole answer in time
   */
  async send(bytes: Buffer, method: string, { keep, ms }: { keep: boolean; ms: number }): Promise<WireAnswer | null> {
    const known = this.socket;
    // One that was kept may have been closed meanwhile, as HTTP allows; then nobody has read what was written into it.
    const answer = known === null || known.destroyed ? null : await this.exchange(known, bytes, method, ms);
    const final = answer ?? (await this.exchange((this.socket = this.open()), bytes, method, ms));
    if (final === null || !keep || final.headers.get('connection') === 'close') this.close();
    return final;
  }

  private exchange(socket: Socket, bytes: Buffer, method: string, ms: number): Promise<WireAnswer | null> {
    let received = Buffer.alloc(0);
    return new Promise<WireAnswer | null>((resolve, reject) => {
      const tooLate = (): void =>
        reject(new Error(`no answer within ${ms} ms, only: ${received.toString('latin1').slice(0, 300)}`));
      const timer = setTimeout(tooLate, ms);
      const end = (answer: WireAnswer | null): void => {
        clearTimeout(timer);
        resolve(answer);
      };
      socket.on('data', (data) => {
        received = Buffer.concat([received, data]);
        const answer = answerIn(received, method);
        if (answer !== null) end(answer);
      });
      socket.on('close', () => end(answerIn(received, method)));
      socket.write(bytes);
    }).finally(() => socket.removeAllListeners('data').removeAllListeners('close'));
  }

  private open(): Socket {
    const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
    // A server that refuses early need not read on: what it said before is what counts.
    return socket.on('error', () => undefined);
  }

  close(): void {
    this.socket?.destroy();
    this.socket = null;
  }
}

/** The first final answer in these bytes, once it is complete. */
function answerIn(bytes: Buffer, method: string): WireAnswer | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
  const rest = bytes.subarray(end + 4);
  if (status < 200) return answerIn(rest, method);
  const headers = new Headers(lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2) as [string, string]));
  if (method === 'HEAD' || status === 204 || status === 304) return { status, headers, text: '' };
  if (headers.get('transfer-encoding') === 'chunked') {
    const text = unchunked(rest);
    return text === null ? null : { status, headers, text };
  }
  const length = Number(headers.get('content-length') ?? 0);
  return rest.length < length ? null : { status, headers, text: rest.subarray(0, length).toString() };
}

function unchunked(bytes: Buffer): string | null {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line < 0) return null;
    const length = parseInt(bytes.subarray(at, line).toString(), 16);
    if (bytes.length < line + 4 + length) return null;
    if (length === 0) return Buffer.concat(parts).toString();
    parts.push(bytes.subarray(line + 2, line + 2 + length));
    at = line + 4 + length;
  }
}
