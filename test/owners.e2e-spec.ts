import { randomBytes } from 'node:crypto';
import { startSandbox } from '../src/sandbox/sandbox.js';
import type { Sandbox } from '../src/sandbox/sandbox.js';
import { newDatabase } from './storage/test-storage.js';
import { Client, aBody, conversationOf, until } from './support/client.js';
import type { GuestAnswer } from './support/client.js';
import { freePort, startProcess } from './support/process.js';
import type { Started } from './support/process.js';

const onPostgres = process.env['TEST_DATABASE_URL'] === undefined ? describe.skip : describe;

type Messages = { items: { text: string; from: string; status: string; attachments: { id: string }[] }[] };
type Frame = { method: string; body: { action?: string; journeyContext?: { customer: { id: string } } } };

onPostgres('two processes, one of which is killed', () => {
  const apiKey = randomBytes(24).toString('base64url');
  const started: Started[] = [];
  let database: Awaited<ReturnType<typeof newDatabase>>;
  let sandbox: Sandbox;
  let controls: Client;
  let one: Client;
  let two: Client;

  beforeAll(async () => {
    database = await newDatabase();
    sandbox = await startSandbox({ port: 0 });
    controls = new Client(`${sandbox.url}/sandbox`);
    const env = {
      ...sandbox.environment,
      LOG_LEVEL: 'warn',
      DATABASE_URL: database.options.databaseUrl!,
      API_KEYS: `test:${apiKey}:*`,
      IDENTITY_KEYS: `k1:${randomBytes(32).toString('base64')}`,
      DATA_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    };
    const start = async (): Promise<Client> => {
      const port = String(await freePort());
      started.push(await startProcess('main.js', { ...env, PORT: port }, /A first guest/));
      return new Client(`http://127.0.0.1:${port}`, apiKey);
    };
    one = await start();
    two = await start();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(started.map((process) => process.stop('SIGKILL')));
    await sandbox?.close();
    await database?.remove();
  });

  /** How often a socket was made this guest's. */
  const sockets = async (guestId: string): Promise<number> =>
    (await controls.get<Frame[]>('/requests')).body.filter(
      ({ method, body }) =>
        method === 'WS' && body.action === 'configureSession' && body.journeyContext?.customer.id === guestId,
    ).length;
  const begun = async (): Promise<GuestAnswer> => {
    const { body } = await one.post<GuestAnswer>('/v1/guests', aBody());
    return guestWhen(one, body.id, ({ genesys, interactionCount }) => genesys.linked && interactionCount === 1);
  };
  const guestWhen = (api: Client, id: string, wanted: (guest: GuestAnswer) => boolean, ms = 20_000) =>
    until(async () => (await api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted, ms);
  const messagesWhen = (api: Client, id: string, wanted: (items: Messages['items']) => boolean, ms = 20_000) =>
    until(async () => (await api.get<Messages>(`/v1/guests/${id}/messages`)).body.items, wanted, ms);

  it('have one socket a guest: what the other is asked for is done on it, in order', async () => {
    const { id } = await begun();
    const texts = Array.from({ length: 6 }, (_, n) => `message ${n}`);
    for (const [n, text] of texts.entries())
      expect((await [two, one][n % 2]!.post(`/v1/guests/${id}/messages`, { text })).status).toBe(202);
    await messagesWhen(two, id, (items) => items.filter(({ status }) => status === 'sent').length === texts.length);
    const customer = (await conversationOf(controls, id)).participants.find(({ purpose }) => purpose === 'customer');
    expect((customer as unknown as { messages: { text: string }[] }).messages.map(({ text }) => text)).toEqual(texts);
    expect((await two.post(`/v1/guests/${id}/close`)).status).toBe(200);
    await guestWhen(two, id, ({ state }) => state === 'closed');
    expect((await conversationOf(controls, id)).state).toBe('disconnected');
    expect(await sockets(id)).toBe(1);
  }, 60_000);

  it('read an agent’s file on either, also when its address has run out: the one with the socket asks for another', async () => {
    const { id } = await begun();
    const files = [
      { fileName: 'a.pdf', fileType: 'application/pdf', base64: Buffer.from('a file').toString('base64') },
    ];
    await controls.post(`/genesys/conversations/${(await conversationOf(controls, id)).id}/messages`, { files });
    const items = await messagesWhen(two, id, (all) => all.some(({ attachments }) => attachments.length > 0));
    const [file] = items.flatMap(({ attachments }) => attachments);
    for (const api of [one, two]) {
      await controls.post('/faults', { target: 'genesys', match: '/downloads', effect: { status: 403 } });
      const { status, body } = await api.get<Buffer>(`/v1/guests/${id}/attachments/${file!.id}/content`);
      expect([status, body.toString()]).toEqual([200, 'a file']);
    }
    expect(await sockets(id)).toBe(1);
  }, 60_000);

  it('lose nothing and count nothing twice when the holder dies: the other goes on in the same session', async () => {
    const guests = await Promise.all(Array.from({ length: 5 }, begun));
    await started[0]!.stop('SIGKILL');
    const conversations = await Promise.all(guests.map(({ id }) => conversationOf(controls, id)));
    for (const { id } of conversations)
      await controls.post(`/genesys/conversations/${id}/messages`, { from: 'agent', text: 'Are you still there?' });
    for (const { id } of guests)
      expect((await two.post(`/v1/guests/${id}/messages`, { text: 'Yes' })).status).toBe(202);
    for (const [n, { id }] of guests.entries()) {
      const items = await messagesWhen(
        two,
        id,
        (all) => all.length === 4 && all.every(({ status }) => status !== 'queued'),
        90_000,
      );
      expect(items.map(({ from }) => from).sort()).toEqual(['agent', 'bot', 'bot', 'guest']);
      expect(await guestWhen(two, id, ({ interactionCount }) => interactionCount >= 4)).toMatchObject({
        interactionCount: 4,
        genesys: { conversationIds: [conversations[n]!.id] },
      });
    }
    // One more for each that the first held: of five the other may have been quicker to begin one.
    const made = await Promise.all(guests.map(({ id }) => sockets(id)));
    expect(made).toContain(2);
    expect(Math.max(...made)).toBe(2);
  }, 120_000);
});
