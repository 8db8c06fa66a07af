import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorAnswer, statusWords } from '../error-answer.js';
import type { Effect } from '../fault.js';
import { Refusal } from '../refusal.js';

/** Answers a WebSocket handshake with a status instead. */
export function refuseUpgrade(socket: Duplex, status: number, effect: Effect | null): void {
  const correlationId = randomUUID();
  const body = JSON.stringify(
    effect?.body ?? errorAnswer('genesys', new Refusal(status, ...statusWords(status)), correlationId),
  );
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    'ININ-Correlation-Id': correlationId,
    Connection: 'close',
    ...effect?.headers,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
