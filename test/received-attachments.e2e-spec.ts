import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aBody, Client, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { EventReader } from './support/event-reader.js';
import { suiteService } from './support/service.js';

type Attachment = {
  id: string;
  status: string;
  code: string | null;
  fileName: string | null;
  mediaType: string | null;
  size: number | null;
  messageId: string | null;
};
type Message = { id: string; from: string; text: string; status: string; attachments: Attachment[] };
type Seen = { method: string; path: string; headers: Record<string, string> };

const OWN_KEY = 'key-of-a-back-end-padded-to-a-good-length';
const NAME = 'diagnosis of lena-meyer €.pdf';
const BYTES = Buffer.from('%PDF-1.7 of lena-meyer, which is nobody’s but hers');

const running = suiteService({ API_KEYS: `test:${OWN_KEY}:*` });
const { api, sandbox } = running;

const aGuest = async (): Promise<{ id: string; conversationId: string }> => {
  const { id } = (await api.post<GuestAnswer>('/v1/guests', aBody())).body;
  return { id, conversationId: (await conversationOf(sandbox, id)).id };
};
const aFile = (parts: object = {}) => ({
  ...{ fileName: NAME, fileType: 'application/pdf', base64: BYTES.toString('base64'), ...parts },
});
const say = async (conversationId: string, body: object): Promise<void> =>
  expect((await sandbox.post(`/genesys/conversations/${conversationId}/messages`, body)).status).toBe(201);
const messagesOf = async (id: string): Promise<Message[]> =>
  (await api.get<{ items: Message[] }>(`/v1/guests/${id}/messages`)).body.items;
const withFiles = (id: string, count = 1): Promise<Message[]> =>
  until(
    async () => (await messagesOf(id)).filter(({ attachments }) => attachments.length > 0),
    ({ length }) => length === count,
  );
const received = async (id: string): Promise<Attachment> => (await withFiles(id))[0]!.attachments[0]!;
const contentOf = <T = Buffer>(id: string, attachmentId: string, headers: Record<string, string> = {}) =>
  api.get<T>(`/v1/guests/${id}/attachments/${attachmentId}/content`, headers);
const downloads = async (): Promise<Seen[]> =>
  (await sandbox.get<Seen[]>('/requests')).body.filter(({ path }) => path.startsWith('/downloads/'));
const given = async (parts: object = {}): Promise<{ id: string; conversationId: string; file: Attachment }> => {
  const guest = await aGuest();
  await say(guest.conversationId, { files: [aFile(parts)] });
  return { ...guest, file: await received(guest.id) };
};
const refused = ({ status, body }: { status: number; body: ProblemAnswer }) => [status, body.code];

describe('a file that an agent sends', () => {
  it('stands in the history and in the live stream with what is known of it, and can be read', async () => {
    const { id, conversationId } = await aGuest();
    const stream = await EventReader.open(`${running.service.url}/v1/guests/${id}/events`, OWN_KEY);
    await say(conversationId, {
      text: 'Here you are',
      files: [aFile(), aFile({ fileName: 'b.png', fileType: 'image/png' })],
    });
    const [message] = await withFiles(id);
    expect(message).toMatchObject({ from: 'agent', status: 'received', text: 'Here you are' });
    const about = { status: 'received', code: null, size: BYTES.length, messageId: message!.id };
    expect(message!.attachments).toMatchObject([
      { ...about, fileName: NAME, mediaType: 'application/pdf' },
      { ...about, fileName: 'b.png', mediaType: 'image/png' },
    ]);
    await stream.until((events) => events.some(({ data }) => data.text === 'Here you are'));
    expect(stream.events.find(({ data }) => data.text === 'Here you are')!.data).toEqual(message);
    await stream.hangUp();

    const [first, second] = message!.attachments;
    expect((await api.get<Attachment>(`/v1/guests/${id}/attachments/${first!.id}`)).body).toEqual(first);
    const { status, headers, body } = await contentOf(id, first!.id);
    expect([status, body.equals(BYTES)]).toEqual([200, true]);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': String(BYTES.length),
      'content-disposition': `attachment; filename="diagnosis of lena-meyer _.pdf"; filename*=UTF-8''diagnosis%20of%20lena-meyer%20%E2%82%AC.pdf`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
    });
    expect((await contentOf(id, second!.id)).headers.get('content-type')).toBe('image/png');
    expect((await downloads()).at(-1)!.headers).not.toHaveProperty('authorization');
  });

  it('is there once, however often Genesys shows it, and counts as one message', async () => {
    const { id, conversationId } = await aGuest();
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { duplicate: true }, times: 5 });
    await say(conversationId, { files: [aFile()] });
    const file = await received(id);
    await sandbox.call('DELETE', '/faults');
    const before = (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.interactionCount;
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { drop: true }, times: 1_000 });
    await say(conversationId, { text: 'Are you back?' });
    await until(
      () => messagesOf(id),
      (messages) => messages.some(({ text }) => text === 'Are you back?'),
    );
    expect(await received(id)).toEqual(file);
    expect((await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.interactionCount).toBe(before + 1);
  });

  it('is found in the history when it was sent while no socket was open', async () => {
    const { id, conversationId } = await aGuest();
    for (const effect of [{ status: 503 }, { drop: true }])
      await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect, times: 1_000 });
    await say(conversationId, { text: 'While you were away', files: [aFile()] });
    await sandbox.call('DELETE', '/faults');
    const [message] = await withFiles(id);
    expect(message).toMatchObject({ text: 'While you were away', attachments: [{ fileName: NAME }] });
    expect((await contentOf(id, message!.attachments[0]!.id)).body.equals(BYTES)).toBe(true);
  }, 60_000);

  it('is read from a new address when the one that came with it has run out', async () => {
    await sandbox.call('PATCH', '/genesys/deployment', { downloadSeconds: 1 });
    const { id, file } = await given();
    await sleep(1_100);
    await sandbox.call('PATCH', '/genesys/deployment', { downloadSeconds: 600 });
    const before = (await downloads()).length;
    expect((await contentOf(id, file.id)).body.equals(BYTES)).toBe(true);
    expect((await downloads()).length - before).toBe(2);
    expect((await contentOf(id, file.id)).body.equals(BYTES)).toBe(true);
    expect((await downloads()).length - before).toBe(3);
  });

  it('is gone when its address has run out and its guest is over, and so it is said', async () => {
    const { id, file } = await given();
    await api.post(`/v1/guests/${id}/close`);
    await until(
      async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body.state,
      (state) => state === 'closed',
    );
    expect((await contentOf(id, file.id)).status).toBe(200);
    await sandbox.post('/faults', { target: 'genesys', match: '/downloads', effect: { status: 403 } });
    expect(refused(await contentOf<ProblemAnswer>(id, file.id))).toEqual([410, 'attachment.expired']);
    expect((await api.get<Attachment>(`/v1/guests/${id}/attachments/${file.id}`)).body).toEqual(file);
  });

  it('is asked for again later when Genesys does not answer now', async () => {
    const { id, file } = await given();
    await sandbox.post('/faults', { target: 'genesys', match: '/downloads', effect: { status: 503 } });
    expect(refused(await contentOf<ProblemAnswer>(id, file.id))).toEqual([503, 'genesys.unavailable']);
    const redirect = { status: 302, headers: { location: 'http://127.0.0.1:1/' } };
    await sandbox.post('/faults', { target: 'genesys', match: '/downloads', effect: redirect });
    expect(refused(await contentOf<ProblemAnswer>(id, file.id))).toEqual([502, 'genesys.file_host']);
    for (const effect of [{ status: 403 }, { status: 403 }])
      await sandbox.post('/faults', { target: 'genesys', match: '/downloads', effect });
    expect(refused(await contentOf<ProblemAnswer>(id, file.id))).toEqual([410, 'attachment.expired']);
    expect((await contentOf(id, file.id)).status).toBe(200);
  });

  it.each([
    ['text/html', '../../index.html', 'index.html'],
    ['image/svg+xml', 'a"b\\c.svg', 'c.svg'],
    ['no media type', 'fdp\u202e.exe\n', 'fdp.exe'],
  ])('of %s, named %j, can do no harm to whoever opens it', async (fileType, fileName, shown) => {
    const { id, file } = await given({ fileName, fileType });
    expect(file.fileName).toBe(shown);
    const { headers } = await contentOf(id, file.id);
    expect([headers.get('content-type'), headers.get('content-disposition')]).toEqual([
      'application/octet-stream',
      `attachment; filename="${shown}"`,
    ]);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('is for its guest, and for who may read what is said', async () => {
    const { id, file } = await given();
    const other = await aGuest();
    const path = `/attachments/${file.id}/content`;
    expect(refused(await contentOf<ProblemAnswer>(other.id, file.id))).toEqual([404, 'attachment.not_found']);
    const token = async (guestId: string): Promise<Client> => {
      const made = await api.post<{ token: string }>(`/v1/guests/${guestId}/widget-tokens`, {
        origins: ['https://www.example.com'],
      });
      return new Client(running.service.url, made.body.token);
    };
    const from = { origin: 'https://www.example.com' };
    expect((await (await token(id)).get<Buffer>(`/v1/guests/${id}${path}`, from)).body.equals(BYTES)).toBe(true);
    const stranger = await (await token(other.id)).get<ProblemAnswer>(`/v1/guests/${id}${path}`, from);
    expect(refused(stranger)).toEqual([403, 'auth.beyond_guest']);
    expect((await new Client(running.service.url).get(`/v1/guests/${id}${path}`)).status).toBe(401);
    const head = await api.call('HEAD', `/v1/guests/${id}${path}`);
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(BYTES.length)]);
  });

  it('is not read without consent, nor taken note of', async () => {
    const { id, conversationId, file } = await given();
    const consent = (dataProcessing: boolean) =>
      api.patch(`/v1/guests/${id}`, { consent: { dataProcessing } }, { 'if-match': '*' });
    await consent(false);
    const before = (await downloads()).length;
    expect(refused(await contentOf<ProblemAnswer>(id, file.id))).toEqual([403, 'consent.required']);
    await say(conversationId, { files: [aFile()] });
    await consent(true);
    expect((await contentOf(id, file.id)).body.equals(BYTES)).toBe(true);
    expect((await downloads()).length).toBe(before + 1);
  });
});

describe('a file that a guest sends', () => {
  const add = (id: string) =>
    api.post<Attachment>(`/v1/guests/${id}/attachments`, BYTES, {
      ...{ 'content-type': 'application/pdf', 'content-disposition': 'attachment; filename="mine.pdf"' },
    });

  it('can be read while it waits for Genesys and when Genesys has it, also at another address', async () => {
    const { id } = await aGuest();
    for (const effect of [{ status: 503 }, { drop: true }])
      await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect, times: 1_000 });
    const { body: file } = await add(id);
    const before = (await downloads()).length;
    expect((await contentOf(id, file.id)).body.equals(BYTES)).toBe(true);
    expect((await downloads()).length).toBe(before);
    await sandbox.call('DELETE', '/faults');
    await until(
      async () => (await api.get<Attachment>(`/v1/guests/${id}/attachments/${file.id}`)).body.status,
      (status) => status === 'uploaded',
      40_000,
    );
    const { headers, body } = await contentOf(id, file.id);
    expect([body.equals(BYTES), headers.get('content-disposition')]).toEqual([true, 'attachment; filename="mine.pdf"']);
    await sandbox.post('/faults', { target: 'genesys', match: '/downloads', effect: { status: 403 } });
    expect((await contentOf(id, file.id)).body.equals(BYTES)).toBe(true);
    expect((await downloads()).length).toBe(before + 3);
  }, 60_000);
});

it('leaves no trace of names, contents and addresses, in the log or on disk', async () => {
  const { id, file } = await given();
  await contentOf(id, file.id);
  const secrets = ['lena-meyer', '/downloads/', 'signature='];
  expect(secrets.filter((secret) => running.log().includes(secret))).toEqual([]);
  const files = readdirSync(running.dataDir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const traces = files.filter(({ parentPath, name }) => {
    const held = readFileSync(join(parentPath, name));
    return secrets.some((secret) => held.includes(secret));
  });
  expect(traces.map(({ name }) => name)).toEqual([]);
  expect(files.length).toBeGreaterThan(10);
});
