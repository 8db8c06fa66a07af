import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import type { MetricEvent } from '../metrics.js';
import { MetricStore } from './metric.store.js';

export type MetricStoreLab = {
  readonly store: MetricStore;
  readonly work: UnitOfWork;
  close(): Promise<void>;
};

/** What every `MetricStore` promises. */
export function metricStoreContract(openLab: () => Promise<MetricStoreLab>): void {
  let lab: MetricStoreLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const at = new Date('2026-11-22T09:00:00.123Z');

  it('has no events of a stranger', async () => {
    expect(await lab.store.events(uuidv7())).toEqual([]);
    expect(await lab.store.events('nonsense')).toEqual([]);
  });

  it('answers events in the order in which they were recorded, whenever they happened', async () => {
    const guestId = uuidv7();
    const events: MetricEvent[] = [
      { guestId, type: 'created', at },
      { guestId, type: 'message', at: new Date(at.getTime() + 5_000), from: 'guest' },
      { guestId, type: 'message', at, from: 'bot' },
      { guestId, type: 'message', at, from: 'bot' },
      { guestId, type: 'closed', at },
    ];
    await lab.store.append(events[0]!);
    await lab.work.run(async () => {
      for (const event of events.slice(1)) await lab.store.append(event);
      expect(await lab.store.events(guestId)).toEqual(events);
    });
    await lab.store.append({ guestId: uuidv7(), type: 'created', at });
    expect(await lab.store.events(guestId)).toEqual(events);
  });

  it('removes all events of a guest, and none of another', async () => {
    const [guestId, other] = [uuidv7(), uuidv7()];
    for (const id of [guestId, other]) await lab.store.append({ guestId: id, type: 'created', at });
    await lab.store.removeAll(guestId);
    await lab.store.removeAll('nonsense');
    expect(await lab.store.events(guestId)).toEqual([]);
    expect(await lab.store.events(other)).toHaveLength(1);
  });

  it('keeps none of a unit that failed, and none of many at once is lost', async () => {
    const guestId = uuidv7();
    const units = Array.from({ length: 40 }, (_, index) =>
      lab.work.run(async () => {
        await lab.store.append({ guestId, type: 'message', at, from: 'guest' });
        if (index % 4 === 0) throw new Error('boom');
      }),
    );
    await Promise.allSettled(units);
    expect(await lab.store.events(guestId)).toHaveLength(30);
  });
}
