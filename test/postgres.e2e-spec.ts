import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { readConfig } from '../src/config.js';
import { PinoLogger } from '../src/logging.js';
import { startSandbox } from '../src/sandbox/sandbox.js';
import type { Sandbox } from '../src/sandbox/sandbox.js';
import { startService } from '../src/service.js';
import type { Service } from '../src/service.js';
import { newDatabase } from './storage/test-storage.js';
import { Client, aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { EventReader } from './support/event-reader.js';

const onPostgres = process.env['TEST_DATABASE_URL'] === undefined ? describe.skip : describe;

onPostgres('two instances on one PostgreSQL', () => {
  const apiKey = randomBytes(24).toString('base64url');
  const services: Service[] = [];
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let sandbox: Sandbox;
  let controls: Client;
  let one: Client;
  let two: Client;

  beforeAll(async () => {
    database = await newDatabase();
    sandbox = await startSandbox({ port: 0 });
    controls = new Client(`${sandbox.url}/sandbox`);
    const config = readConfig({
      ...sandbox.environment,
      NODE_ENV: 'test',
      PORT: '0',
      DATABASE_URL: database.options.databaseUrl!,
      API_KEYS: `test:${apiKey}:*`,
      IDENTITY_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      DATA_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    });
    const silent = new PinoLogger('warn', new Writable({ write: (_chunk, _encoding, done) => done() }));
    services.push(await startService(config, silent), await startService(config, silent));
    [one, two] = services.map(({ url }) => new Client(url, apiKey)) as [Client, Client];
  }, 60_000);
  afterAll(async () => {
    await Promise.all(services.map((service) => service.close()));
    await sandbox?.close();
    await database?.remove();
  });

  it('know the same guests, and neither overwrites the other', async () => {
    const { body: guest } = await one.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget' }));
    const writers = Array.from({ length: 40 }, (_, n) =>
      [one, two][n % 2]!.patch(`/v1/guests/${guest.id}`, { attributes: { source: `w${n}` } }, { 'if-match': '*' }),
    );
    expect((await Promise.all(writers)).map(({ status }) => status)).toEqual(Array<number>(40).fill(200));
    expect((await two.get<GuestAnswer>(`/v1/guests/${guest.id}`)).body.version).toBe(41);
  });

  it('let the latest decision stand, whichever of them hears it and in whatever order', async () => {
    for (let round = 0; round < 5; round++) {
      const { body: guest } = await one.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget' }));
      const path = `/v1/guests/${guest.id}`;
      await new Promise((resolve) => setTimeout(resolve, 25));
      const now = Date.now();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          [one, two][n % 2]!.post(`${path}/consents`, {
            purpose: 'marketing',
            decision: n % 3 === 0 ? 'granted' : 'withdrawn',
            method: 'form',
            at: new Date(now - ((n * 7 + round) % 20)).toISOString(),
          }),
        ),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 409]));
      const { items } = (
        await two.get<{ items: { at: string; decision: string; purpose: string }[] }>(`${path}/consents`)
      ).body;
      const marketing = items.filter(({ purpose }) => purpose === 'marketing');
      expect(marketing.map(({ at }) => at)).toEqual(marketing.map(({ at }) => at).sort());
      const { consent } = (await one.get<{ consent: { marketing: boolean } }>(path)).body;
      expect(consent.marketing).toBe(marketing.at(-1)!.decision === 'granted');
      expect(Date.parse(marketing.at(-1)!.at)).toBe(now);
    }
  });

  it('do a request once for one Idempotency-Key, whichever of them gets it', async () => {
    const key = { 'idempotency-key': 'across-instances' };
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        [one, two][n % 2]!.post<GuestAnswer>('/v1/guests', aBody({ mode: 'widget' }), key),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(201));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    for (const name of ['etag', 'location'])
      expect(new Set(answers.map(({ headers }) => headers.get(name))).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')).toHaveLength(9);
    const { body } = await two.get<{ items: GuestAnswer[] }>('/v1/guests');
    expect(body.items.filter(({ id }) => id === answers[0]!.body.id)).toHaveLength(1);
    for (const api of [one, two])
      expect((await api.post('/v1/guests', aBody({ mode: 'widget', attributes: { source: 'ads' } }), key)).status).toBe(
        422,
      );
  });

  it('bring every guest to the CRM once, sharing the work', async () => {
    const ids = await Promise.all(
      Array.from({ length: 120 }, async (_, n) => {
        const { body } = await [one, two][n % 2]!.post<GuestAnswer>(
          '/v1/guests',
          aBody({ mode: 'widget', email: `g${n}@example.com` }),
        );
        return body.id;
      }),
    );
    await until(
      async () =>
        (await controls.get<{ externalId: string }[]>('/crm/rest/records')).body.map(({ externalId }) => externalId),
      (held) => ids.every((id) => held.includes(id)),
      30_000,
    );
    const sent = (
      await controls.get<{ target: string; body: { records?: { externalId: string }[] } | null }[]>('/requests')
    ).body
      .filter(({ target }) => target === 'crm/rest')
      .flatMap(({ body }) => body?.records?.map(({ externalId }) => externalId) ?? []);
    expect(sent.filter((id) => ids.includes(id))).toHaveLength(ids.length);
  }, 60_000);

  it('tell whoever follows a guest at one what was said at the other, and go on where the other stopped', async () => {
    const { body: guest } = await one.post<GuestAnswer>('/v1/guests', aBody());
    const { id } = await conversationOf(controls, guest.id);
    const open = (service: Service, lastEventId?: string) =>
      EventReader.open(`${service.url}/v1/guests/${guest.id}/events`, apiKey, lastEventId);
    const readers = await Promise.all(services.map((service) => open(service)));
    const seen: (string | null | undefined)[] = [];
    const wanted: string[] = [];
    let reader = readers[0]!;
    for (let round = 0; round < 6; round++) {
      const text = `text ${round}`;
      wanted.push(text);
      await controls.post(`/genesys/conversations/${id}/messages`, { from: 'agent', text });
      for (const each of [...readers, reader])
        await each.until(() => each.messages.some(({ data }) => data.text === text));
      const { lastId } = reader;
      seen.push(...reader.messages.filter(({ data }) => data.from === 'agent').map(({ data }) => data.text));
      if (round > 0) await reader.hangUp();
      reader = await open(services[(round + 1) % 2]!, lastId);
    }
    expect(seen).toEqual(wanted);
    await Promise.all([reader, ...readers].map((each) => each.hangUp()));
  }, 30_000);

  it('count each message once, whichever of them was asked to send it', async () => {
    const { body: guest } = await one.post<GuestAnswer>('/v1/guests', aBody());
    await conversationOf(controls, guest.id);
    for (const [n, api] of [one, two, one, two].entries())
      expect((await api.post(`/v1/guests/${guest.id}/messages`, { text: `message ${n}` })).status).toBe(202);
    const { items } = await until(
      async () =>
        (await two.get<{ items: { text: string; status: string }[] }>(`/v1/guests/${guest.id}/messages`)).body,
      ({ items: all }) => all.length === 9 && all.every(({ status }) => status !== 'queued'),
      20_000,
    );
    expect(items.filter(({ status }) => status === 'sent').map(({ text }) => text)).toEqual([
      'message 0',
      'message 1',
      'message 2',
      'message 3',
    ]);
    expect((await one.get<GuestAnswer>(`/v1/guests/${guest.id}`)).body.interactionCount).toBe(9);
  }, 30_000);
});
