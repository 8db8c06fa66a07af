import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger } from '@nestjs/common';
import axios from 'axios';
import { AppError } from './kernel/app-error.js';
import { withRunContext } from './kernel/run-context.js';
import { masked, PinoLogger } from './logging.js';

const lines: Record<string, unknown>[] = [];
const nest = new PinoLogger('debug', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
const logger = new Logger('crm-sync');

beforeAll(() => void Logger.overrideLogger(nest));
beforeEach(() => lines.splice(0));
const text = (): string => JSON.stringify(lines);

describe('a log line', () => {
  it('is a sentence, its fields, and where it was written', () => {
    logger.warn('contact refused', { crm: 'rest', attempt: 2 });
    expect(lines).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        pid: process.pid,
        context: 'crm-sync',
        msg: 'contact refused',
        crm: 'rest',
        attempt: 2,
      },
    ]);
  });

  it('carries the id and the actor of its run, which no field can pass for', () => {
    withRunContext({ id: 'r1', actor: 'api-key:web', ipAddress: '10.0.0.1', userAgent: 'Browser' }, () =>
      logger.log('done', { runId: 'fake', actor: 'fake', context: 'fake', n: 1 }),
    );
    expect(lines).toMatchObject([{ runId: 'r1', actor: 'api-key:web', context: 'crm-sync', n: 1, level: 'info' }]);
    expect(text()).not.toMatch(/10\.0\.0\.1|Browser|fake/);
  });

  it('has the level it was written with, and is not written below the one that was set', () => {
    logger.log('a');
    logger.error('b');
    logger.debug('c');
    logger.verbose('d');
    logger.fatal('e');
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['info', 'a'],
      ['error', 'b'],
      ['debug', 'c'],
      ['fatal', 'e'],
    ]);
  });

  it('of Nest’s own start is for those who look for a fault in it', () => {
    for (const context of ['InstanceLoader', 'RouterExplorer', 'NestApplication'])
      new Logger(context).log('Mapped {/x}');
    new Logger('InstanceLoader').error('no such provider');
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'debug', 'error']);
  });
});

describe('what nobody should read in a log', () => {
  it('is left out by its name, however deep and however spelt', () => {
    const secret = 'do-not-show';
    const names = [
      'authorization',
      'Authorization',
      'token',
      'accessToken',
      'clientSecret',
      'client_secret',
      'password',
    ];
    const personal = [
      'email',
      'phone',
      'text',
      'ip',
      'ipAddress',
      'ip-address',
      'userAgent',
      'user-agent',
      'body',
      'guestToken',
    ];
    const all = Object.fromEntries([...names, ...personal].map((name) => [name, secret]));
    logger.warn('flat', all);
    logger.warn('one level', { request: all });
    logger.warn('two levels', { request: { headers2: all } });
    logger.warn('in a list', { requests: [{ sent: [all] }] });
    logger.warn('whole', { email: { value: secret }, headers: [secret] });
    expect(lines).toHaveLength(5);
    expect(text()).not.toContain(secret);
    expect(lines[0]).toMatchObject({ token: '[redacted]', email: '[redacted]' });
  });

  it('is masked by its looks wherever it stands', () => {
    logger.warn('sent to jane.doe+x@example.co.uk', { note: 'call +49 (30) 901820-0', list: ['+16505551212'] });
    logger.error(`lookup of user%40example.com failed`);
    expect(text()).not.toMatch(/jane|901820|650555|user%40/);
    expect(lines[0]).toMatchObject({ msg: 'sent to [email]', note: 'call [phone]', list: ['[phone]'] });
  });

  it.each([
    'POST /v1/guests/0193a3f0-0000-7000-8000-000000000000 took 12 ms',
    '2026-11-22T12:00:00.000+0100',
    'at Object.<anonymous> (/app/node_modules/@nestjs/core/router.js:12:34)',
    'postgres 18.6, +2 rows, 1+1',
  ])('is not mistaken: %s', (harmless) => {
    expect(masked(harmless)).toBe(harmless);
  });

  it('is looked for in no more time than there is', () => {
    const startedAt = performance.now();
    for (const long of ['a'.repeat(100_000), 'a.'.repeat(50_000), `${'a'.repeat(50_000)}@`, '+1 '.repeat(30_000)])
      masked(long);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it('is not looked for without end in what is too deep, too long or circular', () => {
    const circular: Record<string, unknown> = { n: 1 };
    circular['self'] = circular;
    logger.warn('circular', {
      circular,
      bytes: Buffer.from('do-not-show'),
      many: Array.from({ length: 1_000 }, () => 1),
    });
    expect(lines).toHaveLength(1);
    expect(text()).not.toContain('do-not-show');
    expect(text().length).toBeLessThan(2_000);
  });
});

describe('an error in a log line', () => {
  it('of ours says what happened, where, and why', () => {
    const cause = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    const error = new AppError('unavailable', 'crm.unavailable', 'The CRM is down.', { cause });
    logger.error('batch failed', { crm: 'rest', error });
    expect(lines[0]).toMatchObject({
      msg: 'batch failed',
      crm: 'rest',
      error: {
        name: 'AppError',
        kind: 'unavailable',
        code: 'crm.unavailable',
        message: 'The CRM is down.',
        stack: expect.stringMatching(/^at .*logging\.spec\.ts/) as string,
        cause: { name: 'Error', code: 'ECONNRESET', message: 'socket hang up' },
      },
    });
  });

  it('of others says nothing that hangs on it: an axios error holds the whole request', async () => {
    const server = createServer((_, response) => response.writeHead(401).end('{"email":"jane@example.com"}')).listen(0);
    const { port } = server.address() as AddressInfo;
    const headers = { authorization: 'Bearer do-not-show' };
    const error: unknown = await axios
      .post(`http://127.0.0.1:${port}/?token=do-not-show`, { name: 'do-not-show' }, { headers })
      .catch((reason: unknown) => reason);
    server.close();
    expect(error).toHaveProperty('config.headers');
    logger.error('call failed', { error });
    logger.error('call failed', { details: { error, causes: [error] } });
    logger.error(error);
    expect(lines).toHaveLength(3);
    expect(text()).not.toMatch(/do-not-show|jane/);
    expect(lines[0]).toMatchObject({ error: { name: 'AxiosError', code: 'ERR_BAD_REQUEST' } });
  });

  it('of others may quote what it failed on: that is masked, cut, or left out', () => {
    logger.error('a', { error: new Error(`no route for jane@example.com ${'x'.repeat(100_000)}`) });
    try {
      JSON.parse('do-not-show');
    } catch (error) {
      logger.error('b', { error });
    }
    expect(text()).not.toMatch(/jane|do-not/);
    expect(text().length).toBeLessThan(6_000);
    expect(lines[1]).toMatchObject({ error: { name: 'SyntaxError', message: 'not valid JSON' } });
  });

  it('that Nest logs by itself has the same form', () => {
    new Logger('ExceptionsHandler').error(new TypeError('x is undefined'));
    new Logger('Scheduler').error('job failed', 'Error: no jane@example.com\n    at run (a.ts:1:1)');
    expect(lines).toMatchObject([
      { msg: 'x is undefined', context: 'ExceptionsHandler', error: { name: 'TypeError' } },
      { msg: 'job failed', context: 'Scheduler', stack: expect.stringContaining('a.ts:1:1') as string },
    ]);
    expect(text()).not.toContain('jane');
  });
});
