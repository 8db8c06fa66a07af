import { AppError } from '../../kernel/app-error.js';
import type { ErrorKind } from '../../kernel/app-error.js';
import type { Chunk } from './crm-sync.js';
import { outcomesOf } from './outcomes.js';
import { aRecord } from './ports/crm.contract.js';
import { MAX_AGE_MS, MAX_ATTEMPTS, reactionTo, retryDelayMs } from './reaction.js';

const now = new Date('2026-11-22T09:00:00.000Z');

const aChunk = (size: number, parts: Partial<Chunk> = {}, attempt = 1): Chunk => ({
  id: 'c',
  lease: 1,
  failures: 0,
  rekeyed: 0,
  since: now,
  records: Array.from({ length: size }, (_, n) => ({
    guestId: `g${n}`,
    version: 1,
    record: aRecord(`g${n}`),
    hash: `h${n}`,
    attempt,
  })),
  ...parts,
});
const error = (kind: ErrorKind, code: string, retryAfterMs?: number): AppError =>
  new AppError(kind, code, 'words', retryAfterMs === undefined ? {} : { retryAfterMs });
const to = (caught: unknown, chunk: Chunk, isTrusted = true) => reactionTo(caught, chunk, isTrusted, now);

describe('what a chunk without verdicts calls for', () => {
  it.each<[string, unknown, object, object]>([
    [
      'a refusal',
      error('refused', 'crm.refused'),
      { do: 'split', tooLarge: false },
      { do: 'bury', isUncertain: false },
    ],
    ['a size', error('refused', 'crm.too_large'), { do: 'split', tooLarge: true }, { do: 'bury', isUncertain: false }],
    ['a bug of the adapter', new TypeError('x'), { do: 'split', tooLarge: false }, { do: 'bury', isUncertain: false }],
    ['a key in flight', error('conflict', 'crm.key_in_flight', 5), { do: 'wait', ms: 5 }, { do: 'wait', ms: 5 }],
    ['a used key', error('conflict', 'crm.key_used'), { do: 'rekey' }, { do: 'rekey' }],
    ['a throttle', error('throttled', 'crm.throttled', 7), { do: 'slow-down', ms: 7 }, { do: 'slow-down', ms: 7 }],
    ['no quota', error('throttled', 'crm.quota_exhausted'), { do: 'slow-down', ms: 3_600_000 }, { do: 'slow-down' }],
    ['our credentials', error('unavailable', 'crm.credentials_refused'), { do: 'lock' }, { do: 'lock' }],
    ['silence', error('unavailable', 'crm.silent'), { do: 'retry', counts: true }, { do: 'retry', counts: true }],
  ])('%s', (_, caught, forMany, forOne) => {
    expect(to(caught, aChunk(8))).toMatchObject(forMany);
    expect(to(caught, aChunk(1))).toMatchObject(forOne);
  });

  it('is another key a few times only: then it is looked for whose fault it is', () => {
    const used = error('conflict', 'crm.key_used');
    expect(to(used, aChunk(8, { rekeyed: 3 }))).toMatchObject({ do: 'split' });
    expect(to(used, aChunk(1, { rekeyed: 3 }))).toMatchObject({ do: 'bury', isUncertain: true });
  });

  it('is a search for the culprit when the CRM fails on this chunk again and again, and answers others', () => {
    const broken = error('unavailable', 'crm.unavailable');
    expect(to(broken, aChunk(8, { failures: 1 }))).toMatchObject({ do: 'retry' });
    expect(to(broken, aChunk(8, { failures: 2 }))).toMatchObject({ do: 'split', isAnswer: false });
    expect(to(broken, aChunk(8, { failures: 9 }), false)).toEqual({ do: 'retry', counts: false });
  });

  it('is the end of a single record after so many attempts, or so long, but not for want of a CRM', () => {
    const broken = error('unavailable', 'crm.unavailable');
    const late = { since: new Date(now.getTime() - MAX_AGE_MS) };
    expect(to(broken, aChunk(1, { failures: MAX_ATTEMPTS - 2 }))).toMatchObject({ do: 'retry' });
    expect(to(broken, aChunk(1, { failures: MAX_ATTEMPTS - 1 }))).toMatchObject({ do: 'bury', isUncertain: true });
    expect(to(broken, aChunk(1, { failures: MAX_ATTEMPTS - 1 }), false)).toMatchObject({ do: 'retry' });
    expect(to(broken, aChunk(1, late))).toMatchObject({ do: 'bury', isUncertain: true });
    expect(to(broken, aChunk(1, late), false)).toEqual({ do: 'retry', counts: false });
    expect(to(error('unavailable', 'crm.credentials_refused'), aChunk(1, late))).toEqual({ do: 'lock' });
    expect(to(error('throttled', 'crm.throttled'), aChunk(1, late))).toMatchObject({ do: 'slow-down' });
  });
});

describe('what becomes of records by their verdicts', () => {
  const retry = [{ index: 0, status: 'retry', error: 'locked', message: 'Somebody else is at it.' }] as const;

  it('says why a refused one was refused, in the CRM’s words if it has any', () => {
    const chunk = aChunk(2);
    const verdicts = [
      { index: 0, status: 'refused', error: 'bad', message: 'No such campaign.' },
      { index: 1, status: 'refused', error: 'bad' },
    ] as const;
    expect(outcomesOf(chunk, verdicts, now)).toMatchObject([
      { status: 'dead', code: 'bad', reason: 'No such campaign.', isUncertain: false },
      { status: 'dead', code: 'bad', reason: null },
    ]);
  });

  it('sends one again that was asked to wait, until that has gone on for too often or too long', () => {
    const [again] = outcomesOf(aChunk(1), retry, now);
    expect(again).toMatchObject({ status: 'again', code: 'locked' });
    expect(outcomesOf(aChunk(1, {}, MAX_ATTEMPTS), retry, now)).toMatchObject([
      { status: 'dead', code: 'locked', reason: `Given up after ${MAX_ATTEMPTS} attempts: Somebody else is at it.` },
    ]);
    const late = { since: new Date(now.getTime() - MAX_AGE_MS) };
    expect(outcomesOf(aChunk(1, late), retry, now)).toMatchObject([{ status: 'dead', isUncertain: true }]);
  });
});

describe('the time before another attempt', () => {
  it('doubles up to ten minutes, and is spread over all of it', () => {
    const most = () => 1;
    expect([1, 2, 3, 10, 50].map((failures) => retryDelayMs(failures, most))).toEqual([2e3, 4e3, 8e3, 6e5, 6e5]);
    expect(retryDelayMs(10, () => 0.25)).toBe(150_000);
  });
});
