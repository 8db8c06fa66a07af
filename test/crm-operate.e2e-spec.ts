import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { aBody, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { suiteService } from './support/service.js';

type Letter = { id: string; crm: string; guestId: string; code: string; record: { emailHash: string } };
type Preview = { isDue: boolean; reason: string | null; request: { headers: object; body: object } | null };
type Status = { crm: string; breaker: string; waiting: number; deadLetters: number };
type Held = { externalId: string };

const BASE = '/v1/crm-sync';
const STRANGER = '01890a5d-ac96-774b-bcce-b302099a8057';

const KEY = 'key-of-an-operator-padded-to-a-good-length';

const running = suiteService({ CRMS: 'rest,hubspot', API_KEYS: `test:${KEY}:*`, RECONCILE_CRMS_HOURS: '0' });
const { api } = running;

/** The command as somebody types it. */
const guestManager = (args: string[], env: Record<string, string> = {}): Promise<{ code: number; said: string }> =>
  new Promise((resolve) => {
    const launcher = join(__dirname, '..', 'scripts', 'guest-manager.js');
    const options = {
      env: {
        PATH: process.env['PATH'],
        GUEST_MANAGER_URL: running.service.url,
        GUEST_MANAGER_API_KEY: KEY,
        ...env,
      },
    };
    execFile(process.execPath, [launcher, 'crm', ...args], options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, said: stdout + stderr }),
    );
  });
const create = async (email: string): Promise<string> =>
  (await api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget', email }))).body.id;
const holds = async (crm: string, id: string): Promise<boolean> =>
  (await running.sandbox.get<Held[]>(`/crm/${crm}/records`)).body.some(({ externalId }) => externalId === id);
const arrival = (crm: string, id: string) =>
  until(
    () => holds(crm, id),
    (isThere) => isThere,
    30_000,
  );
const status = async (crm: string): Promise<Status> =>
  (await api.get<{ items: Status[] }>(BASE)).body.items.find((each) => each.crm === crm)!;
const preview = async (crm: string, guestId: string): Promise<Preview> =>
  (await api.get<Preview>(`${BASE}/preview?crm=${crm}&guestId=${guestId}`)).body;

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
    const unknown = await api.get<ProblemAnswer>(`${BASE}/preview?crm=acme&guestId=${id}`);
    expect([unknown.status, unknown.body.code]).toEqual([404, 'crm.not_found']);
    const nobody = await api.get<ProblemAnswer>(`${BASE}/preview?crm=rest&guestId=x`);
    expect([nobody.status, nobody.body.errors?.[0]?.pointer]).toEqual([400, '/guestId']);
  }, 60_000);

  it('finds what was refused, looks into it and sends it again', async () => {
    await running.sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect: { status: 400 }, times: 1 });
    const id = await create('refused@example.com');
    const list = async () => (await api.get<{ items: Letter[] }>(`${BASE}/dead-letters?crm=rest`)).body.items;
    const [letter] = await until(list, ({ length }) => length > 0);
    expect(letter).toMatchObject({ id: `rest.${id}`, guestId: id, code: 'crm.refused' });
    expect(letter!.record.emailHash).toMatch(/^[0-9a-f]{6}…$/);
    expect(await preview('rest', id)).toMatchObject({ isDue: false, reason: 'refused' });
    expect((await api.get<Letter>(`${BASE}/dead-letters/rest.${id}`)).body).toEqual(letter);
    const none = await api.get<{ items: Letter[] }>(`${BASE}/dead-letters?crm=rest&code=other`);
    expect(none.body.items).toEqual([]);
    const again = await api.post(`${BASE}/dead-letters/rest.${id}/replay`);
    expect([again.status, again.body]).toEqual([202, { replayed: 1 }]);
    await arrival('rest', id);
    const twice = await api.post<ProblemAnswer>(`${BASE}/dead-letters/rest.${id}/replay`);
    expect([twice.status, twice.body.code]).toEqual([404, 'crm.dead_letter_not_found']);
  }, 60_000);

  it('sends all of one reason again', async () => {
    await running.sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect: { status: 400 }, times: 1 });
    const id = await create('once-more@example.com');
    await until(
      () => status('rest'),
      ({ deadLetters }) => deadLetters === 1,
    );
    const other = await api.post(`${BASE}/dead-letters/replay`, { crm: 'rest', code: 'crm.other' });
    expect([other.status, other.body]).toEqual([200, { replayed: 0 }]);
    const all = await api.post(`${BASE}/dead-letters/replay`, { crm: 'rest', code: 'crm.refused' });
    expect(all.body).toEqual({ replayed: 1 });
    await arrival('rest', id);
    const bad = await api.post<ProblemAnswer>(`${BASE}/dead-letters/replay`, {});
    expect([bad.status, bad.body.errors?.[0]?.pointer]).toEqual([400, '/crm']);
  }, 60_000);
});

describe('guest-manager crm', () => {
  it('says how CRMs fare, sends refused records again, and says by its exit code whether all is well', async () => {
    await running.sandbox.post('/faults', { target: 'crm/rest', match: 'upsert', effect: { status: 400 }, times: 1 });
    const id = await create('by-command@example.com');
    await until(
      () => status('rest'),
      ({ deadLetters }) => deadLetters === 1,
    );
    const ill = await guestManager(['status']);
    expect(ill).toMatchObject({ code: 1, said: expect.stringMatching(/rest +closed .* 1 dead letters/) as string });
    const sent = await guestManager(['replay', '--crm', 'rest', '--wait']);
    expect(sent).toMatchObject({ code: 0, said: expect.stringContaining('1 dead letters of rest') as string });
    expect(await holds('rest', id)).toBe(true);
    expect((await guestManager(['status'])).code).toBe(0);
  }, 60_000);

  it('finds what a CRM has lost, and has it sent again when told to', async () => {
    const id = await create('lost@example.com');
    await arrival('hubspot', id);
    await until(
      () => preview('hubspot', id),
      ({ reason }) => reason === 'delivered',
    );
    await running.sandbox.post('/reset');
    const found = await guestManager(['reconcile', '--crm', 'hubspot']);
    expect(found).toMatchObject({ code: 1, said: expect.stringMatching(/[1-9]\d* missing, 0 different/) as string });
    expect(await holds('hubspot', id)).toBe(false);
    const repaired = await guestManager(['reconcile', '--crm', 'hubspot', '--repair']);
    expect(repaired.said).toMatch(/[1-9]\d* records are on their way again/);
    expect(repaired.code).toBe(0);
    await arrival('hubspot', id);
    const { items } = (await api.get<{ items: { id: string; state: string }[] }>(`${BASE}/reconciliations?crm=hubspot`))
      .body;
    expect(items.map(({ state }) => state)).toEqual(['repaired', 'found']);
    const drifts = await api.get<{ items: object[] }>(`${BASE}/reconciliations/${items[0]!.id}/drifts`);
    expect(drifts.body.items).toContainEqual(expect.objectContaining({ guestId: id, kind: 'missing', repair: 'send' }));
    const stale = await api.post<ProblemAnswer>(`${BASE}/reconciliations/${items[1]!.id}/repair`);
    expect([stale.status, stale.body.code]).toEqual([409, 'crm.reconciliation_stale']);
    expect(running.log()).not.toContain('lost@example.com');
  }, 60_000);

  it('is refused where the CRM cannot be read, without a key, and when nobody can understand it', async () => {
    const unreadable = await guestManager(['reconcile', '--crm', 'rest']);
    expect(unreadable).toMatchObject({ code: 69, said: expect.stringContaining('crm.read_unsupported') as string });
    expect((await guestManager(['status'], { GUEST_MANAGER_API_KEY: '' })).code).toBe(69);
    expect((await guestManager(['status'], { GUEST_MANAGER_URL: 'http://127.0.0.1:1' })).code).toBe(69);
    expect((await guestManager(['mend'])).code).toBe(64);
    expect((await guestManager(['replay'])).code).toBe(64);
    const begun = await api.post<ProblemAnswer>(`${BASE}/reconciliations`, { crm: 'acme' });
    expect([begun.status, begun.body.code]).toEqual([404, 'crm.not_found']);
  }, 60_000);
});
