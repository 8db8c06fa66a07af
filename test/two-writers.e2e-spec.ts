import { GuestConflictError, GuestManager } from '../src/client/index.js';
import type { Guest, GuestChanges } from '../src/client/index.js';
import { aBody, Client } from './support/client.js';
import type { Answer, GuestAnswer, ProblemAnswer } from './support/client.js';
import { suiteService } from './support/service.js';

const UPDATES = 1_000;
/** Where one has to wait for the other, which takes longer. */
const COUNTED = 1_000;
const TOKEN = 'a-key-that-is-long-enough-for-tests';

const running = suiteService({
  API_KEYS: `tests:${TOKEN}:*`,
  GUEST_ATTRIBUTES: 'source,left,right,counter',
});

const manager = (): GuestManager => GuestManager.http({ baseUrl: running.service.url, token: TOKEN });
const numberIn = (guest: { attributes: Readonly<Record<string, string>> }, name: string): number =>
  Number(guest.attributes[name] ?? 0);

/** Every change of a guest there is a record of. */
async function updatesInTrail(id: string): Promise<number> {
  const all = manager();
  let count = 0;
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page: Awaited<ReturnType<GuestManager['getAuditEntries']>> = await all.getAuditEntries(id, {
      limit: 500,
      ...(cursor === undefined ? {} : { cursor }),
    });
    count += page.items.filter(({ event }) => event === 'GUEST_UPDATED').length;
    cursor = page.nextCursor;
  }
  return count;
}

describe('two clients that update one guest at once', () => {
  it('lose none of a thousand updates and see no conflict, when they change different things through a manager', async () => {
    const [left, right] = [manager(), manager()];
    const conflicts: unknown[] = [];
    for (const one of [left, right]) one.on('conflict', (conflict) => conflicts.push(conflict));
    const { id } = await left.createGuest({ mode: 'widget', consent: { marketing: false, dataProcessing: true } });
    await right.getGuest(id);

    // All of them asked for before the first is answered.
    const writes = Array.from({ length: UPDATES / 2 }, (_, n) => [
      left.updateGuest(id, { attributes: { left: `${n + 1}` } }),
      right.updateGuest(id, { attributes: { right: `${n + 1}` } }),
    ]).flat();
    const versions = (await Promise.all(writes)).map(({ version }) => version);

    expect(conflicts).toEqual([]);
    expect(new Set(versions).size).toBe(UPDATES);
    const guest = await left.getGuest(id);
    expect(guest).toMatchObject({
      version: 1 + UPDATES,
      attributes: { left: `${UPDATES / 2}`, right: `${UPDATES / 2}` },
    });
    expect(await updatesInTrail(id)).toBe(UPDATES);
  }, 120_000);

  it('see no conflict in one field either, when the later change is to win', async () => {
    const { id } = await manager().createGuest({ mode: 'widget', consent: { marketing: false, dataProcessing: true } });
    const write = async (name: string): Promise<void> => {
      const guests = manager();
      for (let n = 1; n <= 100; n += 1) await guests.updateGuest(id, { attributes: { source: `${name} ${n}` } });
    };
    await Promise.all([write('left'), write('right')]);
    const guest = await manager().getGuest(id);
    expect(guest.version).toBe(201);
    expect(guest.attributes['source']).toMatch(/^(left|right) 100$/);
    expect(await updatesInTrail(id)).toBe(200);
  }, 60_000);

  it('count together in one field, by a merge rule', async () => {
    const { id } = await manager().createGuest({ mode: 'widget', consent: { marketing: false, dataProcessing: true } });
    const counted = (guest: Guest): GuestChanges => ({ attributes: { counter: `${numberIn(guest, 'counter') + 1}` } });
    let overlaps = 0;

    const count = async (name: string): Promise<void> => {
      const guests = manager();
      guests.on('conflict', ({ conflicts }) => {
        expect(conflicts).toEqual(['/attributes/counter']);
        overlaps += 1;
      });
      let guest = await guests.getGuest(id);
      for (let n = 1; n <= COUNTED / 2; n += 1) {
        const mine = { [name]: `${n}` };
        const merge = (now: Guest): GuestChanges => ({ attributes: { ...counted(now).attributes, ...mine } });
        for (;;) {
          try {
            guest = await guests.updateGuest(guest, merge(guest), { merge });
            break;
          } catch (error) {
            if (!(error instanceof GuestConflictError)) throw error;
            // The other was quicker three times in a row; nothing was written, and the caller decides.
            guest = error.current;
          }
        }
      }
    };
    await Promise.all([count('left'), count('right')]);

    const guest = await manager().getGuest(id);
    expect(guest).toMatchObject({
      version: 1 + COUNTED,
      attributes: { counter: `${COUNTED}`, left: `${COUNTED / 2}`, right: `${COUNTED / 2}` },
    });
    expect(await updatesInTrail(id)).toBe(COUNTED);
    expect(overlaps).toBeGreaterThan(0);
  }, 120_000);

  it('count together in one field over plain REST by merging, each reading again when it was too late', async () => {
    const api = new Client(running.service.url, TOKEN);
    const { id } = (await api.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget' }))).body;
    const count = async (): Promise<void> => {
      for (let n = 0; n < COUNTED / 2; n += 1) {
        let answer: Answer<GuestAnswer & ProblemAnswer>;
        do {
          const { body } = await api.get<GuestAnswer>(`/v1/guests/${id}`);
          const changes = { attributes: { counter: `${numberIn(body, 'counter') + 1}` } };
          answer = await api.patch(`/v1/guests/${id}?base=${body.version}`, changes, { 'if-match': '*' });
        } while (answer.status === 409);
        expect(answer.status).toBe(200);
      }
    };
    await Promise.all([count(), count()]);
    const { body } = await api.get<GuestAnswer>(`/v1/guests/${id}`);
    expect([body.version, body.attributes['counter']]).toEqual([1 + COUNTED, `${COUNTED}`]);
    expect(await updatesInTrail(id)).toBe(COUNTED);
  }, 120_000);

  it('apply a change once, though its answer is lost and it is sent again', async () => {
    const { id } = await manager().createGuest({ mode: 'widget', consent: { marketing: false, dataProcessing: true } });
    let sent = 0;
    const lossy: typeof fetch = async (...request) => {
      const answer = await fetch(...request);
      sent += 1;
      // Every second answer gets lost on its way back.
      if (sent % 2 === 1) throw new TypeError('connection lost');
      return answer;
    };
    const count = async (guests: GuestManager): Promise<void> => {
      for (let n = 0; n < 20; n += 1) {
        const merge = (now: Guest): GuestChanges => ({ attributes: { counter: `${numberIn(now, 'counter') + 1}` } });
        let done = false;
        while (!done)
          try {
            await guests.updateGuest(id, merge(guests.getState(id) ?? (await guests.getGuest(id))), { merge });
            done = true;
          } catch (error) {
            if (!(error instanceof GuestConflictError)) throw error;
          }
      }
    };
    await Promise.all([
      count(GuestManager.http({ baseUrl: running.service.url, token: TOKEN, fetch: lossy })),
      count(manager()),
    ]);
    const guest = await manager().getGuest(id);
    expect([guest.version, guest.attributes['counter']]).toEqual([41, '40']);
  }, 60_000);
});
