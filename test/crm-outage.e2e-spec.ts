import { setTimeout as sleep } from 'node:timers/promises';
import { aBody, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { suiteService } from './support/service.js';

const OUTAGE_MS = 60_000;

describe('a CRM that is down for a minute', () => {
  const running = suiteService();

  it('is noticed by nobody who creates guests, and has every one of them afterwards, each once', async () => {
    const fault = { target: 'crm/rest', match: 'upsert', effect: { status: 503 }, times: 1_000_000 };
    await running.sandbox.post('/faults', fault);
    const ids: string[] = [];
    for (const over = Date.now() + OUTAGE_MS; Date.now() < over; await sleep(200)) {
      const body = aBody({ mode: 'widget', email: `guest-${ids.length}@example.com` });
      const answer = await running.api.post<GuestAnswer>('/v1/guests', body);
      expect(answer.status).toBe(201);
      ids.push(answer.body.id);
    }
    await running.sandbox.call('DELETE', '/faults');
    const records = async () =>
      (await running.sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body.map(
        (record) => record.externalId,
      );
    const held = await until(records, (all) => ids.every((id) => all.includes(id)), 15_000);
    expect(held.toSorted()).toEqual(ids.toSorted());
  }, 120_000);
});
