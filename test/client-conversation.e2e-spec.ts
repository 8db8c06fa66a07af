import { rmSync } from 'node:fs';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import {
  GuestForbiddenError,
  GuestManager,
  GuestNotFoundError,
  GuestStateError,
  GuestUnauthenticatedError,
  GuestValidationError,
} from '../src/client/index.js';
import type { LiveEvent } from '../src/client/index.js';
import { GuestManagerModule } from '../src/index.js';
import { startSandbox } from '../src/sandbox/sandbox.js';
import type { Sandbox } from '../src/sandbox/sandbox.js';
import { newDataDir } from './storage/test-storage.js';
import { Client, conversationOf, until } from './support/client.js';
import { freePort } from './support/process.js';

const TOKEN = 'a-key-that-is-long-enough-for-tests';
const PAGE = 'https://www.example.com';
const STRANGER = '01890a5d-ac96-774b-bcce-b302099a8057';
const wanted = { consent: { marketing: false, dataProcessing: true } };
const PDF = Buffer.from('%PDF-1.7');

let sandbox: Sandbox;
let other: Client;
let dataDir: string;
let app: INestApplicationContext;
let url: string;
const managers: Record<string, GuestManager> = {};

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
  other = new Client(`${sandbox.url}/sandbox`);
  dataDir = await newDataDir();
  const port = await freePort();
  const env = { NODE_ENV: 'test', DATA_DIR: dataDir, PORT: `${port}`, API_KEYS: `tests:${TOKEN}:*` };
  app = await NestFactory.createApplicationContext(
    GuestManagerModule.forRoot({ env: { ...env, ...sandbox.environment }, listen: true }),
    { logger: false, abortOnError: false },
  );
  url = `http://127.0.0.1:${port}`;
  managers['in the same process'] = app.get(GuestManager);
  managers['over HTTP'] = GuestManager.http({ baseUrl: url, token: TOKEN });
}, 60_000);
afterAll(async () => {
  await app?.close();
  await sandbox?.close();
  rmSync(dataDir, { recursive: true, force: true });
});
afterEach(() => other.call('DELETE', '/faults'));

const say = async (guestId: string, body: object): Promise<void> => {
  const { id } = await conversationOf(other, guestId);
  expect((await other.post(`/genesys/conversations/${id}/messages`, body)).status).toBe(201);
};

/** Somebody who follows a guest, and what they have seen. */
function reader(events: AsyncGenerator<LiveEvent>) {
  const seen: LiveEvent[] = [];
  const ended = (async () => {
    for await (const event of events) seen.push(event);
  })();
  const texts = (): (string | null)[] =>
    seen.flatMap((event) => (event.event === 'message' && event.data.status !== 'queued' ? [event.data.text] : []));
  return { seen, ended, texts, saw: (text: string) => until(async () => texts().includes(text), Boolean) };
}

describe.each(['over HTTP', 'in the same process'])('a guest’s conversation, %s', (where) => {
  const manager = (): GuestManager => managers[where]!;

  it('has files of both sides, which can be read', async () => {
    const guests = manager();
    const guest = await guests.createGuest(wanted);
    await conversationOf(other, guest.id);
    const file = { fileName: 'bill of (€).pdf', mediaType: 'application/pdf', content: PDF };
    const sent = await guests.sendAttachment(guest, file, 'My bill');
    expect(sent).toMatchObject({
      from: 'guest',
      text: 'My bill',
      attachments: [{ fileName: 'bill of (€).pdf', size: 8 }],
    });
    const silent = await guests.sendAttachment(guest, { fileName: 'a.bin', content: new Blob([PDF]) });
    const isThere = async (id: string) => (await guests.getAttachment(guest, id)).status;
    for (const { attachments } of [sent, silent])
      await until(
        () => isThere(attachments[0]!.id),
        (status) => status === 'uploaded',
      );
    await say(guest.id, {
      files: [{ fileName: 'answer.html', fileType: 'text/html', base64: PDF.toString('base64') }],
    });
    const theirs = await until(
      async () => (await guests.listMessages(guest)).items.find(({ from }) => from === 'agent')!,
      Boolean,
    );
    const read = async (attachmentId: string) => {
      const { fileName, mediaType, content } = await guests.getAttachmentContent(guest, attachmentId);
      return [fileName, mediaType, content.type, Buffer.from(await content.arrayBuffer()).toString()];
    };
    const ofAgent = theirs.attachments[0]!;
    expect(ofAgent).toMatchObject({ status: 'received', fileName: 'answer.html', mediaType: 'text/html' });
    const octets = 'application/octet-stream';
    expect(await read(sent.attachments[0]!.id)).toEqual([file.fileName, file.mediaType, file.mediaType, '%PDF-1.7']);
    expect(await read(silent.attachments[0]!.id)).toEqual(['a.bin', octets, octets, '%PDF-1.7']);
    expect(await read(ofAgent.id)).toEqual(['answer.html', octets, octets, '%PDF-1.7']);
    await expect(guests.getAttachmentContent(guest, STRANGER)).rejects.toBeInstanceOf(GuestNotFoundError);
    const refused = guests.addAttachment(guest, { fileName: 'without-an-extension', content: PDF });
    await expect(refused).rejects.toBeInstanceOf(GuestValidationError);
    const path = guests.addAttachment(guest, { fileName: '../a.pdf', content: PDF });
    await expect(path).rejects.toBeInstanceOf(GuestValidationError);
  });

  it('takes a file once under one key, with the message that carries it', async () => {
    const guests = manager();
    const guest = await guests.createGuest(wanted);
    const file = { fileName: 'a.pdf', content: PDF };
    const intention = { idempotencyKey: `one-file-${where.length}` };
    const first = await guests.sendAttachment(guest, file, 'Once', intention);
    const again = await guests.sendAttachment(guest, file, 'Once', intention);
    expect(again).toEqual(first);
    expect((await guests.listMessages(guest)).items.filter(({ text }) => text === 'Once')).toHaveLength(1);
  });

  it('can be followed to its end, and typed in', async () => {
    const guests = manager();
    const guest = await guests.createGuest(wanted);
    await conversationOf(other, guest.id);
    const { seen, ended, saw } = reader(guests.followGuest(guest));
    await until(async () => seen.length, Boolean);
    await guests.typeAsGuest(guest);
    await guests.sendMessage(guest, 'Hello');
    await saw('Hello');
    await say(guest.id, { text: 'Good morning' });
    await saw('Good morning');
    await guests.closeGuest(guest);
    await ended;
    expect(seen[0]).toMatchObject({ event: 'state' });
    expect(seen.at(-1)).toMatchObject({ event: 'closed', data: { state: 'closed', closeReason: 'api' } });
    const after = reader(guests.followGuest(guest, { lastEventId: seen.at(-1)!.id! }));
    await after.ended;
    expect(after.seen).toEqual([]);
    await expect(guests.typeAsGuest(guest)).rejects.toBeInstanceOf(GuestStateError);
  });

  it('is followed for as long as somebody wants to, and not where there is nobody', async () => {
    const guests = manager();
    const guest = await guests.createGuest(wanted);
    const wish = new AbortController();
    const { seen, ended } = reader(guests.followGuest(guest, { signal: wish.signal }));
    await until(async () => seen.length, Boolean);
    wish.abort();
    await ended;
    await expect(reader(guests.followGuest(STRANGER)).ended).rejects.toBeInstanceOf(GuestNotFoundError);
    await expect(reader(guests.followGuest(guest, { lastEventId: 'x' })).ended).rejects.toBeInstanceOf(
      GuestValidationError,
    );
    const before = new AbortController();
    before.abort();
    await reader(guests.followGuest(guest, { signal: before.signal })).ended;
  });

  it('has its consent on record, with a receipt, and a decision that comes too late is told so', async () => {
    const guests = manager();
    const guest = await guests.createGuest(wanted);
    const decision = { purpose: 'marketing', decision: 'granted', method: 'form', noticeVersion: 'privacy-1' } as const;
    const record = await guests.recordConsent(guest, decision);
    expect(record).toMatchObject({ ...decision, guestId: guest.id });
    expect((await guests.getGuest(guest)).consent.marketing).toBe(true);
    expect((await guests.listConsents(guest)).items.map(({ purpose }) => purpose)).toContain('marketing');
    const { receipt, jws } = await guests.getConsentReceipt(guest, record.id);
    expect([receipt['receiptId'], jws.split('.').length]).toEqual([record.id, 3]);
    const late = guests.recordConsent(guest, { ...decision, decision: 'withdrawn', at: '2020-01-01T00:00:00Z' });
    await expect(late).rejects.toMatchObject({ name: 'GuestStateError', code: 'consent.stale' });
    const unsaid = await guests.createGuest(wanted);
    const early = guests.recordConsent(unsaid, { ...decision, at: '2020-01-01T00:00:00Z' });
    await expect(early).rejects.toMatchObject({ name: 'GuestStateError', code: 'consent.stale' });
    await expect(guests.getConsentReceipt(guest, STRANGER)).rejects.toBeInstanceOf(GuestNotFoundError);
  });
});

describe('a page with a widget token', () => {
  it('is its own guest: follows, without gap or repetition where the stream breaks, writes, sends and reads files', async () => {
    const backEnd = managers['over HTTP']!;
    const guest = await backEnd.createGuest(wanted);
    await conversationOf(other, guest.id);
    const { token, scopes } = await backEnd.makeWidgetToken(guest, { origins: [PAGE], expiresIn: 600 });
    expect(scopes).toEqual(['guest:read', 'guest:message']);
    const streams: AbortController[] = [];
    const page = GuestManager.http({
      baseUrl: url,
      token: () => token,
      fetch: async (input, init) => {
        const cut = new AbortController();
        if ((input as string).endsWith('/events')) streams.push(cut);
        const signal = AbortSignal.any([init!.signal!, cut.signal]);
        return fetch(input, {
          ...init,
          signal,
          headers: { ...(init!.headers as Record<string, string>), origin: PAGE },
        });
      },
    });
    const { seen, ended, texts, saw } = reader(page.followGuest(guest.id));
    await until(async () => seen.length, Boolean);
    await page.sendMessage(guest.id, 'One');
    await saw('One');
    streams[0]!.abort();
    await say(guest.id, { text: 'Two', files: [{ fileName: 'a.pdf', fileType: 'application/pdf', base64: 'QUJD' }] });
    await saw('Two');
    streams[1]!.abort();
    await page.sendAttachment(guest.id, { fileName: 'b.pdf', content: PDF }, 'Three');
    await saw('Three');
    expect(streams).toHaveLength(3);
    for (const text of ['One', 'Two', 'Three']) expect(texts().filter((each) => each === text)).toHaveLength(1);
    const two = seen.find((event) => event.event === 'message' && event.data.text === 'Two')!;
    const [file] = (two as Extract<LiveEvent, { event: 'message' }>).data.attachments;
    expect(await (await page.getAttachmentContent(guest.id, file!.id)).content.text()).toBe('ABC');
    await expect(
      page.recordConsent(guest.id, { purpose: 'marketing', decision: 'granted', method: 'widget' }),
    ).rejects.toBeInstanceOf(GuestForbiddenError);
    await backEnd.revokeWidgetTokens(guest);
    await expect(page.getGuest(guest.id)).rejects.toBeInstanceOf(GuestUnauthenticatedError);
    await expect(ended).rejects.toBeInstanceOf(GuestUnauthenticatedError);
  });
});
