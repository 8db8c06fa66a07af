import { Lab } from '../../lab.contract.js';

describe('Guests who sign in', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open({ deployment: { signIn: true } })));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  type Given = { jwt: string; refreshToken: string };
  const deploymentId = () => lab.sandbox.connection.genesys.deploymentId;
  const exchange = (oauth: object, fields: object = {}) =>
    lab.http<Given>('POST', '/api/v2/webdeployments/token/oauthcodegrantjwtexchange', {
      ...{ deploymentId: deploymentId(), oauth },
      ...fields,
    });
  const refresh = (refreshToken: string) =>
    lab.http<Given>('POST', '/api/v2/webdeployments/token/refresh', { deploymentId: deploymentId(), refreshToken });
  const redirectUri = 'https://example.com/back';
  const configure = async (jwt: string, token?: string) => {
    const guest = await lab.guest(token);
    const answer = await guest.ask('configureAuthenticatedSession', {
      ...{ deploymentId: deploymentId(), startNew: false, data: { code: jwt } },
    });
    return { guest, answer };
  };

  it('turn a code into a token, once, and that into another', async () => {
    const first = await exchange({ code: 'c-1', redirectUri });
    expect(first.status).toBe(200);
    expect((await exchange({ code: 'c-1', redirectUri })).status).toBe(401);
    const { status, body } = await refresh(first.body.refreshToken);
    expect([status, Object.keys(body)]).toEqual([200, ['jwt']]);
    expect((await refresh('another')).status).toBe(401);
  });

  it('configure their session by it, which nobody else may do then', async () => {
    const { jwt } = (await exchange({ code: 'c-2', redirectUri })).body;
    const { guest, answer } = await configure(jwt);
    expect(answer).toMatchObject({ class: 'SessionResponse', body: { connected: true, newSession: true } });
    expect(await guest.say('It is me')).toMatchObject({ class: 'StructuredMessage' });
    expect(await (await lab.guest(guest.token)).configure()).toMatchObject({ code: 4017 });
    expect((await configure(jwt, guest.token)).answer).toMatchObject({ body: { newSession: false } });
  });

  it('are refused with a token that has ended, or is none', async () => {
    await lab.http('PATCH', '/sandbox/genesys/deployment', { signInMs: 1 });
    const { jwt } = (await exchange({ code: 'c-3', redirectUri })).body;
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const each of [jwt, 'no.jwt.atall', 'nonsense', '']) {
      const { answer } = await configure(each);
      expect(answer).toMatchObject({ class: 'string', code: 401 });
    }
  });

  it('are refused where nobody may sign in, and what is not asked as it should be', async () => {
    for (const oauth of [{}, { code: 'c' }, { redirectUri }, { code: '', redirectUri }, { code: 7, redirectUri }])
      expect((await exchange(oauth)).status).toBe(400);
    expect((await exchange({ code: 'c-4', redirectUri }, { deploymentId: 'another' })).status).toBe(404);
    await lab.http('PATCH', '/sandbox/genesys/deployment', { signIn: false });
    expect((await exchange({ code: 'c-4', redirectUri })).status).toBe(400);
    expect((await configure('x')).answer).toMatchObject({ code: 4000 });
  });

  it('show neither code nor token in what was received', async () => {
    const { jwt, refreshToken } = (await exchange({ code: 'very-secret-code', redirectUri })).body;
    await refresh(refreshToken);
    await configure(jwt);
    const shown = JSON.stringify(await lab.requests());
    for (const secret of ['very-secret-code', refreshToken, jwt]) expect(shown).not.toContain(secret);
  });
});
