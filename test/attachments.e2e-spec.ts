import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { suiteService, testService } from './support/service.js';

const running = suiteService();
const { api, sandbox } = running;

type Attachment = { id: string; status: string; code: string | null; messageId: string | null; size: number };
type Message = { id: string; text: string; status: string; attachments: Attachment[] };

const PICTURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0xff, 0x00]);
const NAME = 'passport-of-lena-meyer.png';

const aGuest = async (parts: Record<string, unknown> = {}): Promise<string> => {
  const { id } = (await api.post<GuestAnswer>('/v1/guests', aBody(parts))).body;
  if (parts['mode'] !== 'widget') await conversationOf(sandbox, id);
  return id;
};
const add = <T = Attachment>(guestId: string, headers: Record<string, string> = {}, bytes: Buffer = PICTURE) =>
  api.post<T>(`/v1/guests/${guestId}/attachments`, bytes, {
    'content-type': 'image/png',
    'content-disposition': `attachment; filename="${NAME}"`,
    ...headers,
  });
const attachmentWhen = (guestId: string, id: string, wanted: (attachment: Attachment) => boolean) =>
  until(async () => (await api.get<Attachment>(`/v1/guests/${guestId}/attachments/${id}`)).body, wanted);
const messageWhen = (guestId: string, id: string, wanted: (message: Message) => boolean) =>
  until(
    async () =>
      (await api.get<{ items: Message[] }>(`/v1/guests/${guestId}/messages`)).body.items.find(
        (message) => message.id === id,
      )!,
    wanted,
  );
type Seen = { method: string; path: string; body: unknown };
const seen = async () => (await sandbox.get<Seen[]>('/requests')).body;

describe('a file of a server-led guest', () => {
  it('reaches Genesys and goes with the message that names it, with and without a text', async () => {
    const id = await aGuest();
    const first = await add(id);
    expect([first.status, first.headers.get('location')]).toEqual([
      202,
      `/v1/guests/${id}/attachments/${first.body.id}`,
    ]);
    expect(first.body).toMatchObject({
      status: 'queued',
      fileName: NAME,
      mediaType: 'image/png',
      size: PICTURE.length,
    });
    const second = await add(id, { 'content-disposition': "attachment; filename*=UTF-8''%E2%82%AC.png" });
    expect(second.body).toMatchObject({ fileName: '€.png' });
    const said = await api.post<Message>(`/v1/guests/${id}/messages`, {
      text: 'My passport',
      attachmentIds: [first.body.id],
    });
    const silent = await api.post<Message>(`/v1/guests/${id}/messages`, { attachmentIds: [second.body.id] });
    expect([said.status, silent.status]).toEqual([202, 202]);
    expect(await messageWhen(id, said.body.id, ({ status }) => status !== 'queued')).toMatchObject({
      ...{ status: 'sent', text: 'My passport', attachments: [{ id: first.body.id }] },
    });
    expect(await messageWhen(id, silent.body.id, ({ status }) => status !== 'queued')).toMatchObject({
      ...{ status: 'sent', text: '', attachments: [{ id: second.body.id }] },
    });
    expect(await attachmentWhen(id, first.body.id, () => true)).toMatchObject({
      ...{ status: 'uploaded', messageId: said.body.id },
    });
    const texts = (await conversationOf(sandbox, id)).participants
      .filter(({ purpose }) => purpose === 'customer')
      .flatMap(({ messages }) => messages);
    expect(texts.filter(({ text }) => text === 'My passport')).toHaveLength(1);
    const puts = (await seen()).filter(({ method, path }) => method === 'PUT' && path.includes('/uploads/'));
    expect(puts.map(({ body }) => body)).toEqual(Array.from({ length: 2 }, () => `[file, ${PICTURE.length} bytes]`));
  });

  it('is taken once under one key, and is another file when anything of it is', async () => {
    const id = await aGuest();
    const key = { 'idempotency-key': 'one-file' };
    const [first, again] = [await add(id, key), await add(id, key)];
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    expect((await add<ProblemAnswer>(id, key, Buffer.from('other'))).body.code).toBe('http.idempotency_key_reused');
    const renamed = { ...key, 'content-disposition': 'attachment; filename=other.png' };
    expect((await add<ProblemAnswer>(id, renamed)).status).toBe(422);
  });

  it.each([
    ['its name is missing', { 'content-disposition': 'attachment' }, PICTURE, 400, 'http.bad_header'],
    [
      'its name is a path',
      { 'content-disposition': 'attachment; filename="../a.png"' },
      PICTURE,
      400,
      'http.bad_header',
    ],
    [
      'it has two names',
      { 'content-disposition': 'attachment; filename=a.png; filename=b.png' },
      PICTURE,
      400,
      'http.bad_header',
    ],
    [
      'its name has no extension',
      { 'content-disposition': 'attachment; filename=a' },
      PICTURE,
      422,
      'attachment.name_refused',
    ],
    ['it is empty', {}, Buffer.alloc(0), 422, 'attachment.empty'],
    ['it is JSON', { 'content-type': 'application/json' }, Buffer.from('{}'), 415, 'http.unsupported_media_type'],
    ['it is coded', { 'content-encoding': 'gzip' }, PICTURE, 415, 'http.unsupported_media_type'],
    ['it is too large', {}, Buffer.alloc(5 * 1024 * 1024 + 1), 413, 'http.body_too_large'],
  ])('is refused when %s', async (_when, headers, bytes, status, code) => {
    const id = await aGuest();
    const refused = await add<ProblemAnswer>(id, headers, bytes);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
    expect(JSON.stringify(refused.body)).not.toContain(NAME);
  });

  it('is as large as may be', async () => {
    const id = await aGuest();
    const { body } = await add(id, {}, Buffer.alloc(5 * 1024 * 1024, 7));
    expect(await attachmentWhen(id, body.id, ({ status }) => status !== 'queued')).toMatchObject({
      ...{ status: 'uploaded', code: null },
    });
  }, 30_000);

  it('is no body of any other route', async () => {
    const refused = await api.post<ProblemAnswer>('/v1/guests', PICTURE, { 'content-type': 'image/png' });
    expect([refused.status, refused.body.code]).toEqual([415, 'http.unsupported_media_type']);
  });

  it('is refused for good when Genesys will not have it, and no message can carry it', async () => {
    const id = await aGuest();
    const { body } = await add(id, { 'content-disposition': 'attachment; filename="run.exe"' });
    const waiting = await api.post<Message>(`/v1/guests/${id}/messages`, { text: 'x', attachmentIds: [body.id] });
    expect(await attachmentWhen(id, body.id, ({ status }) => status !== 'queued')).toMatchObject({
      ...{ status: 'refused', code: 'genesys.file_type' },
    });
    if (waiting.status === 202) await messageWhen(id, waiting.body.id, ({ status }) => status === 'failed');
    const late = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, { text: 'x', attachmentIds: [body.id] });
    expect([late.status, late.body.errors?.[0]?.pointer]).toEqual([422, '/attachmentIds/0']);
  });

  it('belongs to one guest and goes with one message', async () => {
    const [id, other] = [await aGuest(), await aGuest()];
    const { body } = await add(id);
    const name = (guestId: string) =>
      api.post<ProblemAnswer>(`/v1/guests/${guestId}/messages`, { text: 'x', attachmentIds: [body.id] });
    expect((await name(other)).body.code).toBe('message.attachment_refused');
    expect((await api.get(`/v1/guests/${other}/attachments/${body.id}`)).status).toBe(404);
    expect((await name(id)).status).toBe(202);
    expect((await name(id)).body.code).toBe('message.attachment_refused');
    const nothing = await api.post<ProblemAnswer>(`/v1/guests/${id}/messages`, {});
    expect(nothing.body.errors).toMatchObject([{ pointer: '/text', rule: 'required' }]);
  });

  it('waits while Genesys is away, until there are too many, and arrives when it is back', async () => {
    const id = await aGuest();
    for (const effect of [{ status: 503 }, { drop: true }])
      await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect, times: 1_000 });
    const files: Attachment[] = [];
    for (let count = 0; count < 5; count++) files.push((await add(id)).body);
    const refused = await add<ProblemAnswer>(id);
    expect([refused.status, refused.body.code]).toEqual([429, 'attachment.queue_full']);
    expect(refused.headers.get('retry-after')).toBe('5');
    await sandbox.call('DELETE', '/faults');
    for (const file of files)
      await until(
        async () => (await api.get<Attachment>(`/v1/guests/${id}/attachments/${file.id}`)).body.status,
        (status) => status === 'uploaded',
        40_000,
      );
  }, 60_000);

  it('does not leave without consent, nor for guests whose page has its own Messenger', async () => {
    const id = await aGuest();
    await api.patch(`/v1/guests/${id}`, { consent: { dataProcessing: false } }, { 'if-match': '*' });
    expect((await add<ProblemAnswer>(id)).body.code).toBe('consent.required');
    expect((await add<ProblemAnswer>(await aGuest({ mode: 'widget' }))).body.code).toBe('guest.widget_led');
  });

  it('does not leave when consent was withdrawn while it waited, nor does the message that names it', async () => {
    const id = await aGuest();
    for (const effect of [{ status: 503 }, { drop: true }])
      await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect, times: 1_000 });
    const { body } = await add(id);
    const said = await api.post<Message>(`/v1/guests/${id}/messages`, { text: 'x', attachmentIds: [body.id] });
    await api.patch(`/v1/guests/${id}`, { consent: { dataProcessing: false } }, { 'if-match': '*' });
    await sandbox.call('DELETE', '/faults');
    expect((await attachmentWhen(id, body.id, ({ status }) => status !== 'queued')).status).toBe('expired');
    expect((await messageWhen(id, said.body.id, ({ status }) => status !== 'queued')).status).toBe('failed');
    expect((await seen()).filter(({ path }) => path.includes(body.id))).toEqual([]);
  }, 60_000);

  it('is tried again when its address is refused', async () => {
    const id = await aGuest();
    await sandbox.post('/faults', { target: 'genesys', match: '/uploads', effect: { status: 403 }, times: 1 });
    const { body } = await add(id);
    expect((await attachmentWhen(id, body.id, ({ status }) => status !== 'queued')).status).toBe('uploaded');
  });

  it('is announced anew when Genesys has lost it', async () => {
    const id = await aGuest();
    const body = {
      class: 'GenerateUrlError',
      code: 400,
      body: { errorCode: 4009, errorMessage: 'attachment not found' },
    };
    await sandbox.post('/faults', { target: 'genesys', match: 'websocket', effect: { body }, times: 1 });
    const file = (await add(id)).body;
    expect((await attachmentWhen(id, file.id, ({ status }) => status !== 'queued')).status).toBe('uploaded');
    expect(running.log()).toContain('genesys.upload_failed');
  });

  it('is not given up when there is no memory to read it with, however often', async () => {
    const id = await aGuest();
    const { query: read } = pg.Pool.prototype as { query: (this: unknown, ...parts: unknown[]) => unknown };
    let failures = 6;
    const spy = jest.spyOn(pg.Pool.prototype, 'query').mockImplementation(function (this: unknown, ...parts) {
      const isFile = (parts[0] as unknown as { name?: string }).name === 'attachment.bytes';
      if (!isFile || failures-- <= 0) return read.apply(this, parts);
      return Promise.reject(Object.assign(new pg.DatabaseError('out of memory', 0, 'error'), { code: '53200' }));
    });
    try {
      const file = (await add(id)).body;
      const settled = await attachmentWhen(id, file.id, ({ status }) => status !== 'queued');
      expect([settled.status, settled.code]).toEqual(['uploaded', null]);
    } finally {
      spy.mockRestore();
    }
  }, 60_000);

  it('leaves no trace of its name, in the log or on disk', () => {
    expect(running.log()).not.toContain('lena-meyer');
    const files = readdirSync(running.dataDir, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    const traces = files.filter(({ parentPath, name }) => readFileSync(join(parentPath, name)).includes('lena-meyer'));
    expect(traces.map(({ name }) => name)).toEqual([]);
    expect(files.length).toBeGreaterThan(10);
  });
});

it('what the deployment does not take is refused at the door as soon as its settings are known', async () => {
  const strict = await testService();
  try {
    await strict.sandbox.call('PATCH', '/genesys/deployment', { fileTypes: ['application/pdf'] });
    const { id } = (await strict.api.post<GuestAnswer>('/v1/guests', aBody())).body;
    await conversationOf(strict.sandbox, id);
    const headers = { 'content-type': 'image/png', 'content-disposition': 'attachment; filename=a.png' };
    const refused = await strict.api.post<ProblemAnswer>(`/v1/guests/${id}/attachments`, PICTURE, headers);
    expect([refused.status, refused.body.code]).toEqual([415, 'attachment.type_refused']);
    expect(refused.body.errors).toEqual([
      { pointer: '/mediaType', rule: 'mediaType', message: 'must be one of application/pdf' },
    ]);
    const taken = { ...headers, 'content-type': 'application/pdf' };
    expect((await strict.api.post(`/v1/guests/${id}/attachments`, PICTURE, taken)).status).toBe(202);
  } finally {
    await strict.close();
  }
}, 60_000);
