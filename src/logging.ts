import { types } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';
import type { DestinationStream, Level, LevelWithSilent, Logger } from 'pino';
import { AppError } from './kernel/app-error.js';
import { runContext } from './kernel/run-context.js';

/** What is written of an `Error`: nothing but this, whatever else hangs on it. */
type LoggedError = { name: string; code?: string; kind?: string; message: string; stack?: string; cause?: unknown };

/**
 * Nest's logger as JSON lines. A line is a fixed sentence and fields: `logger.warn('contact refused', { crm, code })`. It carries
 * the id and the actor of the run it was written in. Fields that hold secrets or personal data by their name are left out, and
 * what looks like an e-mail address or a phone number is masked wherever it stands, should somebody forget the rule.
 */
export class PinoLogger implements LoggerService {
  private readonly pino: Logger;

  /** `destination` is where lines go: the standard output when absent. */
  constructor(level: LevelWithSilent, destination?: DestinationStream) {
    const options = {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    };
    this.pino = pino(options, destination ?? standardOutput());
  }

  log(message: unknown, ...params: unknown[]): void {
    this.write(isStartUp(params) ? 'debug' : 'info', message, params);
  }

  warn(message: unknown, ...params: unknown[]): void {
    this.write('warn', message, params);
  }

  error(message: unknown, ...params: unknown[]): void {
    this.write('error', message, params);
  }

  fatal(message: unknown, ...params: unknown[]): void {
    this.write('fatal', message, params);
  }

  debug(message: unknown, ...params: unknown[]): void {
    this.write('debug', message, params);
  }

  verbose(message: unknown, ...params: unknown[]): void {
    this.write('trace', message, params);
  }

  private write(level: Level, message: unknown, params: unknown[]): void {
    if (!this.pino.isLevelEnabled(level)) return;
    const run = runContext();
    const fields = fieldsOf(message, params);
    // Last, so that a field cannot pass for them.
    const about = { context: contextOf(params), runId: run?.id, actor: run?.actor ?? undefined };
    this.pino[level]({ ...fields, ...about }, sentenceOf(message));
  }
}

/** Bytes of the log that may wait for whoever reads it; beyond them lines are dropped rather than memory eaten. */
const BACKLOG = 16 * 1024 * 1024;

/** While one system call is under way, lines gather for the next, and nobody waits for a slow reader. What is left at the end is written. */
const standardOutput = (): DestinationStream =>
  pino.destination({ dest: process.stdout.fd, sync: false, maxLength: BACKLOG });

const START_UP = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'NestMicroservice',
  'WebSocketsController',
]);

/** Nest tells of every module and route it finds: of interest to whoever looks for a fault in them. */
const isStartUp = (params: readonly unknown[]): boolean => START_UP.has(contextOf(params) ?? '');

/** Nest's `Logger` puts its context last. */
function contextOf(params: readonly unknown[]): string | undefined {
  const last = params.at(-1);
  return typeof last === 'string' ? last : undefined;
}

function sentenceOf(message: unknown): string {
  if (typeof message === 'string') return masked(message);
  return isError(message) ? masked(message.message) : 'logged';
}

function fieldsOf(message: unknown, params: readonly unknown[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const rest = params.slice(0, contextOf(params) === undefined ? undefined : -1);
  // Nest's own calls pass an error as the message, or a stack before the context.
  for (const part of typeof message === 'string' ? rest : [message, ...rest]) {
    if (isError(part)) fields['error'] = loggedError(part);
    else if (typeof part === 'string') fields['stack'] = masked(part);
    else if (part !== null && typeof part === 'object') Object.assign(fields, cleaned(part, 0));
  }
  return fields;
}

/** Names of fields that nobody should read in a log, in lower case and without separators. */
const SECRET = new Set(
  (
    'authorization cookie setcookie accesstoken refreshtoken apikey salt ' +
    'phonenumber devicefingerprint ip ipaddress useragent text body payload headers attributes'
  ).split(' '),
);

/** Or the name ends in one of these: `guestToken`, `webhook_secret`. */
const ENDS_SECRET = /(token|secret|password|email|phone)$/;

/** Node's own errors are not instances of our `Error` where code runs in a context of its own, as under jest. */
const isError = (value: unknown): value is Error => value instanceof Error || types.isNativeError(value);

const REDACTED = '[redacted]';
const DEEPEST = 4;
/** Characters of a text. */
const LONGEST = 1_000;

/** By name at any level; by shape in every string. Errors in it become what may be logged of them. */
function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return masked(value).slice(0, LONGEST);
  if (value === null || typeof value !== 'object') return value;
  if (isError(value)) return loggedError(value);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return REDACTED;
  if (depth >= DEEPEST) return '[deep]';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => cleaned(item, depth + 1));
  const entries = Object.entries(value).map(([name, member]) => [
    name,
    isSecret(name) ? REDACTED : cleaned(member, depth + 1),
  ]);
  return Object.fromEntries(entries);
}

function isSecret(name: string): boolean {
  const word = name.toLowerCase().replaceAll(/[-_]/g, '');
  return SECRET.has(word) || ENDS_SECRET.test(word);
}

/**
 * Of our own errors and of others alike only these: what else hangs on an error may be a request with its headers. Messages of
 * others may still quote what they failed on, so they are masked and cut.
 */
function loggedError(error: Error, depth = 0): LoggedError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const message = messageOf(error);
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    ...(error instanceof AppError ? { kind: error.kind } : {}),
    message,
    ...(error.stack === undefined ? {} : { stack: framesOf(error.stack) }),
    ...(isError(error.cause) && depth < DEEPEST ? { cause: loggedError(error.cause, depth + 1) } : {}),
  };
}

function messageOf(error: Error): string {
  // V8 quotes the text it could not parse.
  if (error.name === 'SyntaxError' && error.message.includes('JSON')) return 'not valid JSON';
  // Masked before it is cut: half an address would not be recognised.
  return masked(error.message.slice(0, 10 * LONGEST)).slice(0, LONGEST);
}

/** Only the frames: above them the stack repeats the message. */
const framesOf = (stack: string): string =>
  stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 20)
    .map((line) => masked(line.trim()))
    .join('\n');

// Bounded repetitions: a long text without an @ must not take quadratic time.
const EMAIL = /[^\s@<>"'(),:;=&/]{1,64}(?:@|%40)[^\s@<>"'(),:;=&/]{1,255}\.[A-Za-z]{2,24}/g;
const PHONE = /\+[1-9](?:[ .()-]{0,2}\d){6,14}/g;

/** Without what looks like an e-mail address or an international phone number. */
export const masked = (text: string): string =>
  /[@%+]/.test(text) ? text.replace(EMAIL, '[email]').replace(PHONE, '[phone]') : text;
