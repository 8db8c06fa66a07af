import { WebhookSender } from './webhook.sender.js';

export type WebhookReceived = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
};

export type WebhookSenderLab = {
  readonly sender: WebhookSender;
  /** Where somebody listens, without a final slash. */
  readonly url: string;
  /** What arrived there, oldest first. */
  received(): readonly WebhookReceived[];
  /** How it answers from now on. `silent`: it takes everything and says nothing; `drop`: it hangs up. */
  answer(
    how:
      | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
      | 'silent'
      | 'drop',
  ): void;
  /** How long the sender waits for it, in milliseconds. */
  readonly timeoutMs: number;
  close(): Promise<void>;
};

/** What every `WebhookSender` promises. */
export function webhookSenderContract(openLab: () => Promise<WebhookSenderLab>): void {
  let lab: WebhookSenderLab;
  beforeAll(async () => void (lab = await openLab()));
  afterAll(() => lab.close());

  const BODY = '{"type":"guest.created","data":{"name":"Valéry"}}';
  const post = (path = '/hooks?x=1', body = BODY) =>
    lab.sender.post(lab.url + path, { 'content-type': 'application/json', 'webhook-id': 'id-1' }, body);

  it('posts the very bytes it was given, with the headers it was given', async () => {
    lab.answer({ status: 200 });
    expect(await post()).toBe(200);
    expect(lab.received().at(-1)).toMatchObject({
      method: 'POST',
      path: '/hooks?x=1',
      headers: { 'content-type': 'application/json', 'webhook-id': 'id-1' },
      body: BODY,
    });
  });

  it.each([200, 204, 299, 400, 404, 410, 429, 500, 503])(
    'answers with the status, whatever it is: %i',
    async (status) => {
      lab.answer({ status, body: status === 204 ? '' : 'x'.repeat(1_000_000) });
      expect(await post()).toBe(status);
    },
  );

  it.each([301, 302, 307, 308])('does not follow a redirect: %i', async (status) => {
    const before = lab.received().length;
    lab.answer({ status, headers: { location: `${lab.url}/elsewhere` } });
    expect(await post()).toBe(status);
    expect(lab.received()).toHaveLength(before + 1);
  });

  it('gives up on a receiver that does not answer in time', async () => {
    lab.answer('silent');
    const startedAt = performance.now();
    await expect(post()).rejects.toMatchObject({ kind: 'unavailable', code: 'webhook.timeout' });
    expect(performance.now() - startedAt).toBeLessThan(lab.timeoutMs + 2_000);
  });

  it('says so when the receiver hangs up, and when there is none', async () => {
    lab.answer('drop');
    const silent = { kind: 'unavailable', code: 'webhook.silent' };
    await expect(post()).rejects.toMatchObject(silent);
    await expect(lab.sender.post('http://127.0.0.1:1/', {}, BODY)).rejects.toMatchObject(silent);
  });

  it('says nothing of the address in its errors', async () => {
    lab.answer('drop');
    const error = await post('/secret-path').catch((thrown: unknown) => thrown as Error);
    expect(JSON.stringify([error, (error as Error).message, String((error as Error).cause)])).not.toMatch(
      /secret-path|127\.0\.0\.1/,
    );
  });
}
