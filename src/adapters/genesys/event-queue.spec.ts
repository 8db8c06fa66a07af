import { Logger } from '@nestjs/common';
import type { ChannelEvent } from '../../modules/guest/index.js';
import { until } from '../../modules/guest/ports/guest-channel.contract.js';
import { EventQueue } from './event-queue.js';

Logger.overrideLogger(false);

const joined = (messageId: string): ChannelEvent => ({ type: 'joined', guestId: 'a-guest', messageId });

describe('Events of a guest', () => {
  const heard: string[] = [];
  const full: boolean[] = [];
  let deliver: (name: string) => Promise<void>;
  const queue = (): EventQueue =>
    new EventQueue({
      deliver: async (event) => {
        const name = (event as { messageId: string }).messageId;
        await deliver(name);
        heard.push(name);
      },
      settleMs: 20,
      full: (isFull) => void full.push(isFull),
    });
  beforeEach(() => {
    heard.length = 0;
    full.length = 0;
    deliver = () => Promise.resolve();
  });

  it('go out in the order in which they were said, when they come close together', async () => {
    const events = queue();
    for (const at of [3, 1, 2]) events.push(joined(`said at ${at}`), at);
    events.push(joined('last'), Infinity);
    events.push(joined('first'), -Infinity);
    await events.drained();
    expect(heard).toEqual(['first', 'said at 1', 'said at 2', 'said at 3', 'last']);
  });

  it('keep the order in which they came when they were said at once', async () => {
    const events = queue();
    for (const name of ['a', 'b', 'c']) events.push(joined(name), 1);
    await events.drained();
    expect(heard).toEqual(['a', 'b', 'c']);
  });

  it('wait while history is read', async () => {
    const events = queue();
    events.hold();
    events.push(joined('live'), 2);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(heard).toEqual([]);
    events.push(joined('from history'), 1);
    events.release();
    await events.drained();
    expect(heard).toEqual(['from history', 'live']);
  });

  it('are offered until they are taken, and hold up those behind them', async () => {
    const events = queue();
    let failures = 2;
    deliver = (name) =>
      name === 'stubborn' && failures-- > 0 ? Promise.reject(new Error('not now')) : Promise.resolve();
    events.push(joined('stubborn'), 1);
    events.push(joined('behind'), 2);
    await events.drained();
    expect(heard).toEqual(['stubborn', 'behind']);
  });

  it('are dropped when the guest is left, but one in hand is finished', async () => {
    const events = queue();
    let finish = (): void => undefined;
    deliver = () => new Promise((resolve) => (finish = resolve));
    events.push(joined('in hand'), 1);
    events.push(joined('behind'), 2);
    await new Promise((resolve) => setTimeout(resolve, 40));
    events.stop();
    finish();
    await events.drained();
    events.push(joined('too late'), 3);
    await events.drained();
    expect(heard).toEqual(['in hand']);
  });

  it('say when too many wait, and when there is room again', async () => {
    const events = queue();
    events.hold();
    for (let number = 0; number < 250; number++) events.push(joined(`${number}`), number);
    expect(full).toEqual([true]);
    events.release();
    await events.drained();
    await until(() => full.length === 2);
    expect(full).toEqual([true, false]);
  });
});
