import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { Attachment } from '../attachment.js';
import { AttachmentStore } from './attachment.store.js';

export type AttachmentStoreLab = {
  readonly store: AttachmentStore;
  /** The same files, in another process. */
  readonly another: AttachmentStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

/** So long ago that files of other tests are none of ours. */
const LONG_AGO = Date.parse('2001-01-01T00:00:00.000Z');
const later = (ms: number): Date => new Date(LONG_AGO + ms);

/** What every `AttachmentStore` promises. */
export function attachmentStoreContract(openLab: () => Promise<AttachmentStoreLab>): void {
  let lab: AttachmentStoreLab;
  let guestId: string;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(() => void (guestId = uuidv7()));
  afterAll(() => lab.close());

  const added = async (parts: Partial<Attachment> = {}): Promise<Attachment> => {
    const attachment: Attachment = {
      ...{ id: uuidv7(), guestId, messageId: null, status: 'queued', size: 3, sealedAbout: 'v1.about' },
      ...{ sealedSource: null, code: null, at: new Date('2026-11-22T09:00:00.000Z'), ...parts },
    };
    await lab.store.add(attachment, attachment.status === 'queued' ? 'v1.bytes' : null);
    return attachment;
  };

  it('knows nothing of what was never added', async () => {
    expect(await lab.store.find(guestId, uuidv7())).toBeNull();
    expect(await lab.store.find('nonsense', 'nonsense')).toBeNull();
    expect(await lab.store.bytes(guestId, uuidv7())).toBeNull();
    expect(await lab.store.bytes('nonsense', 'nonsense')).toBeNull();
    expect([await lab.store.waiting(guestId), await lab.store.waiting('nonsense')]).toEqual([0, 0]);
    expect(await lab.store.findAll(guestId, [])).toEqual([]);
  });

  it('answers files as they were added, in every process, and to their guest only', async () => {
    const [one, two] = [await added(), await added({ size: 5 })];
    expect(await lab.another.find(guestId, one.id)).toEqual(one);
    expect(await lab.another.bytes(guestId, one.id)).toBe('v1.bytes');
    expect(new Set(await lab.store.findAll(guestId, [one.id, two.id, uuidv7(), 'nonsense']))).toEqual(
      new Set([one, two]),
    );
    expect(await lab.store.find(uuidv7(), one.id)).toBeNull();
    expect(await lab.store.waiting(guestId)).toBe(2);
  });

  it('ties a file to one message', async () => {
    const [one, two] = [await added(), await added()];
    const messageId = uuidv7();
    expect(await lab.store.carry(guestId, [one.id], messageId)).toBe(1);
    expect(await lab.store.carry(guestId, [one.id, two.id], uuidv7())).toBe(1);
    expect((await lab.store.find(guestId, one.id))?.messageId).toBe(messageId);
  });

  it('lets go of the bytes with the last word on a file, which stays the last', async () => {
    const { id } = await added();
    await lab.store.settle(guestId, id, { status: 'uploaded', sealedSource: 'v1.source' });
    const uploaded = { status: 'uploaded', code: null, sealedSource: 'v1.source' };
    expect(await lab.store.find(guestId, id)).toMatchObject(uploaded);
    expect([await lab.store.bytes(guestId, id), await lab.store.waiting(guestId)]).toEqual([null, 0]);
    await lab.store.settle(guestId, id, { status: 'expired', code: 'genesys.file_gone' });
    await lab.store.settle(guestId, id, { status: 'uploaded', sealedSource: 'v1.source' });
    const expired = { status: 'expired', code: 'genesys.file_gone', sealedSource: null };
    expect(await lab.store.find(guestId, id)).toMatchObject(expired);
    await lab.store.settle('nonsense', 'nonsense', { status: 'refused' });
  });

  it('keeps of a file of the other side where it can be had, and its size when that was told', async () => {
    const received = { status: 'received', size: null, messageId: uuidv7(), sealedSource: 'v1.source' } as const;
    const file = await added(received);
    expect(await lab.another.find(guestId, file.id)).toEqual(file);
    expect([await lab.store.bytes(guestId, file.id), await lab.store.waiting(guestId)]).toEqual([null, 0]);
    await lab.store.settle(guestId, file.id, { status: 'received', sealedSource: 'v1.elsewhere' });
    expect(await lab.store.find(guestId, file.id)).toEqual({ ...file, sealedSource: 'v1.elsewhere' });
    await lab.store.settle(guestId, file.id, { status: 'expired', code: 'genesys.file_gone' });
    expect(await lab.store.find(guestId, file.id)).toMatchObject({ status: 'expired', sealedSource: null });
  });

  it('writes nothing of a unit that fails', async () => {
    let id = '';
    const failing = lab.work.run(async () => {
      ({ id } = await added());
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await lab.store.find(guestId, id)).toBeNull();
  });

  it('counts and forgets what old files hold, the oldest first, and leaves the others', async () => {
    const [old, older, recent] = [await added({ at: later(2) }), await added({ at: later(1) }), await added()];
    const received = await added({ at: later(3), status: 'received', sealedSource: 'v1.source' });
    const gone = await added({ at: later(1), status: 'expired' });
    expect(await lab.store.countContents(later(10))).toEqual({ count: 3, oldest: later(1) });
    expect(await lab.store.forgetContents(later(10), 1)).toBe(1);
    expect(await lab.store.bytes(guestId, older.id)).toBeNull();
    expect(await lab.store.bytes(guestId, old.id)).toBe('v1.bytes');
    expect(await lab.store.forgetContents(later(10), 10)).toBe(2);
    expect(await lab.store.forgetContents(later(10), 10)).toBe(0);
    for (const { id } of [old, received])
      expect(await lab.store.find(guestId, id)).toMatchObject({ status: 'expired', sealedSource: null });
    expect(await lab.store.find(guestId, gone.id)).toEqual(gone);
    expect(await lab.store.find(guestId, recent.id)).toMatchObject({ status: 'queued' });
  });

  it('removes all files of a guest, and nobody else’s', async () => {
    const mine = await added();
    const others = await added({ guestId: uuidv7() });
    await lab.store.removeAll(guestId);
    await lab.store.removeAll('nonsense');
    expect(await lab.store.find(guestId, mine.id)).toBeNull();
    expect(await lab.store.find(others.guestId, others.id)).toEqual(others);
  });
}
