import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnitOfWork } from '../src/kernel/unit-of-work.js';
import { uuidv7 } from '../src/kernel/uuid.js';
import { Vault } from '../src/kernel/vault.js';
import { MessageStore } from '../src/modules/guest/index.js';
import { aBody, Client, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { EventReader } from './support/event-reader.js';
import { suiteService, testService } from './support/service.js';

const KEY = 'key-of-the-widget-padded-to-a-good-length';
const READ_KEY = 'key-that-may-only-read-padded-to-a-length';

const running = suiteService({ API_KEYS: `widget:${KEY}:*,reader:${READ_KEY}:guest:read` });
const { api, sandbox } = running;
const readers: EventReader[] = [];
afterEach(() => Promise.all(readers.splice(0).map((reader) => reader.hangUp())));

const create = async (parts: Record<string, unknown> = {}) =>
  (await api.post<GuestAnswer>('/v1/guests', aBody(parts))).body.id;
const guestWhen = (id: string, wanted: (guest: GuestAnswer) => boolean) =>
  until(async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted);
/** A guest who is in a conversation, and has been greeted. */
const inConversation = async () => {
  const id = await create();
  const conversation = await conversationOf(sandbox, id);
  await guestWhen(id, ({ genesys, interactionCount }) => genesys.linked && interactionCount >= 1);
  return { id, conversation: `/genesys/conversations/${conversation.id}` };
};
const follow = async (id: string, lastEventId?: string) => {
  const reader = await EventReader.open(`${running.service.url}/v1/guests/${id}/events`, KEY, lastEventId);
  readers.push(reader);
  return reader;
};
const texts = (reader: EventReader) => reader.messages.map(({ data }) => data.text);

describe('what a guest says', () => {
  it.each([' ', '\n\t', '\u00a0'])('is more than white space: %j', async (text) => {
    const { status, body } = await api.post<ProblemAnswer>(`/v1/guests/${await create()}/messages`, { text });
    expect([status, body.errors?.[0]]).toEqual([400, expect.objectContaining({ pointer: '/text', rule: 'matches' })]);
  });
});

describe('a page that follows a guest', () => {
  it('sees how the guest is, and what is said within a second of its being said', async () => {
    const { id, conversation } = await inConversation();
    const reader = await follow(id);
    expect(reader.answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await reader.until((events) => events.length > 0);
    expect(reader.events[0]).toMatchObject({ event: 'state', data: { state: 'active' } });
    const startedAt = performance.now();
    await sandbox.post(`${conversation}/messages`, { from: 'agent', text: 'Can I help you?' });
    await reader.until(() => texts(reader).includes('Can I help you?'));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    const [message] = reader.messages;
    expect(message).toMatchObject({ data: { from: 'agent', status: 'received' } });
    expect(Object.keys(message!.data).sort()).toEqual(['at', 'attachments', 'from', 'id', 'status', 'text']);
  });

  it('sees what the guest writes go from queued to sent, and that the other side types, but keeps no place for that', async () => {
    const { id, conversation } = await inConversation();
    const reader = await follow(id);
    const { body: sent } = await api.post(`/v1/guests/${id}/messages`, { text: 'Where is my order?' });
    await reader.until(() => reader.messages.some(({ data }) => data.id === sent['id'] && data.status === 'sent'));
    await sandbox.post(`${conversation}/typing`, { from: 'agent' });
    await reader.until((events) => events.some(({ event }) => event === 'typing'));
    expect(reader.events.find(({ event }) => event === 'typing')).toEqual({
      id: null,
      event: 'typing',
      data: { from: 'agent', durationMs: 5_000 },
    });
  });

  it('misses and repeats nothing when its connection breaks', async () => {
    const { id, conversation } = await inConversation();
    const say = (text: string) => sandbox.post(`${conversation}/messages`, { from: 'agent', text });
    let reader = await follow(id);
    const seen: string[] = [];
    const wanted = Array.from({ length: 24 }, (_, n) => `text ${n}`);
    for (const [n, text] of wanted.entries()) {
      await say(text);
      if (n % 8 === 2) {
        await reader.until(() => texts(reader).includes(text));
        await reader.hangUp();
        seen.push(...reader.messages.map(({ data }) => data.text!));
      }
      if (n % 8 === 7) reader = await follow(id, reader.lastId);
    }
    await reader.until(() => texts(reader).includes(wanted.at(-1)));
    seen.push(...reader.messages.map(({ data }) => data.text!));
    expect(seen).toEqual(wanted);
  });

  it('is told the end of the guest as the last event, and not to come back', async () => {
    const { id } = await inConversation();
    const reader = await follow(id);
    await reader.until((events) => events.length > 0);
    await api.post(`/v1/guests/${id}/close`);
    await reader.ended;
    expect(reader.events.at(-1)).toMatchObject({ event: 'closed', data: { state: 'closed', closeReason: 'api' } });
    expect(reader.events.some(({ event, data }) => event === 'state' && data.state === 'closing')).toBe(true);
    const again = await api.get(`/v1/guests/${id}/events`, { 'last-event-id': reader.lastId });
    expect([again.status, again.body]).toEqual([204, undefined]);
    const fresh = await follow(id);
    await fresh.ended;
    expect(fresh.events.map(({ event }) => event)).toEqual(['closed']);
  });

  it('is told no text once consent is withdrawn', async () => {
    const { id, conversation } = await inConversation();
    const reader = await follow(id);
    await reader.until((events) => events.length > 0);
    const { lastId } = reader;
    await sandbox.post(`${conversation}/messages`, { from: 'agent', text: 'Between us' });
    await reader.until(() => texts(reader).includes('Between us'));
    await api.patch(`/v1/guests/${id}`, { consent: { dataProcessing: false } }, { 'if-match': '*' });
    const again = await follow(id, lastId);
    await again.until(() => again.messages.length > 0);
    expect(texts(again)).toEqual([null]);
  });

  it('is disconnected when it does not read, and finds the rest by the last id it has', async () => {
    const id = await create({ mode: 'widget' });
    const before = await follow(id);
    await before.until((events) => events.length > 0);
    const { lastId } = before;
    await before.hangUp();
    const count = 3_000;
    const { app } = running.service;
    const [work, vault, messages] = [app.get(UnitOfWork), app.get(Vault), app.get(MessageStore)];
    const text = 'x'.repeat(4_000);
    for (let n = 0; n < count; n += 500)
      await work.run(async () => {
        for (let m = n; m < n + 500; m++) {
          const sealedText = await vault.seal(`guest:${id}`, 'message.text', text);
          const message = { id: uuidv7(), guestId: id, key: randomUUID(), from: 'agent' as const, sealedText };
          await messages.add({ ...message, status: 'received', at: new Date() });
        }
      });

    const socket = connect(Number(new URL(running.service.url).port), '127.0.0.1');
    const isClosed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.pause();
    socket.write(
      `GET /v1/guests/${id}/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${KEY}\r\nlast-event-id: ${lastId}\r\n\r\n`,
    );
    await until(async () => running.log().includes('slow reader disconnected'), Boolean, 20_000);
    // What the system had taken for it already can still be read; then it is over.
    socket.resume();
    await isClosed;

    const again = await follow(id, lastId);
    await again.until(() => again.messages.length === count, 20_000);
    expect(new Set(again.messages.map(({ data }) => data.id)).size).toBe(count);
  }, 60_000);
});

describe('a stream', () => {
  const problem = async (path: string, headers: Record<string, string> = {}) => {
    const { status, body } = await api.get<ProblemAnswer>(path, headers);
    return [status, body.code];
  };

  it('is refused by a problem when there is nothing to follow, or nobody may', async () => {
    const id = await create({ mode: 'widget' });
    const path = `/v1/guests/${id}/events`;
    expect(await problem(`/v1/guests/${uuidv7()}/events`)).toEqual([404, 'guest.not_found']);
    for (const wrong of ['nonsense', '1.1', '1.1.999999', '9999999999999999.1.1'])
      expect(await problem(path, { 'last-event-id': wrong })).toEqual([400, 'events.unknown_id']);
    const nobody = await new Client(running.service.url).get(path);
    const another = await new Client(running.service.url, READ_KEY).get(path);
    expect([nobody.status, another.status]).toEqual([401, 403]);
  });

  it('is one of a few of a guest; the next is told when to ask again', async () => {
    const id = await create({ mode: 'widget' });
    const open = await Promise.all(Array.from({ length: 5 }, () => follow(id)));
    const refused = await api.get<ProblemAnswer>(`/v1/guests/${id}/events`);
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'events.too_many_streams',
      '10',
    ]);
    await open[0]!.hangUp();
    await until(
      () => follow(id).catch(() => null),
      (reader) => reader !== null,
    );
  });

  it('is described as what it is', async () => {
    const { body } = await api.get<{
      paths: Record<
        string,
        { get: { parameters: { name: string }[]; responses: Record<string, { content?: object }> } }
      >;
    }>('/openapi.json');
    const { parameters, responses } = body.paths['/v1/guests/{id}/events']!.get;
    expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['id', 'Last-Event-ID']));
    expect(Object.keys(responses['200']!.content!)).toEqual(['text/event-stream']);
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '204', '400', '404', '429', '503']));
  });
});

describe('a stream asked for with a token of a page', () => {
  const PAGE = 'https://www.example.com';
  const tokenFor = async (id: string) =>
    (await api.post<{ token: string }>(`/v1/guests/${id}/widget-tokens`, { origins: [PAGE], expiresIn: 60 })).body
      .token;
  const followWith = async (id: string, token: string, lastEventId?: string) => {
    const url = `${running.service.url}/v1/guests/${id}/events`;
    const reader = await EventReader.open(url, token, lastEventId, PAGE);
    readers.push(reader);
    await reader.until((events) => events.length > 0 || lastEventId !== undefined);
    return reader;
  };

  it('ends when the token is revoked, and goes on with another', async () => {
    const id = await create({ mode: 'widget' });
    const [page, backEnd] = [await followWith(id, await tokenFor(id)), await follow(id)];
    expect((await api.call('DELETE', `/v1/guests/${id}/widget-tokens`)).status).toBe(204);
    await page.ended;
    expect(backEnd.isEnded).toBe(false);
    const next = await followWith(id, await tokenFor(id), page.lastId);
    await api.patch(`/v1/guests/${id}`, { attributes: { source: 'app' } }, { 'if-match': '*' });
    await next.until((events) => events.some(({ data }) => data.version === 2));
    expect(next.isEnded).toBe(false);
  }, 20_000);

  it('tells the end of the guest first, though no token is made for one that is closing', async () => {
    const { id } = await inConversation();
    const page = await followWith(id, await tokenFor(id));
    await api.post(`/v1/guests/${id}/close`);
    await page.ended;
    expect(page.events.at(-1)).toMatchObject({ event: 'closed' });
  }, 20_000);
});

describe('a guest who types', () => {
  it('is seen typing at Genesys once in a few seconds, however many keys are pressed', async () => {
    const { id } = await inConversation();
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(`/v1/guests/${id}/typing`)));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(20).fill(202));
    const typings = async () =>
      (await sandbox.get<{ method: string; body: unknown }[]>('/requests')).body.filter(({ method, body }) =>
        method === 'WS' ? JSON.stringify(body).includes('"eventType":"Typing"') : false,
      ).length;
    await until(typings, (count) => count === 1);
    await sleep(300);
    expect(await typings()).toBe(1);
  });

  it('is one who may write: server-led, open and consenting', async () => {
    const code = async (id: string) => (await api.post<ProblemAnswer>(`/v1/guests/${id}/typing`)).body.code;
    expect(await code(await create({ mode: 'widget' }))).toBe('guest.widget_led');
    expect(await code(uuidv7())).toBe('guest.not_found');
    const id = await create();
    await api.patch(`/v1/guests/${id}`, { consent: { dataProcessing: false } }, { 'if-match': '*' });
    expect(await code(id)).toBe('consent.required');
  });

  it('is accepted also while Genesys is away, and nothing comes of it', async () => {
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { status: 503 }, times: 1_000 });
    const id = await create();
    const key = { 'idempotency-key': randomUUID() };
    expect((await api.post(`/v1/guests/${id}/typing`, undefined, key)).status).toBe(202);
    expect((await api.post(`/v1/guests/${id}/typing`, undefined, key)).headers.get('idempotent-replayed')).toBe('true');
  });
});

describe('a guest whose messages do not get through', () => {
  it('is told to wait when too many do, and when to try again', async () => {
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { status: 503 }, times: 1_000 });
    const id = await create();
    const send = (text: string) => api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text });
    for (let n = 0; n < 50; n++) expect((await send(`text ${n}`)).status).toBe(202);
    const refused = await send('one too many');
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'message.queue_full',
      '5',
    ]);
  });
});

it('leaves no reader hanging when it stops', async () => {
  const leaving = await testService({ API_KEYS: `widget:${KEY}:*` });
  const { body } = await new Client(leaving.service.url, KEY).post<GuestAnswer>(
    '/v1/guests',
    aBody({ mode: 'widget' }),
  );
  const reader = await EventReader.open(`${leaving.service.url}/v1/guests/${body.id}/events`, KEY);
  await reader.until((events) => events.length > 0);
  const startedAt = performance.now();
  await leaving.close();
  await reader.ended;
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(reader.events.map(({ event }) => event)).toEqual(['state']);
}, 60_000);
