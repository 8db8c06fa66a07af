import { createHmac, randomUUID } from 'node:crypto';
import { aBody, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { startReceiver } from './support/receiver.js';
import type { Answering, Received, Receiver } from './support/receiver.js';
import { testService } from './support/service.js';
import type { TestService } from './support/service.js';

type EndpointAnswer = {
  id: string;
  url: string;
  events: string[];
  enabled: boolean;
  disabledReason: string | null;
  failingSince: string | null;
  secret: string;
};
type DeliveryAnswer = {
  id: string;
  type: string;
  subject: string;
  status: string;
  attempts: number;
  lastStatus: number | null;
  lastCode: string | null;
  nextAttemptDate: string | null;
};
type Page<T> = { items: T[]; nextCursor: string | null };

let running: TestService;
const receivers: Receiver[] = [];
const BASE = '/v1/webhook-endpoints';

beforeAll(async () => {
  running = await testService();
}, 60_000);
afterAll(async () => {
  await running?.close();
  await Promise.all(receivers.map((receiver) => receiver.close()));
});
afterEach(async () => {
  for (const { id } of (await running.api.get<Page<EndpointAnswer>>(BASE)).body.items)
    await running.api.call('DELETE', `${BASE}/${id}`);
});

const aReceiver = async (answer?: (request: Received, count: number) => Answering): Promise<Receiver> => {
  const receiver = await startReceiver(answer);
  receivers.push(receiver);
  return receiver;
};
const listen = async (receiver: Receiver, events = ['guest.created']): Promise<EndpointAnswer> => {
  const { status, body } = await running.api.post<EndpointAnswer>(BASE, { url: `${receiver.url}/hooks`, events });
  expect(status).toBe(201);
  return body;
};
const aGuest = async (): Promise<GuestAnswer> =>
  (await running.api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget', email: 'user@example.com' }))).body;
const log = async (id: string, query = ''): Promise<Page<DeliveryAnswer>> =>
  (await running.api.get<Page<DeliveryAnswer>>(`${BASE}/${id}/deliveries${query}`)).body;
const settled = (id: string, wanted: Partial<DeliveryAnswer>, ms?: number): Promise<DeliveryAnswer> =>
  until(
    async () => (await log(id)).items[0]!,
    (delivery) =>
      delivery !== undefined &&
      Object.entries(wanted).every(([name, value]) => delivery[name as keyof DeliveryAnswer] === value),
    ms,
  );
const arrived = (receiver: Receiver, count = 1, ms?: number): Promise<Received[]> =>
  until(
    async () => receiver.received,
    (received) => received.length >= count,
    ms,
  );

/** As a customer would verify it (Standard Webhooks 1.0.0). */
function verifies(secret: string, { headers, body }: Received): boolean {
  expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1_000)).toBeLessThan(300);
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
  return headers['webhook-signature']!.split(' ').includes(expected);
}

describe('a webhook', () => {
  it('tells a customer’s system what happened to which guest, signed, and nothing about the person', async () => {
    const receiver = await aReceiver();
    const endpoint = await listen(receiver, ['guest.created', 'guest.updated', 'guest.closed']);
    const { id } = await aGuest();
    await running.api.patch(`/v1/guests/${id}`, { attributes: { source: 'app' } }, { 'if-match': '*' });
    await arrived(receiver, 2);
    const bodies = receiver.received.map(
      ({ body }) => JSON.parse(body) as { type: string; timestamp: string; data: object },
    );
    expect(bodies.find(({ type }) => type === 'guest.created')).toEqual({
      type: 'guest.created',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      data: { guestId: id, version: 1, state: 'created', changed: [] },
    });
    expect(bodies.find(({ type }) => type === 'guest.updated')!.data).toEqual({
      guestId: id,
      version: 2,
      state: 'created',
      changed: ['/attributes/source'],
    });
    for (const one of receiver.received) {
      expect(one).toMatchObject({ method: 'POST', path: '/hooks', headers: { 'content-type': 'application/json' } });
      expect(verifies(endpoint.secret, one)).toBe(true);
      expect(verifies(`whsec_${Buffer.alloc(32).toString('base64')}`, one)).toBe(false);
    }
    const { items } = await log(endpoint.id);
    expect(items.map(({ type, subject }) => [type, subject])).toEqual([
      ['guest.updated', `guest:${id}`],
      ['guest.created', `guest:${id}`],
    ]);
    expect(items.map((item) => item.id).sort()).toEqual(
      receiver.received.map(({ headers }) => headers['webhook-id']!).sort(),
    );
  });

  it('is tried again when it fails, under the same id, until it succeeds', async () => {
    const receiver = await aReceiver((_, count) => ({ status: count === 1 ? 503 : 200 }));
    const endpoint = await listen(receiver);
    await aGuest();
    const waiting = await settled(endpoint.id, { status: 'pending', attempts: 1, lastStatus: 503 });
    expect(Date.parse(waiting.nextAttemptDate!) - Date.now()).toBeLessThan(6_100);
    const delivered = await settled(endpoint.id, { status: 'delivered', attempts: 2, lastStatus: 200 });
    const [first, second] = receiver.received;
    expect([first, second].map((one) => one!.headers['webhook-id'])).toEqual([delivered.id, delivered.id]);
    expect(second!.body).toBe(first!.body);
    expect(Number(second!.headers['webhook-timestamp'])).toBeGreaterThanOrEqual(
      Number(first!.headers['webhook-timestamp']) + 4,
    );
    expect(verifies(endpoint.secret, second!)).toBe(true);
  });

  it('is not sent any more to one that says it is gone, until somebody enables it again', async () => {
    const receiver = await aReceiver(() => ({ status: 410 }));
    const endpoint = await listen(receiver);
    await aGuest();
    await settled(endpoint.id, { status: 'failed', lastStatus: 410 });
    const shown = await running.api.get<EndpointAnswer>(`${BASE}/${endpoint.id}`);
    expect(shown.body).toMatchObject({ enabled: false, disabledReason: 'gone' });
    await aGuest();
    expect((await log(endpoint.id)).items).toHaveLength(1);
    receiver.answer = () => ({ status: 200 });
    const path = `${BASE}/${endpoint.id}`;
    const replay = `${path}/deliveries/${(await log(endpoint.id)).items[0]!.id}/replay`;
    const refused = await running.api.post<ProblemAnswer>(replay);
    expect([refused.status, refused.body.code]).toEqual([409, 'webhook.endpoint_disabled']);
    const enabled = await running.api.patch(path, { enabled: true }, {});
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null });
    expect((await running.api.post(replay)).status).toBe(202);
    await settled(endpoint.id, { status: 'delivered', attempts: 2 });
    const trail = await running.api.get<Page<{ event: string; changes: { endpointId: string } }>>(
      '/v1/audit/entries?subject=system:webhooks&limit=500',
    );
    expect(
      trail.body.items.filter(({ changes }) => changes.endpointId === endpoint.id).map(({ event }) => event),
    ).toEqual(['WEBHOOK_ENDPOINT_ADDED', 'WEBHOOK_ENDPOINT_DISABLED', 'WEBHOOK_ENDPOINT_CHANGED', 'WEBHOOK_REPLAYED']);
  });

  it('to one that is slow holds up nobody else', async () => {
    const slow = await aReceiver(() => ({ status: 200, afterMs: 4_000 }));
    const quick = await aReceiver();
    const [slowEndpoint, quickEndpoint] = [await listen(slow), await listen(quick)];
    for (let n = 0; n < 20; n++) await aGuest();
    await arrived(quick, 20, 3_000);
    expect((await log(slowEndpoint.id, '?status=delivered')).items).toEqual([]);
    await until(
      () => log(quickEndpoint.id, '?status=pending'),
      ({ items }) => items.length === 0,
    );
    await until(
      () => log(slowEndpoint.id, '?status=pending'),
      ({ items }) => items.length === 0,
      30_000,
    );
    expect(new Set(slow.received.map(({ headers }) => headers['webhook-id'])).size).toBe(20);
    expect(slow.received).toHaveLength(20);
  }, 60_000);

  it('goes where it was told to and follows no redirect', async () => {
    const elsewhere = await aReceiver();
    const receiver = await aReceiver(() => ({ status: 307, headers: { location: `${elsewhere.url}/hooks` } }));
    const endpoint = await listen(receiver);
    await aGuest();
    await settled(endpoint.id, { status: 'pending', lastStatus: 307 });
    expect(elsewhere.received).toEqual([]);
  });

  it('says when nobody is there', async () => {
    const receiver = await aReceiver(() => 'drop');
    const endpoint = await listen(receiver);
    await aGuest();
    await settled(endpoint.id, { status: 'pending', lastStatus: null, lastCode: 'webhook.silent' });
    expect((await running.api.get<EndpointAnswer>(`${BASE}/${endpoint.id}`)).body.failingSince).not.toBeNull();
  });
});

describe('a webhook endpoint', () => {
  it('shows its secret when it is made and when it is rotated, and at no other time', async () => {
    const receiver = await aReceiver();
    const key = { 'idempotency-key': randomUUID() };
    const body = { url: receiver.url, events: ['guest.created'], description: 'the CRM of ours' };
    const made = await running.api.post<EndpointAnswer>(BASE, body, key);
    expect(made.headers.get('location')).toBe(`${BASE}/${made.body.id}`);
    expect(made.body.secret).toMatch(/^whsec_/);
    // Its answer was lost on the way: repeated, it is the same endpoint and the same secret.
    expect((await running.api.post<EndpointAnswer>(BASE, body, key)).body).toEqual(made.body);
    const { secret, ...shown } = made.body;
    expect((await running.api.get(`${BASE}/${made.body.id}`)).body).toEqual(shown);
    expect((await running.api.get<Page<object>>(BASE)).body).toEqual({ items: [shown], nextCursor: null });
    const rotated = await running.api.post<EndpointAnswer>(`${BASE}/${made.body.id}/rotate-secret`);
    expect([rotated.status, rotated.body.secret === secret]).toEqual([200, false]);
    await aGuest();
    const [sent] = await arrived(receiver);
    expect([secret, rotated.body.secret].map((one) => verifies(one, sent!))).toEqual([true, true]);
    expect(running.log()).not.toContain(secret.slice(6));
  });

  it.each([
    [{ url: 'http://example.com/', events: ['guest.created'] }, '/url'],
    [{ url: 'https://169.254.169.254/latest/meta-data', events: ['guest.created'] }, '/url'],
    [{ url: 'https://[::ffff:10.0.0.1]/', events: ['guest.created'] }, '/url'],
    [{ url: 'https://user:secret@example.com/', events: ['guest.created'] }, '/url'],
    [{ url: 17, events: ['guest.created'] }, '/url'],
    [{ url: 'https://example.com/', events: [] }, '/events'],
    [{ url: 'https://example.com/', events: ['guest.merged'] }, '/events'],
    [{ url: 'https://example.com/', events: 'guest.created' }, '/events'],
    [{ url: 'https://example.com/', events: ['guest.created', 'guest.created'] }, '/events'],
    [{ url: 'https://example.com/', events: ['guest.created'], secret: 'mine' }, '/secret'],
  ])('is not made of what cannot work: %j', async (body, pointer) => {
    const { status, body: problem } = await running.api.post<ProblemAnswer>(BASE, body);
    expect([status, problem.errors?.map((error) => error.pointer)]).toEqual([400, [pointer]]);
  });

  it('shows its URL as it was given', async () => {
    const url = 'https://bücher.example/hooks|[guests]';
    const made = await running.api.post<EndpointAnswer>(BASE, { url, events: ['guest.created'] });
    expect([made.status, made.body.url]).toEqual([201, url]);
  });

  it('is changed by what a patch names, listens at once, and is gone when it is deleted', async () => {
    const [before, after] = [await aReceiver(), await aReceiver()];
    const { id } = await listen(before, ['guest.closed']);
    const path = `${BASE}/${id}`;
    const changed = await running.api.patch(path, { url: after.url, events: ['guest.created', 'guest.closed'] }, {});
    expect(changed.body).toMatchObject({ url: after.url, events: ['guest.closed', 'guest.created'] });
    const { id: guestId } = await aGuest();
    await arrived(after);
    expect(before.received).toEqual([]);
    const bad = await running.api.patch<ProblemAnswer>(path, { url: 'https://10.0.0.1/' }, {});
    expect([bad.status, bad.body.code]).toEqual([400, 'webhook.url_refused']);
    expect((await running.api.call('DELETE', path)).status).toBe(204);
    await running.api.post(`/v1/guests/${guestId}/close`);
    for (const [method, where] of [
      ['GET', path],
      ['DELETE', path],
      ['GET', `${path}/deliveries`],
      ['POST', `${path}/rotate-secret`],
      ['POST', `${path}/deliveries/${id}/replay`],
    ] as const) {
      const { status, body } = await running.api.call<ProblemAnswer>(method, where);
      expect([where, status, body.code]).toEqual([where, 404, 'webhook.endpoint_not_found']);
    }
    expect(after.received).toHaveLength(1);
  });

  it('shows its log page by page, and by status', async () => {
    const receiver = await aReceiver((_, count) => ({ status: count <= 2 ? 500 : 200 }));
    const { id } = await listen(receiver);
    for (let n = 0; n < 5; n++) await aGuest();
    await arrived(receiver, 5);
    await until(
      async () => (await log(id)).items,
      (items) => items.every(({ attempts, lastStatus }) => attempts > 0 && lastStatus !== null),
    );
    expect((await log(id, '?status=delivered')).items).toHaveLength(3);
    expect((await log(id, '?status=pending')).items).toHaveLength(2);
    const first = await log(id, '?limit=3');
    const second = await log(id, `?limit=3&cursor=${first.nextCursor}`);
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([3, 2, null]);
    for (const query of ['?status=lost', '?cursor=nonsense', '?limit=0'])
      expect((await running.api.get(`${BASE}/${id}/deliveries${query}`)).status).toBe(400);
    const unknown = await running.api.post<ProblemAnswer>(`${BASE}/${id}/deliveries/${id}/replay`);
    expect([unknown.status, unknown.body.code]).toEqual([404, 'webhook.delivery_not_found']);
  });
});

describe('the description of an endpoint', () => {
  it('is refused with personal data in it, when it is made and when it is changed', async () => {
    const endpoint = await listen(await aReceiver());
    const description = 'ask user@example.com';
    for (const { status, body } of [
      await running.api.post<ProblemAnswer>(BASE, { url: endpoint.url, events: ['guest.created'], description }),
      await running.api.call<ProblemAnswer>('PATCH', `${BASE}/${endpoint.id}`, { description }),
    ]) {
      expect([status, body.code]).toEqual([400, 'request.invalid']);
      expect(body.errors?.[0]).toMatchObject({ pointer: '/description', rule: 'personalData' });
      expect(JSON.stringify(body)).not.toContain('user@example.com');
    }
  });
});
