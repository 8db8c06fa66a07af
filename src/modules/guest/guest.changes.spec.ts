import { Logger } from '@nestjs/common';
import { guestServices } from '../../../test/builders/guest-services.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { EVENT_TYPES } from '../webhooks/index.js';
import type { EventType, WebhooksService } from '../webhooks/index.js';
import type { GuestChanges } from './guest.changes.js';
import type { GuestService } from './guest.service.js';
import { closed, linked, messageCounted } from './guest.js';
import type { Guest } from './guest.js';
import type { GuestPatch } from './guest.patch.js';

Logger.overrideLogger(false);

type Told = {
  type: EventType;
  timestamp: string;
  data: { guestId: string; changed: string[] } & Record<string, unknown>;
};

describe('what customers’ systems are told of a guest', () => {
  let storage: TestStorage;
  let webhooks: WebhooksService;
  let changes: GuestChanges;
  let guests: GuestService;
  const ATTRIBUTES = [
    'source',
    'converted',
    ...Array.from({ length: 150 }, (_, n) => `a-name-as-long-as-names-may-be-${n}`),
  ];

  beforeAll(async () => {
    storage = await openTestStorage();
    ({ webhooks, changes, guests } = guestServices(storage, { attributeNames: ATTRIBUTES }));
  }, 60_000);
  afterAll(() => storage.close());

  let endpointId: string;
  const listenTo = async (...events: readonly EventType[]): Promise<void> => {
    endpointId = uuidv7();
    const at = storage.clock.now();
    await storage.webhooks.add({
      id: endpointId,
      url: 'https://example.com/',
      events,
      description: null,
      disabled: null,
      failingSince: null,
      sealedSecret: 'sealed',
      previousSecret: null,
      createdDate: at,
      modifiedDate: at,
    });
    await webhooks.refresh();
  };
  afterEach(async () => {
    await storage.webhooks.remove(endpointId);
    await webhooks.refresh();
  });
  const told = async (): Promise<Told[]> =>
    (await storage.webhooks.claim(endpointId, 100, 60_000)).map(({ body }) => JSON.parse(body) as Told);
  const aGuest = (): Promise<Guest> =>
    guests.create({
      mode: 'widget',
      email: 'user@example.com',
      consent: { marketing: false, dataProcessing: true },
      channelContext: { campaignId: 'WINTER-2024' },
      attributes: { source: 'website' },
    });
  const patch = (id: string, wanted: GuestPatch): Promise<Guest> => guests.patch(id, wanted, { type: 'any' });
  const become = (id: string, to: (guest: Guest) => Guest): Promise<Guest> =>
    changes.change(id, to, () => ({ event: 'GUEST_UPDATED', changes: {} }));
  const message = (id: string, parts: { attachmentIds?: readonly string[] } = {}): Promise<void> =>
    storage.work.run(async () => {
      const before = await guests.get(id);
      const after = await storage.guests.update(id, (known) => messageCounted(known, storage.clock.now()));
      await changes.messageSeen(before, after, { from: 'guest', at: storage.clock.now(), ...parts });
    });

  it('is which files a message brought, by their ids alone, and nothing without consent', async () => {
    await listenTo('guest.message');
    const { id } = await aGuest();
    await message(id, { attachmentIds: ['f-1', 'f-2'] });
    const [first] = await told();
    expect(first!.data).toEqual({
      ...{ guestId: id, version: 2, state: first!.data['state'], changed: expect.any(Array) as string[] },
      attachmentIds: ['f-1', 'f-2'],
    });
    await patch(id, { consent: { dataProcessing: false } });
    await message(id, { attachmentIds: ['f-3'] });
    expect(await told()).toEqual([]);
  });

  it('is that it was created, changed, linked, has written and is closed, with names of what changed and nothing else', async () => {
    await listenTo(...EVENT_TYPES);
    const { id } = await aGuest();
    await patch(id, { attributes: { converted: 'true' }, channelContext: { campaignId: null } });
    await become(id, (guest) => linked(guest, { id: 'c-1', participantId: 'p-1' }, storage.clock.now()));
    await message(id);
    await guests.close(id, { type: 'any' });
    const last = await become(id, (guest) => closed(guest, 'api', storage.clock.now()));
    expect(last.version).toBe(6);
    const timestamp = storage.clock.now().toISOString();
    const event = (type: string, version: number, state: string, changed: string[]) => ({
      type,
      timestamp,
      data: { guestId: id, version, state, changed },
    });
    expect(await told()).toEqual([
      event('guest.created', 1, 'created', []),
      event('guest.updated', 2, 'created', ['/attributes/converted', '/channelContext/campaignId']),
      event('guest.linked', 3, 'active', ['/genesys', '/state']),
      event('guest.message', 4, 'active', ['/interactionCount']),
      event('guest.updated', 5, 'closing', ['/state']),
      event('guest.closed', 6, 'closed', ['/closeReason', '/closedDate', '/genesys', '/state']),
    ]);
  });

  it('is nothing that nobody listens to, and nothing when nothing changed', async () => {
    await listenTo('guest.updated');
    const { id } = await aGuest();
    await patch(id, { attributes: { source: 'website' } });
    expect(await told()).toEqual([]);
    await patch(id, { attributes: { source: 'app' } });
    expect(await told()).toHaveLength(1);
  });

  it('is nothing any more once consent is withdrawn, what had not left yet included', async () => {
    await listenTo(...EVENT_TYPES);
    const { id } = await aGuest();
    const { id: other } = await aGuest();
    await patch(id, { consent: { dataProcessing: false } });
    await patch(id, { channelContext: null });
    await guests.close(id, { type: 'any' });
    expect((await told()).map(({ data }) => data.guestId)).toEqual([other]);
  });

  it('begins again when consent is given again', async () => {
    await listenTo(...EVENT_TYPES);
    const { id } = await aGuest();
    await patch(id, { consent: { dataProcessing: false } });
    await patch(id, { consent: { dataProcessing: true } });
    expect((await told()).map(({ type, data }) => [type, data.changed])).toEqual([
      ['guest.updated', ['/consent/dataProcessing']],
    ]);
  });

  it('stays far below 20 kB, whatever is exchanged at once', async () => {
    await listenTo('guest.updated');
    const { id } = await aGuest();
    const half = (from: number, value: string | null) =>
      Object.fromEntries(ATTRIBUTES.slice(from, from + 25).map((name) => [name, value]));
    await patch(id, { attributes: half(2, 'x') });
    await patch(id, { attributes: { ...half(2, null), ...half(27, 'y') } });
    const [, largest] = await told();
    expect(largest!.data.changed).toHaveLength(50);
    expect(Buffer.byteLength(JSON.stringify(largest))).toBeLessThan(20_000);
  });
});
