import { aBody, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { testService } from './support/service.js';
import type { TestService } from './support/service.js';

type Letter = { id: string; crm: string; guestId: string; code: string; record: { emailHash: string } };
type Preview = { isDue: boolean; reason: string | null; request: { headers: object; body: object } | null };
type Status = { crm: string; breaker: string; waiting: number; deadLetters: number };
type Held = { externalId: string };

const BASE = '/v1/crm-sync';
const STRANGER = '01890a5d-ac96-774b-bcce-b302099a8057';

let running: TestService;
beforeAll(async () => {
  running = await testService({ CRMS: 'rest,hubspot' });
}, 60_000);
afterAll(() => running?.close());

const create = async (email: string): Promise<string> =>
  (await running.api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget', email }))).body.id;
const holds = async (crm: string, id: string): Promise<boolean> =>
  (await running.sandbox.get<Held[]>(`/crm/${crm}/records`)).body.some(({ externalId }) => externalId === id);
const arrival = (crm: string, id: string) =>
  until(
    () => holds(crm, id),
    (isThere) => isThere,
    30_000,
  );
const status = async (crm: string): Promise<Status> =>
  (await running.api.get<{ items: Status[] }>(BASE)).body.items.find((each) => each.crm === crm)!;
const preview = async (crm: string, guestId: string): Promise<Preview> =>
  (await running.api.get<Preview>(`${BASE}/${crm}/preview?guestId=${guestId}`)).body;

describe('whoever operates CRMs', () => {
  it('sees how each fares', async () => {
    const id = await create('seen@example.com');
    await arrival('rest', id);
    const calm = await until(
      () => status('rest'),
      ({ waiting }) => waiting === 0,
    );
    expect(calm).toMatchObject({ crm: 'rest', breaker: 'closed', deadLetters: 0, lastError: null, isExact: true });
  }, 60_000);

  it('sees the request a guest would be sent, without secrets, and why nothing would leave', async () => {
    const id = await create('previewed@example.com');
    await arrival('rest', id);
    const delivered = await until(
      () => preview('rest', id),
      ({ isDue }) => !isDue,
    );
    expect(delivered).toMatchObject({ reason: 'delivered', request: { method: 'POST' } });
    const text = JSON.stringify([delivered, await preview('hubspot', id)]);
    expect(text).toContain(id);
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('previewed@example.com');
    expect(await preview('rest', STRANGER)).toMatchObject({ isDue: false, reason: 'unknown', request: null });
    const unknown = await running.api.get<ProblemAnswer>(`${BASE}/acme/preview?guestId=${id}`);
    expect([unknown.status, unknown.body.code]).toEqual([404, 'crm.not_found']);
    const nobody = await running.api.get<ProblemAnswer>(`${BASE}/rest/preview?guestId=x`);
    expect([nobody.status, nobody.body.errors?.[0]?.pointer]).toEqual([400, '/guestId']);
  }, 60_000);

  it('finds what was refused, looks into it and sends it again', async () => {
    await running.sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect: { status: 400 }, times: 1 });
    const id = await create('refused@example.com');
    const list = async () =>
      (await running.api.get<{ items: Letter[] }>(`${BASE}/dead-letters?crm=rest`)).body.items;
    const [letter] = await until(list, ({ length }) => length > 0);
    expect(letter).toMatchObject({ id: `rest.${id}`, guestId: id, code: 'crm.refused' });
    expect(letter!.record.emailHash).toMatch(/^[0-9a-f]{6}…$/);
    expect(await preview('rest', id)).toMatchObject({ isDue: false, reason: 'refused' });
    expect((await running.api.get<Letter>(`${BASE}/dead-letters/rest.${id}`)).body).toEqual(letter);
    const none = await running.api.get<{ items: Letter[] }>(`${BASE}/dead-letters?crm=rest&code=other`);
    expect(none.body.items).toEqual([]);
    const again = await running.api.post(`${BASE}/dead-letters/rest.${id}/replay`);
    expect([again.status, again.body]).toEqual([202, { replayed: 1 }]);
    await arrival('rest', id);
    const twice = await running.api.post<ProblemAnswer>(`${BASE}/dead-letters/rest.${id}/replay`);
    expect([twice.status, twice.body.code]).toEqual([404, 'crm.dead_letter_not_found']);
  }, 60_000);

  it('sends all of one reason again', async () => {
    await running.sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect: { status: 400 }, times: 1 });
    const id = await create('once-more@example.com');
    await until(
      () => status('rest'),
      ({ deadLetters }) => deadLetters === 1,
    );
    const other = await running.api.post(`${BASE}/dead-letters/replay`, { crm: 'rest', code: 'crm.other' });
    expect([other.status, other.body]).toEqual([200, { replayed: 0 }]);
    const all = await running.api.post(`${BASE}/dead-letters/replay`, { crm: 'rest', code: 'crm.refused' });
    expect(all.body).toEqual({ replayed: 1 });
    await arrival('rest', id);
    const bad = await running.api.post<ProblemAnswer>(`${BASE}/dead-letters/replay`, {});
    expect([bad.status, bad.body.errors?.[0]?.pointer]).toEqual([400, '/crm']);
  }, 60_000);
});
