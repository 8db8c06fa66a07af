import { beginning, checkChain } from '../src/modules/audit/audit.js';
import type { Entry, Subject } from '../src/modules/audit/audit.js';
import { Apart } from './support/apart.js';
import { aBody, conversationOf, until } from './support/client.js';
import type { Client, GuestAnswer } from './support/client.js';
import { startReceiver } from './support/receiver.js';

describe('a service that is killed while creating guests', () => {
  let apart: Apart;
  let sandbox: Client;
  beforeAll(async () => {
    apart = await Apart.open();
    ({ sandbox } = apart);
  }, 30_000);
  afterAll(() => apart?.close());

  it('answers a repeat after it as it answered the first before it, byte for byte', async () => {
    const before = await apart.service();
    const key = { 'idempotency-key': 'across-a-kill' };
    const body = aBody({ mode: 'widget', email: 'across-a-kill@example.com' });
    const first = await before.api.post<GuestAnswer>('/v1/guests', body, key);
    await before.service.stop('SIGKILL');
    const { api, service } = await apart.service();
    const again = await api.post<GuestAnswer>('/v1/guests', body, key);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(JSON.stringify(again.body)).toBe(JSON.stringify(first.body));
    for (const name of ['etag', 'location']) expect(again.headers.get(name)).toBe(first.headers.get(name));
    expect((await api.post('/v1/guests', aBody(), key)).status).toBe(422);
    await service.stop('SIGKILL');
  });

  it('has every acknowledged guest afterwards, with its audit entry, and the CRM has each of them once', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round++) {
      const { api, service } = await apart.service();
      let alive = true;
      const callers = Array.from({ length: 8 }, async (_, n) => {
        for (let i = 0; alive; i++) {
          const email = `guest-${round}-${n}-${i}@example.com`;
          const mode = i % 10 === 0 ? 'server' : 'widget';
          const answer = await api.post<GuestAnswer>('/v1/guests', aBody({ mode, email })).catch(() => null);
          if (answer?.status === 201) acknowledged.push(answer.body.id);
        }
      });
      const enough = acknowledged.length + 50 * (round + 1);
      await until(
        () => Promise.resolve(acknowledged.length),
        (count) => count >= enough,
        30_000,
      );
      await service.stop('SIGKILL');
      alive = false;
      await Promise.all(callers);
    }
    const { api, service: last } = await apart.service();
    const records = await until(
      async () =>
        (await sandbox.get<{ externalId: string }[]>('/crm/rest/records')).body.map((record) => record.externalId),
      (ids) => acknowledged.every((id) => ids.includes(id)),
      60_000,
    );
    expect(new Set(records).size).toBe(records.length);
    // What was delivered when a process died may be sent again, which changes nothing; nothing else may.
    const sent = (await sandbox.get<{ body: { records?: { externalId: string }[] } }[]>('/requests')).body.flatMap(
      ({ body }) => body?.records?.map(({ externalId }) => externalId) ?? [],
    );
    expect(sent.length - new Set(sent).size).toBeLessThanOrEqual(3 * 200 + acknowledged.length / 10);
    for (const id of acknowledged) {
      expect((await api.get(`/v1/guests/${id}`)).status).toBe(200);
      const subject: Subject = `guest:${id}`;
      const { items } = (
        await api.get<{ items: (Entry & { event: string })[] }>(`/v1/audit/entries?subject=${subject}`)
      ).body;
      expect(items[0]).toMatchObject({ event: 'GUEST_CREATED', sequence: 1, previousHash: beginning(subject).hash });
      expect(
        checkChain(
          subject,
          items.map((entry) => ({ ...entry, sealed: null })),
        ),
      ).toMatchObject({ ok: true });
    }
    await last.stop('SIGTERM');
  }, 180_000);

  it('resumes the sessions of its guests where they were: nothing said meanwhile is lost, nothing is counted twice', async () => {
    const before = await apart.service();
    const { body: guest } = await before.api.post<GuestAnswer>('/v1/guests', aBody());
    const linked = ({ body }: { body: GuestAnswer }): boolean => body.genesys.linked && body.interactionCount === 1;
    await until(() => before.api.get<GuestAnswer>(`/v1/guests/${guest.id}`), linked);
    const conversation = await conversationOf(sandbox, guest.id);
    await before.service.stop('SIGKILL');
    await sandbox.post(`/genesys/conversations/${conversation.id}/messages`, {
      from: 'agent',
      text: 'Are you still there?',
    });

    const { api, service } = await apart.service();
    await api.post(`/v1/guests/${guest.id}/messages`, { text: 'Yes' });
    const { items } = await until(
      async () =>
        (await api.get<{ items: { from: string; text: string; status: string }[] }>(`/v1/guests/${guest.id}/messages`))
          .body,
      ({ items: all }) => all.length === 4 && all.every(({ status }) => status !== 'queued'),
      100_000,
    );
    expect(items.map(({ from }) => from).sort()).toEqual(['agent', 'bot', 'bot', 'guest']);
    expect((await api.get<GuestAnswer>(`/v1/guests/${guest.id}`)).body).toMatchObject({
      interactionCount: 4,
      genesys: { conversationIds: [conversation.id] },
    });
    await service.stop('SIGTERM');
  }, 180_000);

  it('sends a webhook again that it was sending when it died, under the same id', async () => {
    const receiver = await startReceiver(() => 'silent');
    const before = await apart.service();
    const body = { url: receiver.url, events: ['guest.created'] };
    expect((await before.api.post('/v1/webhook-endpoints', body)).status).toBe(201);
    await before.api.post('/v1/guests', aBody({ mode: 'widget' }));
    await until(
      async () => receiver.received,
      ({ length }) => length === 1,
    );
    await before.service.stop('SIGKILL');
    receiver.answer = () => ({ status: 200 });
    await apart.service();
    const [lost, repeated] = await until(
      async () => receiver.received,
      ({ length }) => length === 2,
      60_000,
    );
    expect(repeated!.headers['webhook-id']).toBe(lost!.headers['webhook-id']);
    expect(repeated!.body).toBe(lost!.body);
    await receiver.close();
  }, 120_000);
});
