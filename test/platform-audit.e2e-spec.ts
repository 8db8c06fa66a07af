import { until } from './support/client.js';
import type { ProblemAnswer } from './support/client.js';
import { suiteService } from './support/service.js';

type Entry = { id: string; at: string; entityType: string; action: string; changed: string[] };
type Page = { items: Entry[]; nextCursor: string | null };

const DAY_MS = 24 * 3_600_000;

const { api, sandbox } = suiteService();

const ask = (query: Record<string, string | number> = {}) => {
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  const all = { service: 'WebDeployments', from: at(-3_600_000), until: at(60_000), ...query };
  const text = new URLSearchParams(Object.entries(all).map(([name, value]): [string, string] => [name, String(value)]));
  return api.get<Page & ProblemAnswer & { queryId?: string }>(`/v1/audit/platform?${text.toString()}`);
};
const configure = (settings: object) => sandbox.patch('/genesys/deployment', settings, {});
const longAgo = { from: new Date(Date.now() - 30 * DAY_MS).toISOString() };
const requests = async (path: string) =>
  (await sandbox.get<{ path: string }[]>('/requests')).body.filter((each) => each.path.endsWith(path)).length;

describe('Genesys Cloud’s own audit', () => {
  it('is read at once where it can be, page by page, newest first', async () => {
    for (const autoStart of [false, true, true]) await configure({ autoStart });
    const first = await ask({ limit: 2 });
    expect(first.status).toBe(200);
    expect(first.body.items).toHaveLength(2);
    expect(first.body.items[0]).toMatchObject({
      entityType: 'Configuration',
      action: 'Update',
      status: 'SUCCESS',
      changed: ['autoStart'],
    });
    const second = await ask({ limit: 2, cursor: first.body.nextCursor! });
    const all = [...first.body.items, ...second.body.items];
    expect([all.length, second.body.nextCursor, new Set(all.map(({ id }) => id)).size]).toEqual([3, null, 3]);
    expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).toSorted((a, b) => (a < b ? 1 : -1)));
    // Neither addresses nor values that were changed.
    expect(JSON.stringify(all)).not.toMatch(/198\.51\.100\.7|before|after/);
  });

  it('is filtered by what, which and how', async () => {
    expect((await ask({ entityType: 'Deployment' })).body.items).toEqual([]);
    expect((await ask({ entityType: 'Configuration', action: 'Update' })).body.items.length).toBeGreaterThan(0);
    expect((await ask({ entityId: 'nobody' })).body.items).toEqual([]);
  });

  it('is waited for a moment when it takes its time, page by page as well', async () => {
    const first = await ask({ ...longAgo, limit: 2 });
    expect([first.status, first.body.items.length]).toEqual([200, 2]);
    const second = await ask({ ...longAgo, limit: 2, cursor: first.body.nextCursor! });
    expect([second.status, second.body.items.length, second.body.nextCursor]).toEqual([200, 1, null]);
    expect((await ask({ service: 'Conversations' })).status).toBe(200);
  });

  it('is answered with where to look when that takes longer', async () => {
    await sandbox.post('/faults', {
      target: 'genesys',
      match: '/audits/query/',
      effect: { status: 200, body: { state: 'Running' } },
      times: 1_000,
    });
    // What services there are is known by now.
    const answer = await ask(longAgo);
    expect(answer.status).toBe(202);
    const place = answer.headers.get('location')!;
    expect(place).toBe(`/v1/audit/platform/queries/${answer.body.queryId}`);
    expect((await api.get(place)).status).toBe(202);
    await sandbox.call('DELETE', '/faults');
    const done = await until(
      () => api.get<Page>(place),
      ({ status }) => status === 200,
    );
    expect(done.body.items).toHaveLength(3);
    expect((await api.get(place.replace(/.{4}$/, '0000'))).status).toBe(404);
  });

  it('says so when a query failed', async () => {
    await sandbox.post('/faults', {
      target: 'genesys',
      match: '/audits/query/',
      effect: { status: 200, body: { state: 'Failed' } },
      times: 1_000,
    });
    const { status, body } = await ask(longAgo);
    expect([status, body.code]).toEqual([502, 'audit.query_failed']);
  });

  it('asks for nothing that is not audited, and says what is', async () => {
    const wrong: [Record<string, string>, string, RegExp][] = [
      [{ service: 'Guests' }, '/service', /Conversations, ExternalContacts, GDPR, WebDeployments/],
      [{ entityType: 'Guest' }, '/entityType', /Configuration, Deployment/],
      [{ action: 'Dance' }, '/action', /Create, Delete, Update/],
      [{ until: '2020-01-01T00:00:00Z' }, '/until', /later/],
      [{ cursor: 'mine' }, '/cursor', /none of ours/],
      [{ from: 'yesterday' }, '/from', /RFC 3339/],
      [{ from: '2026-11-21' }, '/from', /RFC 3339/],
      [{ from: '2026-11-21T09:00:00' }, '/from', /RFC 3339/],
      [{ from: '20261121T090000Z' }, '/from', /RFC 3339/],
      [{ until: '2026-W47-6' }, '/until', /RFC 3339/],
      [{ from: '2026-02-30T09:00:00Z' }, '/from', /exists/],
    ];
    for (const [query, pointer, message] of wrong) {
      const { status, body } = await ask(query);
      expect([status, [...new Set(body.errors?.map((error) => error.pointer))]]).toEqual([400, [pointer]]);
      expect(body.errors!.map((error) => error.message).join()).toMatch(message);
    }
  });

  it('learns what there is once an hour', async () => {
    await ask();
    const before = await requests('/servicemapping');
    for (let times = 0; times < 3; times++) await ask();
    expect(await requests('/servicemapping')).toBe(before);
  });

  it('says in words when our client may not read it', async () => {
    await sandbox.post('/faults', { target: 'genesys', match: '/audits/', effect: { permission: false }, times: 10 });
    const { status, body } = await ask();
    expect([status, body.code]).toEqual([503, 'audit.not_permitted']);
  });

  it('leaves an entry of ours when it is read', async () => {
    await ask();
    const { body } = await api.get<{ items: { event: string; changes: object }[] }>(
      '/v1/audit/entries?subject=system:audit&limit=500',
    );
    expect(body.items.filter(({ event }) => event === 'PLATFORM_AUDIT_READ').at(-1)!.changes).toEqual({
      service: 'WebDeployments',
      entityType: null,
      entries: 3,
    });
  });
});
