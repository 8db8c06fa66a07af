import { aGuest } from '../../../test/builders/guest.js';
import { guestServices } from '../../../test/builders/guest-services.js';
import { SilentChannel } from '../../../test/builders/silent-channel.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { CONTENT_MAX_BYTES } from './attachment.js';
import type { Attachment } from './attachment.js';
import { sealAbout, sealSource } from './attachment.sealing.js';
import type { AttachmentService } from './attachment.service.js';
import { LOCATE } from './guest.intents.js';
import type { Guest } from './guest.js';
import { FILE_GONE } from './ports/guest-channel.js';
import type { FileContent } from './ports/guest-channel.js';

/** Genesys as far as files are read from it: under each address what stands there, and nothing under any other. */
class Files extends SilentChannel {
  readonly at = new Map<string, Omit<FileContent, 'bytes'> & { readonly chunks: number[] }>();
  readonly asked: string[] = [];

  override async download(url: string): Promise<FileContent> {
    this.asked.push(url);
    const file = this.at.get(url);
    if (file === undefined) throw new AppError('refused', FILE_GONE, 'gone');
    async function* bytes(lengths: readonly number[]): FileContent['bytes'] {
      for (const length of lengths) yield new Uint8Array(length);
    }
    return { size: file.size, bytes: bytes(file.chunks) };
  }
}

describe('What is in a file', () => {
  let storage: TestStorage;
  let genesys: Files;
  let service: AttachmentService;

  beforeAll(async () => {
    storage = await openTestStorage();
    genesys = new Files();
    ({ attachments: service } = guestServices(storage, { channel: genesys }));
  }, 60_000);
  afterAll(() => storage.close());

  const OLD = 'https://shyrka-prod.s3.amazonaws.com/old';
  const NEW = 'https://shyrka-prod.s3.amazonaws.com/new';
  const gone = new AbortController().signal;
  beforeEach(() => {
    genesys.at.clear();
    genesys.asked.length = 0;
  });

  const given = async (parts: Partial<Guest> = {}): Promise<Attachment> => {
    const guest = aGuest({ mode: 'server', consent: { marketing: false, dataProcessing: true }, ...parts });
    await storage.guests.add(guest);
    const { id: guestId } = guest;
    const about = { fileName: 'a.pdf', mediaType: 'application/pdf' };
    const file: Attachment = {
      ...{ id: uuidv7(), guestId, messageId: uuidv7(), status: 'received', size: null, code: null, at: new Date(0) },
      sealedAbout: await sealAbout(storage.vault, guestId, about),
      sealedSource: await sealSource(storage.vault, guestId, { id: 'theirs', url: OLD }),
    };
    await storage.attachments.add(file, null);
    return file;
  };
  const read = async ({ guestId, id }: Attachment): Promise<number> => {
    let length = 0;
    for await (const chunk of (await service.content(guestId, id, gone)).bytes) length += chunk.length;
    return length;
  };
  /** Whoever holds the guest's socket does as it is asked. */
  const answering = async ({ guestId, id }: Attachment, how: () => Promise<void>): Promise<void> => {
    for (;;) {
      const [intent] = await storage.outbox.claim(LOCATE, 1, 60_000);
      if (intent === undefined) {
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      expect(intent).toMatchObject({ subject: guestId, payload: { attachmentId: id } });
      await how();
      await storage.outbox.done(intent);
      return;
    }
  };

  it('is passed on up to the most there may be, and not a byte beyond, whether its size was said or not', async () => {
    const file = await given();
    const half = CONTENT_MAX_BYTES / 2;
    genesys.at.set(OLD, { size: null, chunks: [half, half] });
    expect(await read(file)).toBe(CONTENT_MAX_BYTES);
    genesys.at.set(OLD, { size: null, chunks: [half, half, 1] });
    await expect(read(file)).rejects.toMatchObject({ code: 'attachment.content_too_large' });
    genesys.at.set(OLD, { size: CONTENT_MAX_BYTES + 1, chunks: [1] });
    await expect(service.content(file.guestId, file.id, gone)).rejects.toMatchObject({
      ...{ kind: 'refused', code: 'attachment.content_too_large' },
    });
  });

  it('is read from where whoever holds the socket was told that it is now', async () => {
    const file = await given();
    genesys.at.set(NEW, { size: 3, chunks: [3] });
    const [length] = await Promise.all([
      read(file),
      answering(file, () => service.located(file.guestId, file.id, { id: 'theirs', url: NEW })),
    ]);
    expect([length, genesys.asked]).toEqual([3, [OLD, NEW]]);
    expect(await service.sourceOf(file.guestId, file.id)).toEqual({ id: 'theirs', url: NEW });
  });

  it('is not read when consent is withdrawn while its place is looked for', async () => {
    const file = await given();
    genesys.at.set(NEW, { size: 3, chunks: [3] });
    const answered = answering(file, async () => {
      const consent = { marketing: false, dataProcessing: false };
      await storage.guests.update(file.guestId, (known) => ({ ...known, consent }));
      await service.located(file.guestId, file.id, { id: 'theirs', url: NEW });
    });
    await expect(read(file)).rejects.toMatchObject({ kind: 'forbidden', code: 'consent.required' });
    await answered;
    expect(genesys.asked).toEqual([OLD]);
  });

  it('is gone for good when Genesys says so', async () => {
    const file = await given();
    const answered = answering(file, () => service.expired(file.guestId, [file.id], FILE_GONE));
    await expect(read(file)).rejects.toMatchObject({ kind: 'not-found', code: 'attachment.expired' });
    await answered;
    expect(await service.get(file.guestId, file.id)).toMatchObject({ status: 'expired', code: FILE_GONE });
    await service.located(file.guestId, file.id, { id: 'theirs', url: NEW });
    await expect(read(file)).rejects.toMatchObject({ code: 'attachment.expired' });
    expect(genesys.asked).toEqual([OLD]);
  });

  it.each([
    [FILE_GONE, 'expired'],
    ['genesys.session_expired', 'expired'],
    ['guest.session_gone', 'expired'],
    ['genesys.origin_refused', 'received'],
    ['bug.TypeError', 'received'],
  ])('that Genesys was asked for in vain (%s) is %s: only what nobody can mend is for good', async (code, status) => {
    const file = await given();
    await service.unlocated(file.guestId, file.id, code);
    expect(await service.get(file.guestId, file.id)).toMatchObject({ status });
    expect(await service.sourceOf(file.guestId, file.id)).toEqual(
      status === 'expired' ? null : { id: 'theirs', url: OLD },
    );
  });

  it.each([
    ['genesys.file_type', 'refused'],
    ['genesys.session_expired', 'expired'],
  ])('that will never get to Genesys (%s) is %s', async (code, status) => {
    const file = await given();
    await service.refused(file.guestId, file.id, code);
    expect(await service.get(file.guestId, file.id)).toMatchObject({ status, code });
  });

  it.each([
    ['is closed', { state: 'closed' as const }],
    ['is being closed', { state: 'closing' as const }],
    ['has its own Messenger', { mode: 'widget' as const }],
  ])('is not looked for anew when its guest %s', async (_what, parts) => {
    const file = await given(parts);
    await expect(read(file)).rejects.toMatchObject({ kind: 'not-found', code: 'attachment.expired' });
    expect(await storage.outbox.claim(LOCATE, 1, 60_000)).toEqual([]);
    expect((await service.get(file.guestId, file.id)).status).toBe('received');
  });

  it('cannot be read any more when the guest’s key is gone', async () => {
    const file = await given();
    await storage.vault.destroy(`guest:${file.guestId}`);
    await expect(read(file)).rejects.toMatchObject({ code: 'attachment.expired' });
    expect((await service.get(file.guestId, file.id)).about).toBeNull();
  });
});
