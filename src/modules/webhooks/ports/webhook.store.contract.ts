import type { UnitOfWork } from '../../../kernel/unit-of-work.js';
import { uuidv7 } from '../../../kernel/uuid.js';
import { bodyOf } from '../webhooks.js';
import type { Answer, ClaimedDelivery, Endpoint, EventType, WebhookEvent } from '../webhooks.js';
import { WebhookStore } from './webhook.store.js';

export type WebhookStoreLab = {
  readonly store: WebhookStore;
  /** The same endpoints, in another process. */
  readonly another: WebhookStore;
  readonly work: UnitOfWork;
  now(): Date;
  advance(ms: number): void;
  close(): Promise<void>;
};

const LEASE_MS = 1_000;
const DOWN: Answer = { status: 503, code: null };

/** What every `WebhookStore` promises. */
export function webhookStoreContract(openLab: () => Promise<WebhookStoreLab>): void {
  let lab: WebhookStoreLab;
  let endpoint: Endpoint;
  beforeAll(async () => void (lab = await openLab()));
  beforeEach(async () => {
    for (const { id } of await lab.store.list()) await lab.store.remove(id);
    endpoint = anEndpoint();
    await lab.store.add(endpoint);
  });
  afterAll(() => lab.close());

  const anEndpoint = (parts: Partial<Endpoint> = {}): Endpoint => ({
    id: uuidv7(),
    url: 'https://example.com/hooks',
    events: ['guest.closed', 'guest.created'],
    description: null,
    disabled: null,
    failingSince: null,
    sealedSecret: 'sealed',
    previousSecret: null,
    createdDate: lab.now(),
    modifiedDate: lab.now(),
    ...parts,
  });
  const anEvent = (subject = `guest:${uuidv7()}`, type: EventType = 'guest.created'): WebhookEvent => ({
    type,
    subject,
    at: lab.now(),
    data: { guestId: subject, version: 1, state: 'created', changed: [] },
  });
  const put = async (event = anEvent(), endpointId = endpoint.id): Promise<string> => {
    const id = uuidv7(lab.now().getTime());
    await lab.store.put({ id, endpointId, event }, lab.now());
    return id;
  };
  const inMs = (ms: number) => new Date(lab.now().getTime() + ms);
  const claim = (limit = 10, store = lab.store) => store.claim(endpoint.id, limit, LEASE_MS);
  const only = async (): Promise<ClaimedDelivery> => {
    const claimed = await claim();
    expect(claimed).toHaveLength(1);
    return claimed[0]!;
  };
  const settle = (
    delivery: ClaimedDelivery,
    status: 'delivered' | 'pending' | 'failed',
    answer: Answer,
    retryAt: Date | null = null,
  ) => lab.store.settle({ delivery, answer, at: lab.now(), status, retryAt });
  const log = async () => (await lab.store.deliveries({ endpointId: endpoint.id, limit: 100 })).items;

  describe('of endpoints', () => {
    it('gives back what was added, in the order it was added, also to others', async () => {
      const full = anEndpoint({
        description: 'ours',
        disabled: { reason: 'gone', at: lab.now() },
        failingSince: lab.now(),
        previousSecret: { sealed: 'before', until: inMs(5) },
      });
      await lab.store.add(full);
      expect(await lab.another.list()).toEqual([endpoint, full]);
      expect(await lab.store.find(full.id)).toEqual(full);
      expect(await lab.store.get(endpoint.id)).toEqual(endpoint);
    });

    it('knows none that was never added, or removed', async () => {
      await lab.store.remove(endpoint.id);
      for (const id of [endpoint.id, uuidv7(), 'no-uuid']) {
        expect(await lab.store.find(id)).toBeNull();
        const unknown = { code: 'webhook.endpoint_not_found' };
        await expect(lab.store.get(id)).rejects.toMatchObject(unknown);
        await expect(lab.store.update(id, (known) => known)).rejects.toMatchObject(unknown);
        await expect(lab.store.remove(id)).rejects.toMatchObject(unknown);
        await lab.store.setFailing(id === 'no-uuid' ? uuidv7() : id, lab.now());
      }
      expect(await lab.store.list()).toEqual([]);
    });

    it('lets two who change one at once see each other', async () => {
      const add = (store: WebhookStore, type: EventType) =>
        store.update(endpoint.id, (known) => ({ ...known, events: [...known.events, type] }));
      await Promise.all([add(lab.store, 'guest.linked'), add(lab.another, 'guest.message')]);
      expect([...(await lab.store.get(endpoint.id)).events].sort()).toEqual([
        'guest.closed',
        'guest.created',
        'guest.linked',
        'guest.message',
      ]);
    });

    it('keeps nothing of a unit that failed', async () => {
      const failing = lab.work.run(async () => {
        await lab.store.update(endpoint.id, (known) => ({ ...known, url: 'https://example.com/other' }));
        await put();
        throw new Error('boom');
      });
      await expect(failing).rejects.toThrow('boom');
      expect(await lab.store.get(endpoint.id)).toEqual(endpoint);
      expect(await log()).toEqual([]);
    });

    it('remembers since when one fails, until it does not', async () => {
      const since = lab.now();
      await lab.store.setFailing(endpoint.id, since);
      await lab.store.setFailing(endpoint.id, inMs(100));
      expect((await lab.store.get(endpoint.id)).failingSince).toEqual(since);
      await lab.store.setFailing(endpoint.id, null);
      expect((await lab.store.get(endpoint.id)).failingSince).toBeNull();
    });
  });

  describe('of deliveries', () => {
    it('gives what is put to one who claims, with the very text to send, and not again once it is delivered', async () => {
      const event = anEvent();
      const id = await put(event);
      expect(await lab.store.due()).toEqual([endpoint.id]);
      const claimed = await only();
      expect(claimed).toEqual({
        id,
        endpointId: endpoint.id,
        type: event.type,
        body: bodyOf(event),
        attempt: 1,
        failures: 0,
      });
      expect([await claim(), await lab.store.due()]).toEqual([[], []]);
      await settle(claimed, 'delivered', { status: 204, code: null });
      lab.advance(LEASE_MS);
      expect([await claim(), await lab.store.due()]).toEqual([[], []]);
      expect(await log()).toMatchObject([
        { id, status: 'delivered', attempts: 1, nextAttemptDate: null, lastAttempt: { status: 204, code: null } },
      ]);
    });

    it('gives each to one of those who claim at once, those due longest first', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 9; n++) {
        ids.push(await put());
        lab.advance(1);
      }
      expect((await claim(3)).map(({ id }) => id)).toEqual(ids.slice(0, 3));
      const shares = await Promise.all([claim(4), claim(4, lab.another), claim(4)]);
      expect(
        shares
          .flat()
          .map(({ id }) => id)
          .sort(),
      ).toEqual(ids.slice(3).sort());
    });

    it('gives it again when a lease was not settled in time, and takes no settlement from who had it', async () => {
      await put();
      const late = await only();
      lab.advance(LEASE_MS);
      const [second] = await claim(1, lab.another);
      expect(second).toMatchObject({ attempt: 2, failures: 0 });
      await settle(late, 'failed', DOWN);
      expect(await log()).toMatchObject([{ status: 'pending', attempts: 2, lastAttempt: null }]);
      await settle(second!, 'delivered', { status: 200, code: null });
      expect(await log()).toMatchObject([{ status: 'delivered' }]);
    });

    it('waits until the next attempt is due, and counts failures in a row', async () => {
      await put();
      await settle(await only(), 'pending', DOWN, inMs(500));
      expect(await log()).toMatchObject([
        { status: 'pending', nextAttemptDate: inMs(500), lastAttempt: { status: 503 } },
      ]);
      lab.advance(499);
      expect(await claim()).toEqual([]);
      lab.advance(1);
      const second = await only();
      expect(second).toMatchObject({ attempt: 2, failures: 1 });
      await settle(second, 'failed', { status: null, code: 'webhook.silent' });
      lab.advance(1_000_000);
      expect(await claim()).toEqual([]);
      expect(await log()).toMatchObject([
        { status: 'failed', nextAttemptDate: null, lastAttempt: { status: null, code: 'webhook.silent' } },
      ]);
    });

    it('keeps nothing for an endpoint that is disabled or gone, and shows nothing due for one', async () => {
      await put();
      await lab.store.update(endpoint.id, (known) => ({ ...known, disabled: { reason: 'requested', at: lab.now() } }));
      await put();
      await put(anEvent(), uuidv7());
      expect(await lab.store.due()).toEqual([]);
      await lab.store.update(endpoint.id, (known) => ({ ...known, disabled: null }));
      expect(await lab.store.due()).toEqual([endpoint.id]);
      expect(await log()).toHaveLength(1);
    });

    it('keeps those of one endpoint apart from those of another', async () => {
      const other = anEndpoint();
      await lab.store.add(other);
      const event = anEvent();
      await lab.work.run(async () => {
        await put(event);
        await put(event, other.id);
      });
      await settle(await only(), 'delivered', { status: 200, code: null });
      expect(await lab.store.due()).toEqual([other.id]);
      expect(await log()).toHaveLength(1);
    });

    it('sends nothing of a subject that was withdrawn, whatever becomes of what was under way', async () => {
      const subject = `guest:${uuidv7()}`;
      const [first, second] = [await put(anEvent(subject)), await put(anEvent(subject))];
      const other = await put();
      const [delivered, retried] = (await claim(3)).filter(({ id }) => id !== other);
      await settle(delivered!, 'delivered', { status: 200, code: null });
      const third = await put(anEvent(subject));
      await lab.store.withdraw(subject);
      await settle(retried!, 'pending', DOWN, inMs(5));
      lab.advance(LEASE_MS);
      expect((await claim()).map(({ id }) => id)).toEqual([other]);
      const statuses = new Map((await log()).map(({ id, status }) => [id, status]));
      expect([first, second].map((id) => statuses.get(id)).sort()).toEqual(['delivered', 'withdrawn']);
      expect(statuses.get(third)).toBe('withdrawn');
      for (const id of [first, second, third])
        await expect(lab.store.replay(endpoint.id, id, lab.now())).rejects.toMatchObject({
          code: 'webhook.delivery_withdrawn',
        });
    });

    it('sends what is put after a withdrawal in the same unit, and not what was put before', async () => {
      const subject = `guest:${uuidv7()}`;
      let after = '';
      await lab.work.run(async () => {
        await put(anEvent(subject));
        await lab.store.withdraw(subject);
        after = await put(anEvent(subject));
      });
      expect((await claim()).map(({ id }) => id)).toEqual([after]);
    });

    it('starts one again from the beginning of its schedule when it is replayed', async () => {
      const id = await put();
      await settle(await only(), 'failed', DOWN);
      expect(await lab.store.replay(endpoint.id, id, lab.now())).toMatchObject({ id, status: 'pending', attempts: 1 });
      expect(await only()).toMatchObject({ id, attempt: 2, failures: 0 });
      const unknown = { code: 'webhook.delivery_not_found' };
      await expect(lab.store.replay(endpoint.id, uuidv7(), lab.now())).rejects.toMatchObject(unknown);
      await expect(lab.store.replay(uuidv7(), id, lab.now())).rejects.toMatchObject(unknown);
    });

    it('lists them newest first, by status if asked, page by page', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) {
        ids.push(await put());
        lab.advance(1);
      }
      const [one, two] = await claim(2);
      await settle(one!, 'delivered', { status: 200, code: null });
      await settle(two!, 'failed', DOWN);
      const list = (query: object) => lab.store.deliveries({ endpointId: endpoint.id, limit: 2, ...query });
      const first = await list({});
      const second = await list({ cursor: first.nextCursor! });
      const third = await list({ cursor: second.nextCursor! });
      expect([...first.items, ...second.items, ...third.items].map(({ id }) => id)).toEqual([...ids].reverse());
      expect(third.nextCursor).toBeNull();
      expect((await list({ status: 'delivered' })).items.map(({ id }) => id)).toEqual([one!.id]);
      expect((await list({ status: 'failed' })).items.map(({ id }) => id)).toEqual([two!.id]);
      const pending = await list({ status: 'pending' });
      expect(pending.items.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
      expect((await list({ status: 'pending', cursor: pending.nextCursor! })).items.map(({ id }) => id)).toEqual([
        ids[2],
      ]);
      await expect(list({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'request.invalid' });
    });

    it('forgets what is old, some at a time, and nothing else', async () => {
      for (let n = 0; n < 3; n++) await put();
      lab.advance(10_000);
      const before = lab.now();
      const young = await put();
      const { count } = await lab.store.count(before);
      expect(count).toBeGreaterThanOrEqual(3);
      expect(await lab.store.purge(before, 2)).toBe(2);
      expect(await lab.store.purge(before, 10_000)).toBe(count - 2);
      expect(await lab.store.count(before)).toEqual({ count: 0, oldest: before });
      expect((await log()).map(({ id }) => id)).toEqual([young]);
    });
  });
}
