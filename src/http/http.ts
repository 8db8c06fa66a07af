import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';
import helmet from 'helmet';
import { AppError } from '../kernel/app-error.js';
import { allowOrigins } from './cors.js';
import { passFilesOn } from './file-body.js';
import { expectationFailed, malformedRequest, shuttingDown } from './http.errors.js';
import { Idempotency } from './idempotency.js';
import { noticeKeys } from './idempotent.js';
import { BODY_LIMIT, BODY_TYPES, readBody } from './json-body.js';
import { serveOpenApi } from './openapi.js';
import { ProblemFilter, answerFrameworkError } from './problem.filter.js';
import { PROBLEM_TYPE, problemOf } from './problem.js';
import { keepRawBody } from './raw-body.js';
import { rememberRoutes } from './routes.js';
import { Scrape } from './scrape.js';
import { addRunContext, REQUEST_ID_HEADER, requestId } from './run-context.hook.js';
import { RequestPipe } from './validation.js';

/** A connection on which nothing moved for this long is closed. Streams have to say something more often. */
export const CONNECTION_TIMEOUT_MS = 60_000;

/** A request has to have arrived completely within this time. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** For `new FastifyAdapter(fastifyOptions())`: the limits, and answers of our shape where Fastify does not ask Nest. */
export const fastifyOptions = (): FastifyHttpOptions<Server> => ({
  logger: false,
  bodyLimit: BODY_LIMIT,
  connectionTimeout: CONNECTION_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  // Node looks for late requests only this often; its own default of 30 s would make the timeout above a wish.
  // And Fastify sets `requestTimeout` too late for Node to apply it to bodies.
  http: {
    connectionsCheckingInterval: 2_000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    // Node would answer without saying what is missing.
    requireHostHeader: false,
  },
  rewriteUrl: originForm,
  routerOptions: { maxParamLength: 128 },
  genReqId: requestId,
  // We say it ourselves, as a problem.
  return503OnClosing: false,
  // Before any hook of ours has run.
  frameworkErrors: (error, request, reply) => answerFrameworkError(error, request, reply.headers(ALWAYS)),
  clientErrorHandler: answerClientError,
});

/** For `NestFactory.create(…)`: the body parsers are ours. */
export const nestOptions = { bodyParser: false, bufferLogs: true } as const;

export type HttpOptions = {
  /** Whose pages may call us from a browser. */
  readonly corsOrigins: readonly string[];
};

/** Everything between the socket and a controller. Call once, before the app is initialised. Signals are the caller's to handle. */
export function configureHttp(app: NestFastifyApplication, { corsOrigins }: HttpOptions): void {
  const fastify = app.getHttpAdapter().getInstance();
  const methodsAt = rememberRoutes(fastify);
  addRunContext(fastify);
  noticeKeys(fastify, app.get(Idempotency));
  app.get(Scrape).watch(fastify);
  allowOrigins(fastify, corsOrigins);
  refuseEarly(fastify);
  refuseBeforeFastify(fastify.server);

  readBodies(app, fastify);
  app.useGlobalFilters(new ProblemFilter(methodsAt));
  app.useGlobalPipes(new RequestPipe());
  serveOpenApi(app);
}

const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;|$)/;

/** Nothing is refused here but what is too large: who sent it is asked first (`RequestGuard`). */
function readBodies(app: NestFastifyApplication, fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  for (const type of BODY_TYPES) {
    app.useBodyParser(type, { bodyLimit: BODY_LIMIT }, (request, body, done) => {
      keepRawBody(request, body);
      done(null, readBody(body, request.headers));
    });
  }
  passFilesOn(fastify);
  fastify.addHook('preParsing', (request, _reply, _payload, done) => {
    const { headers } = request;
    // Fastify would refuse by itself what is no media type at all (RFC 9110 §8.3.1).
    const type = headers['content-type'];
    if (type !== undefined && !MEDIA_TYPE.test(type)) headers['content-type'] = 'application/octet-stream';
    done();
  });
}

/** Nothing of ours is a page but /docs, and that brings its own scripts and styles. */
const SECURITY_HEADERS = headersOf({
  frameguard: { action: 'deny' },
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      baseUri: ["'none'"],
      connectSrc: ["'self'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", 'data:'],
      scriptSrc: ["'self'"],
      // The page puts its styles inline.
      styleSrc: ["'self'", "'unsafe-inline'"],
    },
  },
});

/** What helmet sets is the same for every answer, so it is asked once. */
function headersOf(options: Parameters<typeof helmet>[0]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const response = {
    setHeader: (name: string, value: string) => void (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  };
  helmet(options)({} as IncomingMessage, response as unknown as ServerResponse, () => undefined);
  return headers;
}

/** Answers are about one person and one moment: nobody between us and the caller keeps them. */
const ALWAYS = { ...SECURITY_HEADERS, 'cache-control': 'private, no-cache' };

/** A request may name us in full, as if we were a proxy (RFC 9112 §3.2.2). Which host it names makes no difference here. */
function originForm({ url = '/' }: { readonly url?: string | undefined }): string {
  if (url.startsWith('/')) return url;
  const rest = /^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1];
  if (rest === undefined) return url;
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** Once, in HTTP/1.1 (RFC 9112 §3.2): whoever sends two has one of them read by somebody in front of us, and the other by us. */
function namesOneHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]!.length === 4 && rawHeaders[at]!.toLowerCase() === 'host') hosts++;
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
}

function refuseEarly(fastify: FastifyInstance): void {
  let closing = false;
  const sockets = new Set<Socket>();
  fastify.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  fastify.addHook('preClose', (done) => {
    closing = true;
    // Node closes connections that wait for another request, but not those that wait for their first: a browser opens one in reserve when a
    // stream breaks off, and would hold us up until CONNECTION_TIMEOUT_MS.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    done();
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.headers(ALWAYS);
    if (!namesOneHost(request.raw)) return done(malformedRequest('Send one Host header: HTTP/1.1 needs it.'));
    // An upgrade we do not know is ignored, but Node answers nothing malformed that follows it on the same connection.
    if (request.headers.upgrade !== undefined) void reply.header('connection', 'close');
    if (!closing) return done();
    void reply.header('connection', 'close');
    done(shuttingDown());
  });
}

const CLIENT_ERRORS: Readonly<Record<string, () => AppError>> = {
  ERR_HTTP_REQUEST_TIMEOUT: () =>
    new AppError(
      'invalid',
      'http.request_timeout',
      `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1_000} seconds.`,
    ),
  HPE_HEADER_OVERFLOW: () =>
    new AppError('invalid', 'http.headers_too_large', 'The request line and headers are too large.'),
};

/** What Node answers by itself when nobody listens, without a word: expectations it does not know, and tunnels. */
function refuseBeforeFastify(server: Server): void {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const { status, headers, body } = bareAnswer(expectationFailed());
    response.writeHead(status, headers).end(body);
  });
  const notAProxy = (): AppError => malformedRequest('This is no proxy: CONNECT leads nowhere.');
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => answerOnSocket(socket, notAProxy()));
}

function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  answerOnSocket(socket, (CLIENT_ERRORS[error.code ?? ''] ?? malformedRequest)());
}

/** For what is not even a request: there is no reply yet, only the socket, which is of no use after this. */
function answerOnSocket(socket: Duplex, error: AppError): void {
  if (!socket.writable) return void socket.destroy();
  const { status, headers, body } = bareAnswer(error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** An answer to what never became a request of Fastify's. */
function bareAnswer(error: AppError): { status: number; headers: Record<string, string>; body: string } {
  const { problem, headers } = problemOf(error);
  const body = JSON.stringify(problem);
  const all = {
    ...headers,
    'content-type': PROBLEM_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    [REQUEST_ID_HEADER]: randomUUID(),
    connection: 'close',
  };
  return { status: problem.status, headers: all, body };
}
