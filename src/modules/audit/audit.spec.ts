import { createHash } from 'node:crypto';
import { beginning, checkChain, follow } from './audit.js';
import type { Entry, Happening, Subject } from './audit.js';

const subject: Subject = 'guest:01890a5d-ac96-774b-bcce-b302099a8057';

const happening = (parts: Partial<Happening> = {}): Happening => ({
  subject,
  event: 'GUEST_UPDATED',
  actor: 'api-key:widget',
  at: new Date('2026-01-01T09:00:00.000Z'),
  runId: 'run-1',
  changes: { pointers: ['/attributes/source'] },
  sealed: 'v1.sealed',
  ...parts,
});

function chain(length: number): Entry[] {
  const entries: Entry[] = [];
  let head = beginning(subject);
  for (let n = 1; n <= length; n++) {
    const entry = follow(head, happening({ changes: { n } }));
    entries.push(entry);
    head = { sequence: entry.sequence, hash: entry.hash };
  }
  return entries;
}

const altered = (entries: Entry[], at: number, change: Partial<Entry>): Entry[] =>
  entries.map((entry, index) => (index === at ? { ...entry, ...change } : entry));

describe('an audit chain', () => {
  it('is whole when nobody touched it', () => {
    const entries = chain(5);
    expect(checkChain(subject, entries)).toEqual({ ok: true, head: { sequence: 5, hash: entries[4]!.hash } });
    expect(checkChain(subject, [])).toMatchObject({ ok: true });
  });

  it('can be recomputed by anybody with SHA-256', () => {
    const [first] = chain(1);
    const start = createHash('sha256').update(`guest-manager/audit/v1\n${subject}`).digest();
    expect(first!.hash).toBe(createHash('sha256').update(start).update(first!.body).digest('hex'));
  });

  it.each<[string, (entries: Entry[]) => Entry[], number]>([
    ['an edited entry', (e) => altered(e, 2, { body: e[2]!.body.replace('widget', 'nobody') }), 3],
    [
      'an edited entry with a new hash',
      (e) => altered(e, 2, follow({ sequence: 2, hash: e[1]!.hash }, happening())),
      4,
    ],
    ['a missing entry', (e) => e.filter((_, index) => index !== 1), 2],
    ['a missing first entry', (e) => e.slice(1), 1],
    ['two exchanged entries', (e) => [e[0]!, e[2]!, e[1]!, e[3]!, e[4]!], 2],
    ['a repeated entry', (e) => [e[0]!, e[0]!], 2],
    ['an exchanged sealed part', (e) => altered(e, 3, { sealed: 'v1.other' }), 4],
  ])('shows %s', (_, tamper, sequence) => {
    expect(checkChain(subject, tamper(chain(5)))).toMatchObject({ ok: false, sequence });
  });

  it('does not pass for the chain of another subject', () => {
    expect(checkChain('guest:other', chain(3))).toMatchObject({ ok: false, sequence: 1 });
  });

  it('stays whole when the sealed part of an entry is destroyed', () => {
    expect(checkChain(subject, altered(chain(3), 1, { sealed: null }))).toMatchObject({ ok: true });
  });
});
