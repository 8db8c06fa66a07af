import { createHash, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { Global, Module } from '@nestjs/common';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Clock, SystemClock } from '../kernel/clock.js';
import { DataClasses } from '../kernel/data-class.js';
import { JobRunner } from '../kernel/job-runner.js';
import { UnitOfWork } from '../kernel/unit-of-work.js';
import { Vault } from '../kernel/vault.js';
import { PinoLogger } from '../logging.js';
import { ApiKeyUseStore } from './api-key-use.store.js';
import { AccessLog } from './access-log.js';
import type { Denial } from './access-log.js';
import { configureHttp, fastifyOptions, nestOptions } from './http.js';
import { Measures } from './measures.js';
import { HttpModule } from './http.module.js';
import { IdempotencyStore } from './idempotency.store.js';
import { WidgetTokens } from './widget-tokens.js';

/** The HTTP edge around a few controllers, on a real port, for the specs of this folder. */
export type Served = {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly denials: Denial[];
  /** What was logged, line by line. */
  readonly lines: Record<string, unknown>[];
  call(method: string, path: string, more?: Call): Promise<Answer>;
  /** Bytes in, bytes out, for what `fetch` would not send. */
  raw(bytes: string, hangUpAfterMs?: number): Promise<string>;
  close(): Promise<void>;
};

export type Call = {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly token?: string | null;
};
export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: never;
};

/** A key that may do everything. */
export const ALL = 'everything-is-allowed-to-me';

const digest = (key: string): Buffer => createHash('sha256').update(key).digest();

type Options = {
  readonly controllers?: Type[];
  readonly imports?: DynamicModule[];
  readonly keys?: Readonly<Record<string, { readonly key: string; readonly scopes: readonly string[] }>>;
  readonly providers?: Provider[];
  readonly corsOrigins?: readonly string[];
  readonly rateLimit?: number;
};

export async function served(options: Options): Promise<Served> {
  const { controllers = [], imports = [], keys = {}, providers = [], corsOrigins = [], rateLimit = null } = options;
  const denials: Denial[] = [];
  const lines: Record<string, unknown>[] = [];
  const log: AccessLog = { denied: async (denial) => void denials.push(denial) };
  const unused: Provider[] = [UnitOfWork, Vault, IdempotencyStore, JobRunner].map((token) => ({
    provide: token,
    useValue: {},
  }));
  const all = [
    ...unused,
    { provide: Clock, useClass: SystemClock },
    { provide: DataClasses, useClass: DataClasses },
    { provide: AccessLog, useValue: log },
    { provide: WidgetTokens, useValue: { find: async () => null, holds: async () => false } },
    { provide: Measures, useValue: { read: async () => [] } },
    { provide: ApiKeyUseStore, useValue: { save: async () => undefined, all: async () => new Map() } },
    ...providers,
  ];
  const ports = all.map((provider) => (provider as { provide: Type }).provide);
  @Global()
  @Module({ providers: all, exports: ports })
  class Ports {}

  const named = Object.entries({ all: { key: ALL, scopes: ['*'] }, ...keys });
  const apiKeys = named.map(([name, { key, scopes }]) => ({ name, digest: digest(key), scopes }));
  const logger = new PinoLogger('trace', {
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const module = await Test.createTestingModule({
    imports: [Ports, HttpModule.with({ apiKeys, rateLimit }), ...imports],
    controllers,
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(fastifyOptions()), {
    ...nestOptions,
    logger,
  });
  configureHttp(app, { corsOrigins });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    url,
    denials,
    lines,
    call: (method, path, more) => call(method, `${url}${path}`, more),
    raw: (bytes, hangUpAfterMs) => exchange(port, bytes, hangUpAfterMs),
    close: () => app.close(),
  };
}

async function call(method: string, url: string, { headers = {}, body, token = ALL }: Call = {}): Promise<Answer> {
  const isText = typeof body === 'string' || body instanceof Uint8Array;
  const answer = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isText ? (body as string) : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get('content-type') ?? '');
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: (isJson ? JSON.parse(text) : undefined) as never,
  };
}

function exchange(port: number, bytes: string, hangUpAfterMs?: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let answer = '';
    if (hangUpAfterMs !== undefined) setTimeout(() => socket.destroy(), hangUpAfterMs);
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

export const aKey = (): string => `test-${randomUUID()}`;
