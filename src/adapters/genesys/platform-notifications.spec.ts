import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { HandClock } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import { SystemClock } from '../../kernel/clock.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { until } from '../../modules/guest/ports/guest-channel.contract.js';
import { Lab } from '../../sandbox/lab.contract.js';
import type { GenesysCall } from './calls.js';
import { settingsOf } from './genesys-lab.contract.js';
import { NotificationChannels } from './notification-channels.js';
import type { NotificationTiming } from './notification-socket.js';
import { OptionalCalls } from './optional-calls.js';
import { openPlatform } from './platform.js';
import { PlatformNotifications } from './platform-notifications.js';

type Told = { readonly topicName: string; readonly eventBody: { readonly conversationId: string } };

/** Long enough for a socket that lives to be heard, short enough to wait for one that does not. */
const TIMING: NotificationTiming = { connectMs: 5_000, silentMs: 300, pongMs: 300 };
const HOUR = 3_600_000;

describe('PlatformNotifications', () => {
  let lab: Lab;
  let clock: HandClock;
  let optional: OptionalCalls;
  let notifications: PlatformNotifications;
  const told: Told[] = [];
  let missed = 0;
  const left: GenesysCall[] = [];
  const hear = (call: unknown): void => void left.push(call as GenesysCall);
  const said = (what: string): number => left.filter((call) => call.verb === 'WS' && call.what === what).length;

  beforeAll(async () => {
    lab = await Lab.open({ lookupDelayMs: 0, heartbeatMs: 50 });
    subscribe('guest-manager.genesys-call', hear);
  });
  beforeEach(() => {
    clock = new HandClock();
    optional = new OptionalCalls(clock);
    const { client } = openPlatform(settingsOf(lab), new LoneGate(new SystemClock()));
    notifications = new PlatformNotifications(new NotificationChannels(client, optional), clock, true, TIMING);
    notifications.listen({
      told: async (notification) => void told.push(notification as Told),
      missed: async () => void missed++,
    });
  });
  afterEach(async () => {
    notifications.leave();
    await lab.http('DELETE', '/sandbox/faults');
    lab.sandbox.reset();
    told.length = 0;
    left.length = 0;
    missed = 0;
  });
  afterAll(async () => {
    unsubscribe('guest-manager.genesys-call', hear);
    await lab.close();
  });

  const begun = async (): Promise<string> => {
    const guest = await lab.configured();
    await guest.say('hello');
    return (await lab.conversations()).at(-1)!.id;
  };
  const ends = (id: string) => lab.http('POST', `/sandbox/genesys/conversations/${id}/disconnect`);
  const ended = (id: string) => (): boolean =>
    told.some(
      ({ topicName, eventBody }) => topicName.endsWith(`${id}.customer.end`) && eventBody.conversationId === id,
    );
  const channels = async (): Promise<{ id: string }[]> =>
    (await lab.api<{ entities: { id: string }[] }>('GET', '/notifications/channels')).body.entities;
  const topics = async (): Promise<string[]> => {
    const { id } = (await channels()).at(-1)!;
    const path = `/notifications/channels/${id}/subscriptions`;
    return (await lab.api<{ entities: { id: string }[] }>('GET', path)).body.entities.map((each) => each.id);
  };
  const calls = async (method: string, path: RegExp): Promise<number> =>
    (await lab.requests()).filter((each) => each.method === method && path.test(each.path)).length;
  const opened = () => calls('POST', /\/notifications\/channels$/);
  const subscribed = () => calls('PUT', /\/subscriptions/);

  it('tells of the conversations it follows, and of no others', async () => {
    const [followed, another] = [await begun(), await begun()];
    await notifications.follow([followed]);
    expect(missed).toBe(1);
    await ends(another);
    await ends(followed);
    await until(ended(followed));
    expect(told.map(({ eventBody }) => eventBody.conversationId)).toEqual([followed]);
  });

  it('asks for the topics again only when they are others, or were asked for long ago; one channel serves for all', async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    for (let times = 0; times < 2; times++) await notifications.follow([first]);
    expect([await opened(), await subscribed()]).toEqual([1, 1]);
    await notifications.follow([second]);
    expect(await topics()).toEqual([
      `v2.detail.events.conversation.${second}.customer.start`,
      `v2.detail.events.conversation.${second}.customer.end`,
    ]);
    clock.advance(12 * HOUR - 1);
    await notifications.follow([second]);
    expect([await opened(), await subscribed()]).toEqual([1, 2]);
    clock.advance(1);
    await notifications.follow([second]);
    expect([await opened(), await subscribed(), missed]).toEqual([1, 3, 1]);
  });

  it('stays within a thousand topics, and takes no channel while there is nobody to follow', async () => {
    await notifications.follow([]);
    expect(await opened()).toBe(0);
    await notifications.follow(Array.from({ length: notifications.most + 1 }, () => randomUUID()));
    expect(await topics()).toHaveLength(1_000);
    await notifications.follow([]);
    expect(await topics()).toEqual([]);
  });

  it('leaves out topics that are rejected, and listens to the others', async () => {
    const id = await begun();
    await notifications.follow(['of-no-form', id]);
    expect(await topics()).toHaveLength(2);
    await ends(id);
    await until(ended(id));
    expect(optional.off()).toEqual([]);
  });

  it('is off for an hour where the topics are not permitted, and says so', async () => {
    const id = await begun();
    await lab.fault('genesys', '/subscriptions', { rejectTopics: true });
    for (let times = 0; times < 2; times++) await notifications.follow([id]);
    expect([optional.off(), await opened(), await subscribed(), missed]).toEqual([['notifications'], 1, 1, 0]);
    clock.advance(HOUR);
    await notifications.follow([id]);
    expect([optional.off(), missed]).toEqual([[], 1]);
    await ends(id);
    await until(ended(id));
  });

  it('opens another socket when nothing is heard any more, not even an answer to a ping; what it missed is said', async () => {
    const id = await begun();
    await notifications.follow([id]);
    await lab.fault('genesys', 'notifications', { silence: true });
    await until(() => missed === 2);
    await ends(id);
    await until(ended(id));
    expect([await opened(), await subscribed()]).toEqual([1, 1]);
  });

  it('does not take quiet for death where pings are answered', async () => {
    await lab.http('PATCH', '/sandbox/genesys/organization', { heartbeatMs: HOUR });
    const id = await begun();
    await notifications.follow([id]);
    await until(() => said('channel ping') >= 3);
    await ends(id);
    await until(ended(id));
    expect([said('channel'), missed]).toEqual([1, 1]);
  });

  it('moves to another socket before an announced close, and misses nothing', async () => {
    const id = await begun();
    await notifications.follow([id]);
    // It would close in a minute.
    await lab.fault('genesys', 'notifications', { announceClose: true });
    await until(() => said('channel') === 2);
    await ends(id);
    await until(ended(id));
    expect([missed, await opened(), await subscribed()]).toEqual([1, 1, 1]);
  });

  it('comes back as after any loss when it could not move', async () => {
    const id = await begun();
    await notifications.follow([id]);
    await lab.fault('genesys', 'notifications', { status: 503 });
    await lab.fault('genesys', 'notifications', { announceClose: true, delayMs: 50 });
    await until(() => missed === 2);
    await ends(id);
    await until(ended(id));
    expect([said('channel'), await opened()]).toEqual([3, 1]);
  });

  it.each([undefined, 1001])(
    'comes back when the socket is lost (%s), and says that something may be missed',
    async (closeCode) => {
      const id = await begun();
      await notifications.follow([id]);
      await lab.fault('genesys', 'notifications', { drop: true, ...(closeCode === undefined ? {} : { closeCode }) });
      await until(() => missed === 2);
      await ends(id);
      await until(ended(id));
      expect([await opened(), await subscribed()]).toEqual([1, 1]);
    },
  );

  it('opens another channel, with all its topics, when its own was put out by others', async () => {
    const id = await begun();
    await notifications.follow([id]);
    for (let count = 0; count < 20; count++) await lab.api('POST', '/notifications/channels');
    await until(() => missed === 2);
    await ends(id);
    await until(ended(id));
    expect(await subscribed()).toBe(2);
  });

  it('tries again by itself when Genesys is away, and opens another channel where its own is not known', async () => {
    const id = await begun();
    await lab.fault('genesys', 'notifications', { status: 503 });
    await notifications.follow([id]);
    expect(missed).toBe(0);
    await until(() => missed === 1);
    expect([said('channel'), await opened()]).toEqual([2, 1]);
    await lab.fault('genesys', '/subscriptions', { status: 404 });
    const next = await begun();
    await notifications.follow([next]);
    await until(() => missed === 2);
    await ends(next);
    await until(ended(next));
    expect(await opened()).toBe(2);
  });

  it('counts what could not be taken as missed', async () => {
    notifications.listen({
      told: async (notification) => {
        told.push(notification as Told);
        if (told.length === 1) throw new AppError('unavailable', 'storage.unavailable', 'Storage is away.');
      },
      missed: async () => void missed++,
    });
    const [untaken, taken] = [await begun(), await begun()];
    await notifications.follow([untaken, taken]);
    await ends(untaken);
    await until(() => missed === 2);
    await ends(taken);
    await until(ended(taken));
    expect([missed, said('channel')]).toEqual([2, 1]);
  });

  it('leaves at once, for good, and takes up again', async () => {
    const id = await begun();
    await notifications.follow([id]);
    notifications.leave();
    notifications.leave();
    await ends(id);
    const next = await begun();
    await notifications.follow([next]);
    await ends(next);
    await until(ended(next));
    expect([told.length, missed]).toEqual([1, 2]);
  });
});
