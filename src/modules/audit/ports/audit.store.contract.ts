import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { checkChain } from '../audit.js';
import type { Entry, Happening, Subject } from '../audit.js';
import { AuditStore } from './audit.store.js';

export type AuditStoreLab = {
  readonly store: AuditStore;
  readonly work: UnitOfWork;
  /** The same trail, in another process. */
  readonly another: { readonly store: AuditStore; readonly work: UnitOfWork };
  close(): Promise<void>;
};

/** What every `AuditStore` promises. */
export function auditStoreContract(openLab: () => Promise<AuditStoreLab>): void {
  let lab: AuditStoreLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const someone = (): Subject => `guest:${randomUUID()}`;
  const happening = (subject: Subject, n = 0): Happening => ({
    subject,
    event: 'GUEST_UPDATED',
    actor: 'job:test',
    at: new Date('2026-11-22T09:00:00.000Z'),
    runId: null,
    changes: { n, text: 'Grüße "quoted" \u{1F44B}', nested: { b: 1, a: [1.5, null] } },
    sealed: n % 2 === 0 ? 'v1.sealed' : null,
  });
  const pages = async (subject: Subject | undefined, limit: number, store = lab.store): Promise<Entry[]> => {
    const entries: Entry[] = [];
    let cursor: string | null = null;
    do {
      const page = await store.list({ limit, ...(subject ? { subject } : {}), ...(cursor === null ? {} : { cursor }) });
      expect(page.items.length).toBeLessThanOrEqual(limit);
      entries.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return entries;
  };

  it('has no entries about a stranger', async () => {
    expect(await lab.store.list({ subject: someone(), limit: 10 })).toEqual({ items: [], nextCursor: null });
  });

  it('puts what happens into one whole chain a subject', async () => {
    const subjects = [someone(), 'system:test' as Subject, someone()];
    for (let n = 0; n < 9; n++) await lab.store.append(happening(subjects[n % 3]!, n));
    for (const subject of subjects) {
      const entries = await pages(subject, 2);
      expect(entries.length).toBeGreaterThanOrEqual(3);
      expect(checkChain(subject, entries)).toMatchObject({ ok: true, head: { sequence: entries.length } });
    }
    expect((await pages(subjects[0], 10))[0]).toMatchObject({ sequence: 1, sealed: 'v1.sealed' });
    expect((await pages(subjects[1], 10)).at(-1)!.sealed).toBeNull();
  });

  it('keeps nothing of a unit that failed, and its place is taken by the next', async () => {
    const subject = someone();
    await lab.store.append(happening(subject));
    const failing = lab.work.run(async () => {
      await lab.store.append(happening(subject, 99));
      expect((await lab.store.list({ subject, limit: 10 })).items).toHaveLength(2);
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    await lab.store.append(happening(subject, 1));
    const entries = await pages(subject, 10);
    expect(checkChain(subject, entries).ok).toBe(true);
    expect(entries.map((entry) => (JSON.parse(entry.body) as { changes: { n: number } }).changes.n)).toEqual([0, 1]);
  });

  it('keeps chains whole when many append at once, in any process', async () => {
    const subjects = [someone(), someone(), someone()];
    const processes = [lab, lab.another];
    const units = Array.from({ length: 90 }, (_, index) => {
      const { work, store } = processes[index % 2]!;
      return work.run(async () => {
        await store.append(happening(subjects[index % 3]!, index));
        if (index % 10 === 0) throw new Error('boom');
        await store.append(happening(subjects[(index + 1) % 3]!, index));
      });
    });
    await Promise.allSettled(units);
    const chains = await Promise.all(subjects.map((subject) => pages(subject, 500)));
    for (const [index, chain] of chains.entries())
      expect(checkChain(subjects[index]!, chain)).toMatchObject({ ok: true });
    expect(chains.flat()).toHaveLength(81 * 2);
  });

  /** On a server that others use too, what is new is listed once they have ended what they had begun before. */
  const whole = async (length: number, subject: string): Promise<Entry[]> => {
    for (;;) {
      const listed = await pages(undefined, 500);
      if (listed.filter((entry) => entry.subject === subject).length >= length) return listed;
    }
  };

  it('lists the whole trail oldest first, and misses nothing that is added meanwhile', async () => {
    const subject = someone();
    for (let n = 0; n < 4; n++) await lab.store.append(happening(subject, n));
    const before = await whole(4, subject);
    expect(before.filter((entry) => entry.subject === subject).map((entry) => entry.sequence)).toEqual([1, 2, 3, 4]);

    const seen: Entry[] = [];
    let cursor: string | undefined;
    let adding: Promise<unknown> = Promise.resolve();
    for (let turn = 0; turn < 400; turn++) {
      if (turn < 20) {
        const { store } = turn % 2 === 0 ? lab : lab.another;
        adding = Promise.all([adding, ...[0, 1, 2].map(() => store.append(happening(subject, turn)))]);
      } else await adding;
      const page = await lab.store.list({ limit: 7, ...(cursor === undefined ? {} : { cursor }) });
      seen.push(...page.items);
      if (page.nextCursor === null && seen.length === before.length + 60) break;
      cursor = page.nextCursor ?? cursor;
      if (page.nextCursor === null && page.items.length > 0) seen.length -= page.items.length;
    }
    const after = await whole(64, subject);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(seen).toEqual(after);
    expect(after.length).toBe(before.length + 60);
  });

  it('refuses a cursor that is none of its own', async () => {
    for (const cursor of ['', 'nonsense', Buffer.from('1; drop').toString('base64url')]) {
      await expect(lab.store.list({ limit: 1, cursor })).rejects.toMatchObject({ code: 'request.invalid' });
      await expect(lab.store.list({ subject: someone(), limit: 1, cursor })).rejects.toMatchObject({
        code: 'request.invalid',
      });
    }
  });
}
