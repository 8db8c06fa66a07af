import type { ClientRequest, IncomingMessage } from 'node:http';
import { ExponentialBackoff, fullJitterGenerator } from 'cockatiel';
import { WebSocket } from 'ws';
import { socketUnavailable } from './genesys-errors.js';

/** Longer than any frame there is room for; a conversation with all its participants and messages is the longest. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** Waits before a socket that was lost is opened once more. */
export const RECONNECT = new ExponentialBackoff({
  initialDelay: 1_000,
  maxDelay: 30_000,
  generator: fullJitterGenerator,
});

/**
 * A WebSocket to Genesys, to be listened to at once, and when it is open. `refused` says what an answer to the handshake means that opens none.
 * `opened` rejects with that, or with `genesys.socket_unavailable`.
 */
export function connect(
  url: string,
  { connectMs, origin }: { readonly connectMs: number; readonly origin?: string },
  refused: (answer: IncomingMessage) => Error,
): { readonly socket: WebSocket; readonly opened: Promise<void> } {
  const socket = new WebSocket(url, {
    ...(origin === undefined ? {} : { origin }),
    handshakeTimeout: connectMs,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
  });
  const opened = new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', () => reject(socketUnavailable()));
    socket.on('close', () => reject(socketUnavailable()));
    socket.on('unexpected-response', (request: ClientRequest, answer: IncomingMessage) => {
      reject(refused(answer));
      request.destroy();
    });
  });
  return { socket, opened };
}

/** Closes it from our side. A peer that has gone silent never answers the close either. */
export function hangUp(socket: WebSocket): void {
  socket.close(1000);
  setTimeout(() => socket.terminate(), 1_000).unref();
}
