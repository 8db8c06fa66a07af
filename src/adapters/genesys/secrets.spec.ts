import { Console } from 'node:console';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';
import { Logger } from '@nestjs/common';
import { aSession, aText, Listener, until } from '../../modules/guest/ports/guest-channel.contract.js';
import { GenesysLab, platformConversations, settingsOf } from './genesys-lab.contract.js';
import type { GenesysSettings } from './genesys.settings.js';

/** An error as Node writes it, by every way it has: to a string, a console, another thread, a file or a diagnostic report. */
function everyPrinting(error: Error): string[] {
  let printed = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      printed += String(chunk);
      done();
    },
  });
  const console = new Console({ stdout: stream, stderr: stream, inspectOptions: { depth: null, showHidden: true } });
  console.log(error);
  console.error('%s %o %O %j', error, error, error, error);
  console.dir(error, { depth: null, showHidden: true });
  console.table([error]);
  console.trace(error);
  const report = JSON.parse(JSON.stringify(process.report.getReport(error))) as { javascriptStack: unknown };
  return [
    printed,
    String(error),
    error.stack ?? '',
    format('%s %o %O %j', error, error, error, error),
    JSON.stringify(error, Object.getOwnPropertyNames(error)),
    inspect(structuredClone(error), { depth: null, showHidden: true }),
    serialize(error).toString('latin1'),
    serialize(error).toString('utf16le'),
    // The rest of the report is the machine and its environment.
    JSON.stringify(report.javascriptStack),
  ];
}

/** Everything that can be read off a value by whoever logs, stores or forwards it. */
function everyReading(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (seen.has(value)) return '';
  seen.add(value);
  const readings = [JSON.stringify(value), inspect(value, { depth: null, showHidden: true, getters: true })];
  if (value instanceof Error) readings.push(...everyPrinting(value));
  for (const key of Reflect.ownKeys(value))
    readings.push(String(key), everyReading((value as Record<PropertyKey, unknown>)[key], seen));
  return readings.join('\n');
}

/** Runs the work with everything that is logged written down. */
async function logged(work: () => Promise<unknown>): Promise<string> {
  const lines: unknown[][] = [];
  const keep = (...line: unknown[]): void => void lines.push(line);
  Logger.overrideLogger({ log: keep, warn: keep, error: keep, debug: keep, verbose: keep, fatal: keep });
  try {
    await work();
  } finally {
    Logger.overrideLogger(false);
  }
  return lines.map((line) => everyReading(line)).join('\n');
}

describe('What leaves the adapter', () => {
  Logger.overrideLogger(false);
  const issued: string[] = [];
  /** A gateway that answers with everything it was sent, as some do in their error pages. */
  const echoing = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const isLogin = request.url === '/oauth/token';
      const token = randomUUID();
      if (isLogin) issued.push(token);
      const told = { ...request.headers, body, code: request.headers.authorization, message: inspect(request.headers) };
      response.statusCode = isLogin ? (loginStatus ?? 200) : status;
      response.setHeader('inin-correlation-id', request.headers.authorization ?? 'none');
      if (!isLogin && status === 0) return request.socket.destroy();
      response.end(JSON.stringify(isLogin && loginStatus === null ? { access_token: token, expires_in: 60 } : told));
    });
  });
  let status = 500;
  let loginStatus: number | null = null;
  let settings: GenesysSettings;
  beforeAll(async () => {
    await new Promise<void>((resolve) => echoing.listen(0, '127.0.0.1', resolve));
    settings = {
      clientId: randomUUID(),
      clientSecret: `secret-${randomUUID()}`,
      environment: 'mypurecloud.ie',
      deploymentId: randomUUID(),
      origin: 'http://localhost:3000',
      gatewayUrl: `http://127.0.0.1:${(echoing.address() as AddressInfo).port}`,
    };
  });
  afterAll(() => new Promise((resolve) => echoing.close(resolve)));

  const secrets = (): string[] => [
    settings.clientSecret,
    Buffer.from(`${settings.clientId}:${settings.clientSecret}`).toString('base64'),
    ...issued,
  ];

  it.each([400, 401, 403, 404, 408, 418, 429, 503])(
    'holds no token and no secret when a call is answered %i',
    async (answer) => {
      [status, loginStatus] = [answer, null];
      const conversations = platformConversations(settings);
      const log = await logged(async () => {
        const calls = [
          conversations.ping(),
          conversations.setAttributes(randomUUID(), randomUUID(), { note: 'private-note' }),
        ];
        for (const outcome of await Promise.allSettled(calls)) {
          const readings = outcome.status === 'rejected' ? everyReading(outcome.reason) : fail();
          for (const secret of [...secrets(), 'private-note']) expect(readings).not.toContain(secret);
        }
      });
      expect(issued.length).toBeGreaterThan(0);
      for (const secret of [...secrets(), 'private-note']) expect(log).not.toContain(secret);
      // Not even what does the calling shows them.
      const itself = inspect(conversations, { depth: 6, showHidden: true });
      for (const secret of secrets()) expect(itself).not.toContain(secret);
    },
  );

  it('holds no token and no secret when the connection breaks', async () => {
    [status, loginStatus] = [0, null];
    const error: unknown = await platformConversations(settings)
      .ping()
      .then(
        () => fail(),
        (thrown: unknown) => thrown,
      );
    for (const secret of secrets()) expect(everyReading(error)).not.toContain(secret);
  }, 30_000);

  it.each([400, 401, 403, 429, 503])('holds no secret when the login is answered %i', async (answer) => {
    loginStatus = answer;
    const error: unknown = await platformConversations(settings)
      .ping()
      .then(
        () => fail(),
        (thrown: unknown) => thrown,
      );
    for (const secret of secrets()) expect(everyReading(error)).not.toContain(secret);
  });

  it('writes no guest token, text or attribute into the log, whatever happens to a session', async () => {
    const lab = await GenesysLab.open();
    const session = aSession();
    const errors: unknown[] = [];
    const log = await logged(async () => {
      const listener = new Listener(lab.channel());
      const { channel } = listener;
      await channel.open(session, { source: 'private-attribute' });
      await channel.send(session, aText('private-text'), { source: 'private-attribute' });
      await lab.breakSockets();
      await lab.loseAcknowledgement();
      errors.push(await channel.send(session, aText('private-text'), {}).catch((error: unknown) => error));
      errors.push(await channel.send(session, aText('private-text'.repeat(400)), {}).catch((error: unknown) => error));
      await lab.other.fault('genesys', 'websocket', {
        body: { class: 'HologramEvent', code: 200, body: 'private-text' },
      });
      errors.push(await channel.send(session, aText('private-text'), {}).catch((error: unknown) => error));
      await lab.other.fault('genesys', 'websocket', { expireToken: true });
      errors.push(await channel.send(session, aText('private-text'), {}).catch((error: unknown) => error));
      await until(() => listener.of('session-ended').length);
    });
    for (const readings of [log, everyReading(errors)]) {
      expect(readings).not.toContain(session.token);
      expect(readings).not.toMatch(/private-(text|attribute)/);
    }
    expect(log).toContain('guest socket lost');
    await lab.close();
  });

  it('names the guest to analytics by its id, never by its token', async () => {
    const lab = await GenesysLab.open();
    const session = aSession();
    await lab.channel().open(session, {});
    const api = platformConversations(settingsOf(lab.other));
    const [conversation] = await lab.conversations();
    await api.read(conversation!.id);
    const answered = await lab.other.api('GET', `/conversations/messages/${conversation!.id}`);
    const shown = JSON.stringify(answered.body);
    expect(shown).toContain(session.guestId);
    expect(shown).not.toContain(session.token);
    await lab.close();
  });
});

const fail = (): never => {
  throw new Error('it was expected to fail');
};
