import { Logger } from '@nestjs/common';
import { SystemClock } from './clock.js';
import { Courier } from './courier.js';
import { Outbox } from './outbox.js';
import type { ClaimedIntent } from './outbox.js';

Logger.overrideLogger(false);

const intent = (n: number): ClaimedIntent => ({
  id: String(n),
  topic: 'test',
  subject: `guest:${n}`,
  payload: {},
  attempt: 1,
  revision: 1,
});

/** A backlog that is handed out once. */
class Backlog extends Outbox {
  readonly settled: string[] = [];
  constructor(private readonly waiting: ClaimedIntent[]) {
    super();
  }
  claim(_topic: string, limit: number): Promise<ClaimedIntent[]> {
    return Promise.resolve(this.waiting.splice(0, limit));
  }
  done({ id }: ClaimedIntent): Promise<void> {
    this.settled.push(id);
    return Promise.resolve();
  }
  put = (): Promise<void> => Promise.resolve();
  takeBack = (): Promise<void> => Promise.resolve();
  isUnderWay = (): Promise<boolean> => Promise.resolve(false);
  later: Outbox['later'] = () => Promise.resolve();
  postpone: Outbox['postpone'] = () => Promise.resolve();
  park: Outbox['park'] = () => Promise.resolve();
  onPut = (): void => undefined;
}

describe('draining the outbox', () => {
  it.each([1, 3, 8])(
    'goes on to the end of a backlog when %i deliveries at once end in one turn',
    async (concurrency) => {
      const outbox = new Backlog(Array.from({ length: 20 }, (_, n) => intent(n)));
      const deliver = (): Promise<void> => Promise.resolve();
      await new Courier(outbox, new SystemClock()).drain('test', { concurrency, deliver });
      expect(outbox.settled).toHaveLength(20);
    },
  );

  it('goes on when those that took long, so that nothing was claimed meanwhile, end in one turn', async () => {
    const outbox = new Backlog(Array.from({ length: 4 }, (_, n) => intent(n)));
    const together = new Promise<void>((resolve) => setTimeout(resolve, 300));
    await new Courier(outbox, new SystemClock()).drain('test', { concurrency: 2, deliver: () => together });
    expect(outbox.settled).toHaveLength(4);
  });

  it('claims nothing more once the process leaves', async () => {
    const leaving = new AbortController();
    const outbox = new Backlog(Array.from({ length: 20 }, (_, n) => intent(n)));
    const deliver = (): Promise<void> => Promise.resolve(leaving.abort());
    await new Courier(outbox, new SystemClock()).drain('test', { concurrency: 2, deliver }, leaving.signal);
    expect(outbox.settled).toHaveLength(2);
  });

  it('asks again at the time a delivery names, and calls that no failure', async () => {
    const outbox = new Backlog([intent(1)]);
    const seen: unknown[] = [];
    outbox.later = (_intent, until) => Promise.resolve(void seen.push(until));
    const later = new Date('2026-11-22T10:00:00.000Z');
    await new Courier(outbox, new SystemClock()).drain('test', { concurrency: 1, deliver: async () => later });
    expect([seen, outbox.settled]).toEqual([[later], []]);
  });

  it.each([
    [1, 'postponed'],
    [4, 'postponed'],
    [5, 'parked'],
  ])('a bug met at attempt %i is %s: what nobody has foreseen may pass, for a while', async (attempt, how) => {
    const outbox = new Backlog([{ ...intent(1), attempt }]);
    const seen: string[] = [];
    outbox.postpone = (_intent, _until, code) => Promise.resolve(void seen.push(`postponed ${code}`));
    outbox.park = (_intent, code) => Promise.resolve(void seen.push(`parked ${code}`));
    const deliver = (): Promise<void> => Promise.reject(new TypeError('a value'));
    await new Courier(outbox, new SystemClock()).drain('test', { concurrency: 1, deliver });
    expect(seen).toEqual([`${how} bug.TypeError`]);
  });
});
