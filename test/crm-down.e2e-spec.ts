import { aBody, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { suiteService } from './support/service.js';

const running = suiteService();

const records = async (): Promise<string[]> =>
  (await running.sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body.map(({ externalId }) => externalId);

const createMany = async (count: number): Promise<string[]> => {
  const answers = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      running.api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget', email: `g${n}@example.com` })),
    ),
  );
  expect(answers.every(({ status }) => status === 201)).toBe(true);
  return answers.map(({ body }) => body.id);
};

const fault = (effect: object, times = 1_000_000): Promise<unknown> =>
  running.sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect, times });

describe('while the CRM is down', () => {
  it.each<[string, object]>([
    ['answers 503', { status: 503 }],
    ['drops every connection', { drop: true }],
    ['asks to wait', { status: 429, headers: { 'retry-after': '1' } }],
    ['refuses our credentials', { status: 401 }],
    ['takes everything and does not say so', { dropAfterAccepting: true }],
  ])('and %s, guests are created as ever, and it has all of them soon after it is back', async (_, effect) => {
    await fault(effect);
    const ids = await createMany(60);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await running.sandbox.call('DELETE', '/faults');
    const held = await until(records, (all) => ids.every((id) => all.includes(id)), 15_000);
    expect(new Set(held).size).toBe(held.length);
  });

  it('says so under /health/dependencies, and stays ready', async () => {
    await running.sandbox.post('/faults', { target: 'crm/rest', match: 'crm', effect: { status: 503 }, times: 1_000 });
    const down = await until(
      async () =>
        (await running.api.get<{ status: string; details: Record<string, { status: string }> }>('/health/dependencies'))
          .body,
      ({ status }) => status === 'degraded',
    );
    expect(down.details['crm/rest']).toMatchObject({ status: 'down', code: 'crm.unavailable' });
    expect((await running.api.get('/health/ready')).status).toBe(200);
  });
});

describe('a record the CRM refuses', () => {
  it('does not hold up the others, whether the CRM names it or refuses the whole batch', async () => {
    for (const wholeBatch of [false, true]) {
      await fault({ refuseRecords: { campaignId: 'POISON' }, ...(wholeBatch ? { wholeBatch } : {}) });
      const poison = await running.api.post<GuestAnswer>(
        '/v1/guests',
        aBody({ mode: 'widget', channelContext: { campaignId: 'POISON' } }),
      );
      const ids = await createMany(49);
      const held = await until(records, (all) => ids.every((id) => all.includes(id)));
      expect(held).not.toContain(poison.body.id);
      const refused = await until(
        async () =>
          (await running.api.get<{ items: { event: string }[] }>(`/v1/audit/entries?subject=guest:${poison.body.id}`))
            .body.items,
        (items) => items.some(({ event }) => event === 'CRM_REFUSED'),
      );
      expect(refused.map(({ event }) => event)).toEqual(['GUEST_CREATED', 'CRM_REFUSED']);
      await running.sandbox.call('DELETE', '/faults');
    }
  });
});
