import { aBody, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { suiteService, testService } from './support/service.js';

const CRMS = ['rest', 'salesforce', 'hubspot', 'genesys-contacts'];
const WRITES = 'upsert';

type Held = { readonly externalId: string };

describe('every CRM at once, beside the sandbox, without a setting', () => {
  const running = suiteService({ CRMS: CRMS.join(',') });

  const held = async (crm: string) => (await running.sandbox.get<Held[]>(`/crm/${crm}/records`)).body;
  const create = async (email: string) =>
    (await running.api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget', email }))).body.id;
  const arrival = (crm: string, ids: readonly string[]) =>
    until(
      () => held(crm),
      (all) => ids.every((id) => all.some(({ externalId }) => externalId === id)),
      30_000,
    );

  it('has every guest, once and hashed', async () => {
    const ids = await Promise.all(Array.from({ length: 25 }, (_, n) => create(`person-${n}@example.com`)));
    for (const crm of CRMS) {
      const records = await arrival(crm, ids);
      expect(records.filter(({ externalId }) => ids.includes(externalId))).toHaveLength(ids.length);
      const text = JSON.stringify(records);
      expect(text).toMatch(/"[0-9a-f]{64}"/);
      expect(text).not.toMatch(/person-\d|@example\.com/);
    }
  }, 60_000);

  it.each<[string, string, object]>([
    ['salesforce', 'ends the session', { expireToken: true }],
    ['salesforce', 'holds rows', { lockRecords: true }],
    ['hubspot', 'cuts its answer off', { halfAnswer: true }],
    ['genesys-contacts', 'takes everything and does not say so', { dropAfterAccepting: true }],
  ])(
    '%s that %s holds every guest once afterwards',
    async (crm, _, effect) => {
      await running.sandbox.post('/faults', { target: `crm/${crm}`, match: WRITES, effect, times: 1 });
      const id = await create(`late-${crm}@example.com`);
      const records = await arrival(crm, [id]);
      expect(records.filter(({ externalId }) => externalId === id)).toHaveLength(1);
    },
    60_000,
  );

  it('says under /health/dependencies how each is', async () => {
    const { body } = await running.api.get<{ details: Record<string, { status: string }> }>('/health/dependencies');
    for (const crm of CRMS) expect(body.details[`crm/${crm}`]).toMatchObject({ status: 'up' });
  });
});

describe('a mapping the CRM has no fields for', () => {
  it('is named in the log at start; guests are created as ever, and their records wait', async () => {
    const running = await testService({ CRMS: 'salesforce', SALESFORCE_FIELDS: 'Nowhere__c:emailHash' });
    try {
      await until(
        async () => running.log(),
        (log) => /no field Nowhere__c[^\n]*the mapping does not fit/.test(log),
      );
      const { status } = await running.api.post('/v1/guests', aBody({ mode: 'widget', email: 'user@example.com' }));
      expect(status).toBe(201);
      await until(
        async () => running.log(),
        (log) => log.includes('crm.mapping_wrong'),
      );
      expect((await running.sandbox.get<Held[]>('/crm/salesforce/records')).body).toEqual([]);
      expect(running.log()).not.toContain('user@example.com');
    } finally {
      await running.close();
    }
  }, 60_000);
});
