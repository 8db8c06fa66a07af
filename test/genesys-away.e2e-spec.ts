import { setTimeout as sleep } from 'node:timers/promises';
import { aBody, until } from './support/client.js';
import type { GuestAnswer, SandboxConversation } from './support/client.js';
import { suiteService } from './support/service.js';

const GUESTS = 12;
const AWAY_MS = 6_000;

const running = suiteService();

it('loses nothing while Genesys answers 503, hardly asks it, and moves again soon after its return', async () => {
  const { api, sandbox } = running;
  const ids = await Promise.all(
    Array.from({ length: GUESTS }, async () => (await api.post<GuestAnswer>('/v1/guests', aBody({}))).body.id),
  );
  for (const id of ids)
    await until(
      async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body,
      ({ genesys }) => genesys.linked,
    );
  const told = async (): Promise<Map<string, string | undefined>> => {
    const { body } = await sandbox.get<SandboxConversation[]>('/genesys/conversations');
    const customers = body.flatMap(({ participants }) => participants.filter(({ purpose }) => purpose === 'customer'));
    return new Map(customers.map(({ attributes }) => [attributes['guestSessionId']!, attributes['locale']]));
  };
  const asked = async (since: number): Promise<number> =>
    (await sandbox.get<{ at: string; path: string }[]>('/requests')).body.filter(
      ({ at, path }) => path.startsWith('/api/v2/') && Date.parse(at) >= since,
    ).length;

  await sandbox.post('/faults', { target: 'genesys', match: '/api/v2/', effect: { status: 503 }, times: 1_000_000 });
  const awayAt = Date.now();
  let changes = 0;
  for (; Date.now() < awayAt + AWAY_MS; changes++) {
    const patch = { attributes: { locale: `n${changes}` } };
    expect((await api.patch(`/v1/guests/${ids[changes % GUESTS]}`, patch, { 'if-match': '*' })).status).toBe(200);
    await sleep(100);
  }
  expect(await asked(awayAt)).toBeLessThan(25);

  await sandbox.call('DELETE', '/faults');
  await until(told, (locales) => [...locales.values()].some((locale) => locale !== undefined), 15_000);
  const newest = new Map(ids.map((id, at) => [id, `n${changes - 1 - ((changes - 1 - at) % GUESTS)}`]));
  await until(told, (locales) => ids.every((id) => locales.get(id) === newest.get(id)), 30_000);
  expect(running.log()).not.toContain('intent parked');
}, 90_000);
