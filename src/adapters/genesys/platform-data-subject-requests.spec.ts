import { randomUUID } from 'node:crypto';
import { SystemClock } from '../../kernel/clock.js';
import { LoneGate } from '../../kernel/lone-gate.js';
import { Lab, wait } from '../../sandbox/lab.contract.js';
import { settingsOf } from './genesys-lab.contract.js';
import { openPlatform } from './platform.js';
import { PlatformDataSubjectRequests } from './platform-data-subject-requests.js';

const GDPR_MS = 500;
const LIST = '/gdpr/requests?pageSize';
const POST = '/gdpr/requests?deleteConfirmed';

describe('PlatformDataSubjectRequests', () => {
  let lab: Lab;
  let requests: PlatformDataSubjectRequests;
  beforeAll(async () => void (lab = await Lab.open({ gdprMs: GDPR_MS, limits: { requestsPerTokenPerMinute: null } })));
  beforeEach(() => {
    const { client, queue } = openPlatform(settingsOf(lab), new LoneGate(new SystemClock()));
    queue.perMinute = 60_000;
    requests = new PlatformDataSubjectRequests(client, true);
  });
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  const began = () => new Date();
  const posted = async () =>
    (await lab.requests()).filter(({ method, path }) => method === 'POST' && path.includes('/gdpr/'));
  const pagesRead = async () =>
    (await lab.requests()).filter(({ method, path }) => method === 'GET' && path === '/api/v2/gdpr/requests').length;
  const ask = (contactId: string): Promise<{ body: { id: string } }> =>
    lab.api('POST', `${POST}=true`, { requestType: 'GDPR_DELETE', subject: { externalContactId: contactId } });
  const organization = (settings: object) => lab.http('PATCH', '/sandbox/genesys/organization', settings);
  const over = () => wait(GDPR_MS + 100);

  it('is asked, or not, as it was set', () => {
    const { client } = openPlatform(settingsOf(lab), new LoneGate(new SystemClock()));
    expect([requests.isOn, new PlatformDataSubjectRequests(client, false).isOn]).toEqual([true, false]);
  });

  it('erases a contact and says when it is done', async () => {
    const id = await requests.eraseContact(randomUUID(), began());
    expect(await requests.outcomeOf(id)).toBe('under-way');
    await over();
    expect(await requests.outcomeOf(id)).toBe('erased');
    expect(await posted()).toMatchObject([{ path: '/api/v2/gdpr/requests', query: 'deleteConfirmed=true' }]);
  });

  it('takes every state on the way for what it is, known or not', async () => {
    const outcomes = [];
    for (const status of ['INITIATED', 'SEARCHING', 'UPDATING', 'DELETING', 'FINALIZING', 'ARCHIVING', undefined]) {
      await lab.fault('genesys', '/gdpr/requests/', { body: { id: 'r-1', status } });
      outcomes.push(await requests.outcomeOf('r-1'));
    }
    expect(new Set(outcomes)).toEqual(new Set(['under-way']));
  });

  it('finds the request again that was made when no answer came, and makes no other', async () => {
    const [contactId, since] = [randomUUID(), began()];
    await lab.fault('genesys', POST, { dropAfterAccepting: true });
    await expect(requests.eraseContact(contactId, since)).rejects.toMatchObject({ kind: 'unavailable' });
    const id = await requests.eraseContact(contactId, since);
    expect(await posted()).toHaveLength(1);
    await over();
    expect(await requests.outcomeOf(id)).toBe('erased');
    expect(await requests.eraseContact(contactId, since)).toBe(id);
  });

  it('is not repeated by itself, whatever kept Genesys from answering', async () => {
    for (const effect of [{ drop: true }, { status: 503 }]) {
      await lab.fault('genesys', POST, effect, 10);
      const before = (await posted()).length;
      await expect(requests.eraseContact(randomUUID(), began())).rejects.toMatchObject({ kind: 'unavailable' });
      expect((await posted()).length - before).toBe(1);
      await lab.http('DELETE', '/sandbox/faults');
    }
  });

  it('looks through all pages, as nobody says in which order they are', async () => {
    const [contactId, since] = [randomUUID(), began()];
    for (let made = 0; made < 105; made++) await ask(randomUUID());
    const { id } = (await ask(contactId)).body;
    expect(await requests.eraseContact(contactId, since)).toBe(id);
    expect([await pagesRead(), (await posted()).length]).toEqual([2, 106]);
    await requests.eraseContact(randomUUID(), since);
    expect([await pagesRead(), (await posted()).length]).toEqual([4, 107]);
  });

  it('goes on to the page where there is nothing when it is not told how many there are', async () => {
    const entity = {
      id: 'r-9',
      requestType: 'GDPR_DELETE',
      subject: { externalContactId: 'c-9' },
      status: 'INITIATED',
    };
    const createdDate = new Date().toISOString();
    await lab.fault('genesys', LIST, { body: { entities: [{ ...entity, subject: {}, createdDate }] } });
    await lab.fault('genesys', LIST, { body: { entities: [{ ...entity, createdDate }] } });
    expect(await requests.eraseContact('c-9', began())).toBe('r-9');
    expect(await posted()).toEqual([]);
  });

  it('takes no other request for its own: not an earlier one, nor one of another type or contact', async () => {
    const contactId = randomUUID();
    const mine = { requestType: 'GDPR_DELETE', subject: { externalContactId: contactId }, status: 'INITIATED' };
    const at = (ms: number) => new Date(Date.now() + ms).toISOString();
    const unnamed: typeof mine & { readonly id?: string; readonly createdDate: string } = {
      ...mine,
      createdDate: at(0),
    };
    const entities = [
      { ...mine, id: 'earlier', createdDate: at(-120_000) },
      { ...mine, id: 'undated' },
      { ...mine, id: 'export', requestType: 'GDPR_EXPORT', createdDate: at(0) },
      { ...mine, id: 'of-another', subject: { externalContactId: randomUUID() }, createdDate: at(0) },
      { ...mine, id: 'of-a-user', subject: { userId: contactId }, createdDate: at(0) },
      { ...mine, id: 'failed', status: 'ERROR', createdDate: at(0) },
      unnamed,
    ];
    await lab.fault('genesys', LIST, { body: { entities, pageCount: 1 } });
    const made = await requests.eraseContact(contactId, began());
    expect(entities.map(({ id }) => id)).not.toContain(made);
    expect(await posted()).toHaveLength(1);

    // A clock that is a little late dates it before it was asked for.
    const late = { ...mine, id: 'late', createdDate: at(-30_000) };
    await lab.fault('genesys', LIST, { body: { entities: [late], pageCount: 1 } });
    expect(await requests.eraseContact(contactId, began())).toBe('late');
  });

  it('asks anew when the request ended in an error, and says that it failed', async () => {
    const [contactId, since] = [randomUUID(), began()];
    await organization({ gdprOutcome: 'ERROR' });
    const failed = await requests.eraseContact(contactId, since);
    await over();
    expect(await requests.outcomeOf(failed)).toBe('failed');
    await organization({ gdprOutcome: 'COMPLETED' });
    const next = await requests.eraseContact(contactId, since);
    expect(next).not.toBe(failed);
    await over();
    expect(await requests.outcomeOf(next)).toBe('erased');
  });

  it('has failed when nobody knows the request any more', async () => {
    expect(await requests.outcomeOf(randomUUID())).toBe('failed');
  });

  it('is not permitted where either permission is missing', async () => {
    const forbidden = { code: 'genesys.forbidden' };
    for (const match of [LIST, POST]) {
      await lab.fault('genesys', match, { permission: false });
      await expect(requests.eraseContact(randomUUID(), began())).rejects.toMatchObject(forbidden);
    }
    await lab.fault('genesys', '/gdpr/requests/', { permission: false });
    await expect(requests.outcomeOf(randomUUID())).rejects.toMatchObject(forbidden);
  });

  it('comes back for a request that was not named', async () => {
    await lab.fault('genesys', POST, { body: {} });
    await expect(requests.eraseContact(randomUUID(), began())).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
