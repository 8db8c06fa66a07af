import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { Storage } from '../../adapters/storage/storage.js';
import { openTestStorage } from '../../../test/storage/test-storage.js';
import type { TestStorage } from '../../../test/storage/test-storage.js';
import { AppError } from '../../kernel/app-error.js';
import type { UnitOfWork } from '../../kernel/unit-of-work.js';
import { uuidv7 } from '../../kernel/uuid.js';
import { AuditService } from '../audit/index.js';
import { DeliveryService } from './delivery.service.js';
import { EndpointService } from './endpoint.service.js';
import type { WantedEndpoint } from './endpoint.service.js';
import { Listeners } from './listeners.js';
import { WebhookSender } from './ports/webhook.sender.js';
import { WebhooksService } from './webhooks.service.js';
import { DAY_MS, HOUR_MS, MOST_ENDPOINTS, RETRY_DELAYS_MS } from './webhooks.js';

Logger.overrideLogger(false);

type Sent = { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** The customers, as far as the service can see them: they take what they are sent, and answer as the test says. */
class Customers extends WebhookSender {
  readonly sent: Sent[] = [];
  answer: (url: string) => number | Promise<number> | Error = () => 204;

  async post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
    this.sent.push({ url, headers, body });
    const answer = await this.answer(url);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

const silent = new AppError('unavailable', 'webhook.silent', 'nobody there');

/** What a receiver does with one (Standard Webhooks 1.0.0, "Verifying"). */
function verifies(secret: string, { headers, body }: Sent): boolean {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  return headers['webhook-signature']!.split(' ').includes(expected);
}

describe('webhooks', () => {
  let storage: TestStorage;
  let customers: Customers;
  let here: Process;

  type Process = {
    endpoints: EndpointService;
    deliveries: DeliveryService;
    webhooks: WebhooksService;
    work: UnitOfWork;
  };
  /** One process of the service; several share what is stored, and know for themselves who listens. */
  const aProcess = ({ webhooks: store, work, vault, audit: entries }: Storage): Process => {
    const { clock } = storage;
    const listeners = new Listeners();
    const audit = new AuditService(entries, vault, work, clock);
    const reach = { loopback: false };
    const endpoints = new EndpointService(store, listeners, audit, vault, work, clock, { reach });
    const deliveries = new DeliveryService(store, customers, endpoints, listeners, audit, work, clock);
    return { work, endpoints, deliveries, webhooks: new WebhooksService(store, listeners, work, clock) };
  };

  beforeAll(async () => void (storage = await openTestStorage()), 60_000);
  afterAll(() => storage.close());
  beforeEach(async () => {
    for (const { id } of await storage.webhooks.list()) await storage.webhooks.remove(id);
    customers = new Customers();
    here = aProcess(storage);
  });

  const add = (parts: Partial<WantedEndpoint> = {}) =>
    here.endpoints.add({ url: 'https://example.com/hooks', events: ['guest.created'], description: null, ...parts });
  const happen = (subject = `guest:${uuidv7()}`, by = here): Promise<void> =>
    by.work.run(async () => {
      if (!by.webhooks.hasListeners('guest.created')) return;
      await by.webhooks.emit({ type: 'guest.created', subject, at: storage.clock.now(), data: { version: 1 } });
    });
  const log = async (endpointId: string) => (await here.deliveries.list({ endpointId, limit: 100 })).items;
  const trail = async (endpointId: string) =>
    (await storage.audit.list({ subject: 'system:webhooks', limit: 500 })).items
      .map(({ body }) => JSON.parse(body) as { event: string; changes: Record<string, unknown> })
      .filter(({ changes }) => changes['endpointId'] === endpointId);
  const later = async (ms: number): Promise<void> => {
    storage.clock.advance(ms);
    await here.deliveries.drain();
  };

  describe('an endpoint', () => {
    it('shows its secret once, keeps it sealed, and is sent what it can verify with it', async () => {
      const { endpoint, secret } = await add();
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(JSON.stringify(await storage.webhooks.list())).not.toContain(secret.slice(6, 30));
      await happen();
      await here.deliveries.drain();
      expect(customers.sent).toHaveLength(1);
      expect(verifies(secret, customers.sent[0]!)).toBe(true);
      const { id, status } = (await log(endpoint.id))[0]!;
      expect([customers.sent[0]!.headers['webhook-id'], status]).toEqual([id, 'delivered']);
    });

    it('may not be at an address that is not public, neither at first nor by a change', async () => {
      const refused = { code: 'webhook.url_refused', errors: [{ pointer: '/url' }] };
      await expect(add({ url: 'https://169.254.169.254/latest' })).rejects.toMatchObject(refused);
      await expect(add({ url: 'http://localhost/' })).rejects.toMatchObject(refused);
      const { endpoint } = await add();
      await expect(here.endpoints.change(endpoint.id, { url: 'https://10.0.0.1/' })).rejects.toMatchObject(refused);
    });

    it('is one of a limited number', async () => {
      for (let n = 0; n < MOST_ENDPOINTS; n++) await add();
      await expect(add()).rejects.toMatchObject({ code: 'webhook.too_many_endpoints' });
    });

    it('has whatever was done to it in the trail, with the origin of its URL and no more of it', async () => {
      const { endpoint } = await add({ url: 'https://example.com/hooks?token=hidden' });
      await here.endpoints.change(endpoint.id, { enabled: false, description: 'ours' });
      await here.endpoints.rotateSecret(endpoint.id);
      await here.endpoints.remove(endpoint.id);
      const entries = await trail(endpoint.id);
      expect(entries.map(({ event }) => event)).toEqual([
        'WEBHOOK_ENDPOINT_ADDED',
        'WEBHOOK_ENDPOINT_CHANGED',
        'WEBHOOK_SECRET_ROTATED',
        'WEBHOOK_ENDPOINT_REMOVED',
      ]);
      expect(entries[1]!.changes).toMatchObject({ origin: 'https://example.com', changed: ['description', 'enabled'] });
      expect(JSON.stringify(entries)).not.toMatch(/hidden|whsec/);
    });
  });

  describe('while a secret is being rotated', () => {
    it('both sign for a day, then the new one alone', async () => {
      const { endpoint, secret: old } = await add();
      const { secret: young } = await here.endpoints.rotateSecret(endpoint.id);
      expect(young).not.toBe(old);
      const both = async (): Promise<boolean[]> => {
        await happen();
        await here.deliveries.drain();
        return [old, young].map((secret) => verifies(secret, customers.sent.at(-1)!));
      };
      expect(await both()).toEqual([true, true]);
      expect(customers.sent.at(-1)!.headers['webhook-signature']).toMatch(/^v1,[^ ]+ v1,[^ ]+$/);
      storage.clock.advance(DAY_MS - 1);
      expect(await both()).toEqual([true, true]);
      storage.clock.advance(1);
      expect(await both()).toEqual([false, true]);
    });
  });

  describe('a delivery that fails', () => {
    it('is tried ten times by the schedule, under one id and each time signed anew, and is then failed', async () => {
      const { endpoint, secret } = await add();
      customers.answer = () => 500;
      await happen();
      await here.deliveries.drain();
      for (const [n, delay] of RETRY_DELAYS_MS.entries()) {
        await later(delay - 1);
        expect(customers.sent).toHaveLength(n + 1);
        await later(delay / 5 + 1);
        expect(customers.sent).toHaveLength(n + 2);
      }
      await later(2 * DAY_MS);
      expect(customers.sent).toHaveLength(10);
      expect(new Set(customers.sent.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      expect(new Set(customers.sent.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(10);
      expect(customers.sent.every((sent) => verifies(secret, sent))).toBe(true);
      expect(await log(endpoint.id)).toMatchObject([
        { status: 'failed', attempts: 10, nextAttemptDate: null, lastAttempt: { status: 500, code: null } },
      ]);
    });

    it('is delivered when it succeeds at last, and its endpoint is in order again', async () => {
      const { endpoint } = await add();
      customers.answer = () => silent;
      await happen();
      await here.deliveries.drain();
      expect(await log(endpoint.id)).toMatchObject([
        { status: 'pending', lastAttempt: { status: null, code: 'webhook.silent' } },
      ]);
      expect((await here.endpoints.get(endpoint.id)).failingSince).toEqual(storage.clock.now());
      customers.answer = () => 202;
      await later(6_000);
      expect(await log(endpoint.id)).toMatchObject([
        { status: 'delivered', attempts: 2, lastAttempt: { status: 202 } },
      ]);
      expect((await here.endpoints.get(endpoint.id)).failingSince).toBeNull();
    });

    it('can be sent again by hand, under its own id and with a whole schedule', async () => {
      const { endpoint } = await add();
      customers.answer = () => 410;
      await happen();
      await here.deliveries.drain();
      const [{ id } = { id: '' }] = await log(endpoint.id);
      await expect(here.deliveries.replay(endpoint.id, id)).rejects.toMatchObject({
        code: 'webhook.endpoint_disabled',
      });
      await here.endpoints.change(endpoint.id, { enabled: true });
      customers.answer = () => 200;
      await here.deliveries.replay(endpoint.id, id);
      await here.deliveries.drain();
      expect(customers.sent.map(({ headers }) => headers['webhook-id'])).toEqual([id, id]);
      expect(await log(endpoint.id)).toMatchObject([{ status: 'delivered', attempts: 2 }]);
      expect((await trail(endpoint.id)).at(-1)).toMatchObject({
        event: 'WEBHOOK_REPLAYED',
        changes: { deliveryId: id },
      });
    });
  });

  describe('an endpoint that has had enough', () => {
    it('is disabled by a 410, with a reason in sight; what waits for it goes out once it is enabled again', async () => {
      const { endpoint } = await add();
      customers.answer = () => 503;
      await happen();
      await here.deliveries.drain();
      customers.answer = () => 410;
      await happen();
      await here.deliveries.drain();
      expect((await here.endpoints.get(endpoint.id)).disabled).toEqual({ reason: 'gone', at: storage.clock.now() });
      expect((await trail(endpoint.id)).at(-1)).toMatchObject({
        event: 'WEBHOOK_ENDPOINT_DISABLED',
        changes: { reason: 'gone' },
      });
      customers.answer = () => 200;
      await happen();
      await later(DAY_MS);
      expect(customers.sent).toHaveLength(2);
      await here.endpoints.change(endpoint.id, { enabled: true });
      await here.deliveries.drain();
      expect((await log(endpoint.id)).map(({ status }) => status)).toEqual(['failed', 'delivered']);
    });

    it('is disabled when nothing but failures came of it for five days, and not before', async () => {
      const { endpoint } = await add();
      customers.answer = () => silent;
      for (let hours = 0; hours < 5 * 24; hours += 12) {
        await happen();
        await here.deliveries.drain();
        expect((await here.endpoints.get(endpoint.id)).disabled).toBeNull();
        storage.clock.advance(12 * HOUR_MS);
      }
      await here.deliveries.drain();
      expect((await here.endpoints.get(endpoint.id)).disabled).toMatchObject({ reason: 'failing' });
      const disabled = (await trail(endpoint.id)).filter(({ event }) => event === 'WEBHOOK_ENDPOINT_DISABLED');
      expect(disabled).toHaveLength(1);
      await here.endpoints.change(endpoint.id, { enabled: true });
      await here.deliveries.drain();
      expect((await here.endpoints.get(endpoint.id)).disabled).toBeNull();
    });
  });

  describe('several', () => {
    it('are told of what they listen to and of nothing else, each under an id of its own', async () => {
      await add({ url: 'https://one.example.com/' });
      await add({ url: 'https://two.example.com/', events: ['guest.closed', 'guest.created'] });
      await add({ url: 'https://three.example.com/', events: ['guest.closed'] });
      await happen();
      await here.deliveries.drain();
      expect(customers.sent.map(({ url }) => url).sort()).toEqual([
        'https://one.example.com/',
        'https://two.example.com/',
      ]);
      expect(new Set(customers.sent.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
    });

    it('do not wait for one that is slow, however much waits for that one', async () => {
      await add({ url: 'https://slow.example.com/' });
      for (let n = 0; n < 20; n++) await happen();
      let release = (): void => undefined;
      const released = new Promise<number>((resolve) => (release = () => resolve(200)));
      customers.answer = (url) => (url.includes('slow') ? released : 200);
      const { endpoint: quick } = await add({ url: 'https://quick.example.com/' });
      const draining = here.deliveries.drain();
      await sleep(50);
      for (let n = 0; n < 20; n++) await happen();
      while ((await log(quick.id)).some(({ status }) => status !== 'delivered')) await sleep(20);
      expect(customers.sent.filter(({ url }) => url.includes('slow'))).toHaveLength(8);
      release();
      await draining;
      expect(customers.sent.filter(({ url }) => url.includes('slow'))).toHaveLength(40);
      expect(await log(quick.id)).toHaveLength(20);
    });
  });

  describe('several processes', () => {
    it('send everything once between them', async () => {
      const there = aProcess(await storage.openAnother());
      await add();
      await there.webhooks.refresh();
      for (let n = 0; n < 30; n++) await happen();
      await Promise.all([here.deliveries.drain(), there.deliveries.drain()]);
      const ids = customers.sent.map(({ headers }) => headers['webhook-id']);
      expect([ids.length, new Set(ids).size]).toEqual([30, 30]);
    });

    it('send again what one of them took and never settled', async () => {
      const { endpoint } = await add();
      await happen();
      expect(await storage.webhooks.claim(endpoint.id, 1, 45_000)).toHaveLength(1);
      await here.deliveries.drain();
      expect(customers.sent).toHaveLength(0);
      await later(45_000);
      expect(customers.sent).toHaveLength(1);
    });

    it('learn of each other’s endpoints when they read them again, and write nothing for one that was disabled elsewhere', async () => {
      const there = aProcess(await storage.openAnother());
      const { endpoint } = await add();
      await happen(undefined, there);
      expect(await log(endpoint.id)).toHaveLength(0);
      await there.webhooks.refresh();
      await happen(undefined, there);
      expect(await log(endpoint.id)).toHaveLength(1);
      await here.endpoints.change(endpoint.id, { enabled: false });
      await happen(undefined, there);
      expect(await log(endpoint.id)).toHaveLength(1);
    });
  });

  it('writes nothing about what nobody listens to, nor in a unit that fails', async () => {
    const { endpoint } = await add({ events: ['guest.closed'] });
    await happen();
    await here.endpoints.change(endpoint.id, { events: ['guest.created'] });
    const failing = storage.work.run(async () => {
      await happen();
      throw new Error('boom');
    });
    await expect(failing).rejects.toThrow('boom');
    expect(await log(endpoint.id)).toEqual([]);
    await happen();
    expect(await log(endpoint.id)).toHaveLength(1);
    await here.endpoints.remove(endpoint.id);
    expect(here.webhooks.hasListeners('guest.created')).toBe(false);
    await expect(log(endpoint.id)).rejects.toMatchObject({ code: 'webhook.endpoint_not_found' });
    await here.deliveries.drain();
    expect(customers.sent).toEqual([]);
  });
});
