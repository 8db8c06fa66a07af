import { Watches } from './live.watch.js';
import { eventId, placeOf } from './live.js';

const typing = (guestId: string, durationMs = 5_000) => ({ guestId, from: 'agent' as const, durationMs });
const tooMany = { kind: 'throttled', code: 'events.too_many_streams', retryAfterMs: 10_000 };
const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error;
  }
};

describe('Those who follow guests', () => {
  it('are at most so many a guest and so many in all, and make room when they leave', () => {
    const watches = new Watches({ perGuest: 2, perProcess: 3 });
    const [first] = [watches.add('a'), watches.add('a')];
    expect(thrown(() => watches.add('a'))).toMatchObject(tooMany);
    watches.add('b');
    expect(thrown(() => watches.add('c'))).toMatchObject(tooMany);
    watches.remove(first);
    watches.remove(first);
    watches.add('a');
    expect(thrown(() => watches.add('c'))).toMatchObject(tooMany);
    expect([watches.size, watches.guestIds]).toEqual([3, ['a', 'b']]);
  });

  it('leave nothing behind', () => {
    const watches = new Watches({ perGuest: 5, perProcess: 5 });
    for (const watch of ['a', 'a', 'b'].map((id) => watches.add(id))) watches.remove(watch);
    expect([watches.size, watches.guestIds]).toEqual([0, []]);
  });

  it('look for news first, and then whenever they are woken, once for many times', async () => {
    const watches = new Watches({ perGuest: 5, perProcess: 5 });
    const watch = watches.add('a');
    expect(await watch.next()).toBe('news');
    for (const id of ['a', 'b', 'a']) watches.wake(id);
    expect(await watch.next()).toBe('news');
    const next = watch.next();
    watches.wake('b');
    watches.types(typing('a'));
    expect(await next).toEqual(typing('a'));
  });

  it('hear the latest of what was typed while they were busy, after the news', async () => {
    const watches = new Watches({ perGuest: 5, perProcess: 5 });
    const watch = watches.add('a');
    watches.types(typing('a', 1));
    watches.types(typing('b', 2));
    watches.types(typing('a', 3));
    expect([await watch.next(), await watch.next()]).toEqual(['news', typing('a', 3)]);
  });

  it('hear no more when it is over, even if they wait at that moment', async () => {
    const watches = new Watches({ perGuest: 5, perProcess: 5 });
    const [one, two] = [watches.add('a'), watches.add('b')];
    await one.next();
    const waiting = one.next();
    watches.endAll();
    expect([await waiting, await two.next(), watches.size]).toEqual(['over', 'over', 0]);
  });
});

describe('The id of an event', () => {
  it('is the place after it, and is read back as what it was', () => {
    const place = { position: '748.12', version: 3 };
    expect(eventId(place)).toBe('748.12.3');
    expect(placeOf('748.12.3')).toEqual(place);
  });

  it.each(['', '7', '7.1', '7.1.', '7.1.2.3', '-7.1.2', '7.1.2\n', ' 7.1.2', '7.1.1e3', `${'7'.repeat(17)}.1.2`])(
    'is refused when it is none: %j',
    (id) => {
      expect(thrown(() => placeOf(id))).toMatchObject({ kind: 'invalid', code: 'events.unknown_id' });
    },
  );
});
