import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aBody, until } from './support/client.js';
import type { GuestAnswer, ProblemAnswer } from './support/client.js';
import { suiteService } from './support/service.js';

const running = suiteService();
beforeAll(() => running.sandbox.call('PATCH', '/genesys/deployment', { signIn: true }));

const codes: string[] = [];
const aCode = () => {
  codes.push(`code-of-${randomUUID()}`);
  return { code: codes.at(-1)!, redirectUri: 'https://example.com/back', codeVerifier: 'v'.repeat(43), nonce: 'n-1' };
};
const create = <T = GuestAnswer>(parts: Record<string, unknown>) => running.api.post<T>('/v1/guests', aBody(parts));
const guestWhen = (id: string, wanted: (guest: GuestAnswer) => boolean) =>
  until(async () => (await running.api.get<GuestAnswer>(`/v1/guests/${id}`)).body, wanted);
type Seen = { path: string; method: string; body: { action?: string; oauth?: object } };
const exchanges = async (): Promise<Seen[]> =>
  (await running.sandbox.get<Seen[]>('/requests')).body.filter(({ path }) =>
    path.endsWith('/token/oauthcodegrantjwtexchange'),
  );
const actions = async (): Promise<unknown[]> =>
  (await running.sandbox.get<Seen[]>('/requests')).body
    .filter(({ method }) => method === 'WS')
    .map(({ body }) => body.action);

describe('a guest who has signed in at the page', () => {
  it('is known to Genesys as who they are: the code is exchanged once, whatever is asked at the same time', async () => {
    const before = (await exchanges()).length;
    const { status, body } = await create({ authenticate: aCode() });
    expect(status).toBe(201);
    expect(body).not.toHaveProperty('authenticate');
    await Promise.all(['One', 'Two'].map((text) => running.api.post(`/v1/guests/${body.id}/messages`, { text })));
    await guestWhen(body.id, ({ genesys, interactionCount }) => genesys.linked && interactionCount >= 4);
    const made = (await exchanges()).slice(before);
    expect(made).toHaveLength(1);
    expect(made[0]!.body.oauth).toMatchObject({ redirectUri: 'https://example.com/back', nonce: 'n-1' });
    const asked = await actions();
    expect(asked).toContain('configureAuthenticatedSession');
    expect(asked).not.toContain('configureSession');
    expect((await running.api.post(`/v1/guests/${body.id}/close`)).status).toBe(200);
    expect(await guestWhen(body.id, ({ state }) => state === 'closed')).toMatchObject({ closeReason: 'api' });
  });

  it('waits while Genesys cannot be asked, and is known then', async () => {
    await running.sandbox.post('/faults', {
      ...{ target: 'genesys', match: '/oauthcodegrantjwtexchange', effect: { status: 503 }, times: 2 },
    });
    const { body } = await create({ authenticate: aCode() });
    await guestWhen(body.id, ({ state }) => state === 'active');
  });

  it('cannot start when the code is not taken', async () => {
    const authenticate = aCode();
    await guestWhen((await create({ authenticate })).body.id, ({ state }) => state === 'active');
    const { body } = await create({ authenticate });
    expect(await guestWhen(body.id, ({ state }) => state === 'failed')).toMatchObject({ closeReason: 'refused' });
  });

  it.each([
    ['no code', { redirectUri: 'https://example.com/back' }, '/authenticate/code'],
    ['an empty code', { code: '', redirectUri: 'https://example.com/back' }, '/authenticate/code'],
    ['a code that is no text', { code: 7, redirectUri: 'https://example.com/back' }, '/authenticate/code'],
    ['no address', { code: 'c' }, '/authenticate/redirectUri'],
    ['an address that is none', { code: 'c', redirectUri: 'back' }, '/authenticate/redirectUri'],
    [
      'a verifier too short',
      { code: 'c', redirectUri: 'app://back', codeVerifier: 'short' },
      '/authenticate/codeVerifier',
    ],
    ['what nobody knows', { code: 'c', redirectUri: 'app://back', password: 'x' }, '/authenticate/password'],
    ['a text in its place', 'code', '/authenticate'],
  ])('is refused with %s', async (_, authenticate, pointer) => {
    const { status, body } = await create<ProblemAnswer>({ authenticate });
    expect(status).toBe(400);
    expect(body.errors?.map((error) => error.pointer)).toContain(pointer);
  });

  it('signs in in the Messenger of the page, where that holds the conversation', async () => {
    const { status, body } = await create<ProblemAnswer>({ mode: 'widget', authenticate: aCode() });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'guest.widget_signs_in_itself', errors: [{ pointer: '/authenticate' }] });
  });

  it('leaves no code in the log or on disk, nor what it was exchanged for', () => {
    expect(codes.filter((code) => running.log().includes(code))).toEqual([]);
    expect(running.log()).not.toMatch(/eyJ[\w-]+\.[\w-]+\./);
    const files = readdirSync(running.dataDir, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    );
    expect(files.length).toBeGreaterThan(10);
    const secret = /code-of-|eyJ[\w-]{10,}\.[\w-]+\./;
    const traces = files.filter(({ parentPath, name }) =>
      secret.test(readFileSync(join(parentPath, name)).toString('latin1')),
    );
    expect(traces.map(({ name }) => name)).toEqual([]);
  });
});
