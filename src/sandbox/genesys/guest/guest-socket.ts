import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Effect } from '../../fault.js';
import type { Call, Faults } from '../../faults.js';
import { isObject } from '../../json.js';
import type { Limits } from '../limits.js';
import { RateWindow } from '../rate-window.js';
import { redactBody, redactHeaders } from '../../redaction.js';
import type { RequestLog } from '../../requests.js';
import { account, isAllowedOrigin } from '../account.js';
import { channelOf } from '../notifications/notifications.js';
import { refuseUpgrade } from '../refuse-upgrade.js';
import { GuestConnection } from './guest-connection.js';
import { errorFrame, GuestError } from './guest-frames.js';
import type { GuestRequests } from './guest-requests.js';
import type { Messaging } from '../messaging.js';

const call: Call = { target: 'genesys', operation: 'websocket', path: '/v1' };

/** The guest WebSocket endpoint: who may connect, and the way of each frame in. */
export class GuestSocket {
  private readonly server = new WebSocketServer({ noServer: true, maxPayload: 128 * 1024, perMessageDeflate: false });
  private readonly connections = new Set<GuestConnection>();
  private readonly openings: RateWindow;
  private opened = 0;

  constructor(
    private readonly requests: GuestRequests,
    private readonly messaging: Messaging,
    private readonly log: RequestLog,
    private readonly faults: Faults,
    private readonly limits: Limits,
  ) {
    this.openings = new RateWindow(() => limits.connectionsPerMinute, limits.minuteMs);
  }

  /** Takes the WebSocket handshakes of an HTTP server. */
  attach(http: Server): void {
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (channelOf(request.url) !== null) return;
      // Whoever hangs up during the handshake is not worth a crash.
      socket.on('error', () => socket.destroy());
      this.open(request, socket, head).catch(() => refuseUpgrade(socket, 400, null));
    });
  }

  /** Breaks off the oldest connections. */
  drop(times: number, closeCode: number | undefined): void {
    const dropped = [...this.connections].filter((connection) => connection.isOpen).slice(0, times);
    for (const connection of dropped) end(connection, closeCode);
  }

  close(): void {
    for (const connection of this.connections) connection.cut();
    this.server.close();
  }

  private async open(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', 'ws://sandbox');
    this.log.add(
      {
        at: now(),
        target: 'genesys',
        method: 'GET',
        path: url.pathname,
        query: url.search.slice(1),
        headers: redactHeaders(request.headers),
        body: null,
      },
      500,
    );
    const path = url.pathname + url.search;
    const effect =
      this.faults.take('handshake', { ...call, path }) ??
      this.faults.take('arrival', { ...call, operation: null, path });
    await this.faults.pause(effect?.delayMs);
    if (effect?.drop) return void socket.destroy();
    const status = effect?.permission === false ? 403 : (effect?.status ?? this.refusalOf(url, request.headers.origin));
    if (status !== null) return refuseUpgrade(socket, status, effect);
    this.server.handleUpgrade(request, socket, head, (webSocket) => this.welcome(webSocket, request));
  }

  private refusalOf(url: URL, origin: string | undefined): number | null {
    if (!/^\/v1\/?$/.test(url.pathname)) return 404;
    if (url.searchParams.get('deploymentId') !== account.deploymentId || !isAllowedOrigin(origin)) return 403;
    return this.openings.take() > 0 ? 429 : null;
  }

  private welcome(webSocket: WebSocket, request: IncomingMessage): void {
    this.opened += 1;
    const connection = new GuestConnection(webSocket, request, this.opened, this.limits);
    this.connections.add(connection);
    webSocket.on('message', (data) => connection.turn(() => this.receive(connection, data)));
    webSocket.on('error', () => connection.cut());
    webSocket.on('close', () => {
      connection.leave();
      this.connections.delete(connection);
    });
  }

  private async receive(connection: GuestConnection, data: RawData): Promise<void> {
    const text = (data as Buffer).toString('utf8');
    const frame = parse(text);
    const tracingId = isObject(frame) && typeof frame['tracingId'] === 'string' ? frame['tracingId'] : undefined;
    try {
      this.record(connection, frame ?? `[not JSON, ${text.length} characters]`, text.length);
      if (!isObject(frame)) throw new GuestError(400, 'A request must be a JSON object.');
      const isMessage = frame['action'] === 'onMessage';
      const effect = this.faults.take('frame', call, (each) => isMessage || !each.dropAfterAccepting);
      if (effect !== null && (await this.suffer(connection, effect, tracingId))) return;
      this.requests.answer(connection, frame, { tracingId, acknowledge: !effect?.dropAfterAccepting });
      if (effect?.drop) end(connection, effect.closeCode);
    } catch (error) {
      const frameOfError = errorFrame(error, tracingId);
      if (frameOfError.code === 5000) console.error('the sandbox itself failed', error);
      connection.send(frameOfError);
    }
  }

  /** True when the frame is done with. */
  private async suffer(connection: GuestConnection, effect: Effect, tracingId: string | undefined): Promise<boolean> {
    await this.faults.pause(effect.delayMs);
    if (effect.expireToken && connection.session !== null) {
      this.messaging.expire(connection.session);
      throw new GuestError(4006, 'session expired');
    }
    if (effect.drop && !effect.dropAfterAccepting) {
      end(connection, effect.closeCode);
      return true;
    }
    if (!isObject(effect.body)) return false;
    connection.send({
      type: 'response',
      class: 'string',
      code: 500,
      body: '',
      ...(tracingId === undefined ? {} : { tracingId }),
      ...effect.body,
    });
    return true;
  }

  private record(connection: GuestConnection, body: unknown, bytes: number): void {
    const { headers, number } = connection;
    this.log.add(
      { at: now(), target: 'genesys', method: 'WS', path: '/v1', headers, body: redactBody(body), connection: number },
      300 + bytes,
    );
  }
}

function end(connection: GuestConnection, closeCode: number | undefined): void {
  if (closeCode === undefined) connection.cut();
  else connection.close(closeCode);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function now(): string {
  return new Date().toISOString();
}
