import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { WebSocket } from 'ws';

type Genesys = Record<'apiUrl' | 'webmessagingUrl' | 'deploymentId' | 'origin' | 'clientId' | 'clientSecret', string>;
type Frame = {
  readonly class: string;
  readonly code: number;
  readonly tracingId?: string;
  readonly body: { id: string; text?: string; direction?: string; newSession?: boolean };
};

const root = join(__dirname, '..');
const docs = readFileSync(join(root, 'docs', 'sandbox.md'), 'utf8');
const blocks = (language: string): string[] =>
  [...docs.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\\n\`\`\``, 'g'))].map(([, text = '']) => text);

/** The clients here know the sandbox by its address and its manual alone. */
describe('npx guest-manager sandbox, for whoever knows only its manual', () => {
  let command: ChildProcess;
  let genesys: Genesys;
  let port: string;

  beforeAll(async () => {
    command = spawn(process.execPath, [join(root, 'scripts', 'guest-manager.js'), 'sandbox'], {
      env: { PATH: process.env['PATH'], SANDBOX_PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    while (!/CRM_AUTH_TOKEN=/.test(printed)) printed += String((await once(command.stdout!, 'data'))[0]);
    const url = /^GENESYS_GATEWAY_URL=(.*)$/m.exec(printed)?.[1] ?? '';
    port = new URL(url).port;
    ({ genesys } = (await (await fetch(`${url}/sandbox`)).json()) as { genesys: Genesys });
  }, 120_000);

  afterAll(async () => {
    const exited = once(command, 'exit');
    command.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  });

  /** A guest with nothing but a WebSocket. */
  async function aGuest() {
    const { webmessagingUrl, deploymentId, origin } = genesys;
    const socket = new WebSocket(`${webmessagingUrl}/v1?deploymentId=${deploymentId}`, { headers: { Origin: origin } });
    await once(socket, 'open');
    const frames: Frame[] = [];
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as Frame));
    const heard = async (fits: (frame: Frame) => boolean): Promise<Frame> => {
      for (let found = frames.find(fits); ; found = frames.find(fits)) {
        if (found !== undefined) return found;
        await once(socket, 'message', { signal: AbortSignal.timeout(10_000) });
      }
    };
    return { socket, heard };
  }

  it('speaks the guest protocol with the frames of the manual, over a bare WebSocket', async () => {
    const { socket, heard } = await aGuest();
    const token = crypto.randomUUID();
    const [configure = '', message = ''] = blocks('json');
    socket.send(configure.replace('<a UUID of yours>', token).replace('…', genesys.deploymentId));
    expect((await heard((frame) => frame.class === 'SessionResponse')).body).toMatchObject({ newSession: true });
    socket.send(message.replace('<the same>', token));
    const echo = await heard((frame) => frame.tracingId === '1');
    expect(echo).toMatchObject({ class: 'StructuredMessage', body: { text: 'Hello', direction: 'Inbound' } });
    await heard((frame) => frame.body.direction === 'Outbound');
    socket.close();
  });

  it('answers the official SDK as it is in the manual, in a process of its own', async () => {
    const [manual = ''] = blocks('js');
    const script = `(async (clientId, clientSecret) => {
      ${manual.replace('3999', port)}
      const who = await new platformClient.TokensApi().getTokensMe();
      const unknown = await api.getConversationsMessageDetails('${'0'.repeat(32)}').catch(({ code }) => code);
      console.log(JSON.stringify([who.OAuthClient.id, unknown]));
    })(${JSON.stringify(genesys.clientId)}, ${JSON.stringify(genesys.clientSecret)});`;
    const env = { PATH: process.env['PATH'], HOME: tmpdir() };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { cwd: root, env, timeout: 30_000 });
    expect(JSON.parse(stdout)).toEqual([genesys.clientId, 'not.found']);
  });

  it('answers the official SDK with a base path and a token', async () => {
    const { clientId, clientSecret } = genesys;
    const login = await fetch(`${genesys.apiUrl}/oauth/token`, {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    const { access_token } = (await login.json()) as { access_token: string };
    const script = `
      const platformClient = require('purecloud-platform-client-v2');
      const client = platformClient.ApiClient.instance;
      client.config.basePath = ${JSON.stringify(genesys.apiUrl)};
      client.setAccessToken(${JSON.stringify(access_token)});
      new platformClient.UtilitiesApi().getDate().then(({ currentDate }) => console.log(currentDate));`;
    const env = { PATH: process.env['PATH'], HOME: tmpdir() };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { cwd: root, env, timeout: 30_000 });
    expect(Date.parse(stdout.trim())).toBeGreaterThan(0);
  });
});
