import type { LookupAddress } from 'node:dns';
import { connect } from 'node:net';
import { once } from 'node:events';
import { startReceiver } from '../../../test/support/receiver.js';
import type { Receiver } from '../../../test/support/receiver.js';
import { webhookSenderContract } from '../../modules/webhooks/ports/webhook.sender.contract.js';
import { guardedLookup } from './guarded-lookup.js';
import type { Resolver } from './guarded-lookup.js';
import { HttpWebhookSender } from './http-webhook.sender.js';

const TIMEOUT_MS = 400;
const SANDBOX = { loopback: true };
const FOR_REAL = { loopback: false };

describe('HttpWebhookSender', () =>
  webhookSenderContract(async () => {
    const receiver = await startReceiver();
    return {
      sender: new HttpWebhookSender({ reach: SANDBOX, timeoutMs: TIMEOUT_MS }),
      url: receiver.url,
      received: () => receiver.received,
      answer: (how) => (receiver.answer = () => how),
      timeoutMs: TIMEOUT_MS,
      close: () => receiver.close(),
    };
  }));

/** A name server that says what the test says, in turn, and counts how often it was asked. */
function nameServer(...answers: readonly string[][]): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolver = (hostname, done) => {
    asked.push(hostname);
    const addresses = answers[Math.min(asked.length, answers.length) - 1]!;
    done(
      null,
      addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return Object.assign(resolve, { asked });
}

const refused = { kind: 'refused', code: 'webhook.address_refused' };

describe('an address nothing may be sent to', () => {
  let receiver: Receiver;
  beforeAll(async () => void (receiver = await startReceiver()));
  afterAll(() => receiver.close());
  const port = (): string => new URL(receiver.url).port;

  it.each([
    '127.0.0.1',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '224.0.0.1',
    '::1',
    'fe80::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ])('is refused when a public name stands for it: %s', async (address) => {
    const sender = new HttpWebhookSender({ reach: FOR_REAL, resolver: nameServer([address]) });
    await expect(sender.post(`https://hooks.example.com:${port()}/`, {}, '{}')).rejects.toMatchObject(refused);
    await expect(
      new HttpWebhookSender({ reach: FOR_REAL }).post(
        `https://${address.includes(':') ? `[${address}]` : address}:${port()}/`,
        {},
        '{}',
      ),
    ).rejects.toMatchObject(refused);
    expect(receiver.received).toEqual([]);
  });

  it('is refused when it stands beside a public one, and when the name stands for nothing', async () => {
    for (const addresses of [['8.8.8.8', '127.0.0.1'], ['::1', '2606:4700:4700::1111'], []])
      await expect(
        new HttpWebhookSender({ reach: FOR_REAL, resolver: nameServer(addresses) }).post(
          `https://hooks.example.com:${port()}/`,
          {},
          '{}',
        ),
      ).rejects.toMatchObject(refused);
    expect(receiver.received).toEqual([]);
  });

  it('is refused in a sandbox too, unless it is this machine', async () => {
    const sender = (address: string) => new HttpWebhookSender({ reach: SANDBOX, resolver: nameServer([address]) });
    for (const address of ['10.0.0.1', '169.254.169.254', '::ffff:127.0.0.1', 'fe80::1'])
      await expect(sender(address).post(`http://localhost:${port()}/`, {}, '{}')).rejects.toMatchObject(refused);
    expect(await sender('127.0.0.1').post(`http://localhost:${port()}/`, {}, '{}')).toBe(204);
  });

  it('is refused when it was registered in a sandbox that is none any more', async () => {
    const sender = new HttpWebhookSender({ reach: FOR_REAL });
    for (const url of [receiver.url, `http://localhost:${port()}/`])
      await expect(sender.post(url, {}, '{}')).rejects.toMatchObject(refused);
  });
});

describe('a name that stands for something else a moment later', () => {
  it('is looked up once for an attempt, and the connection is made to the address that was checked', async () => {
    // Whoever asked again, to check or to connect, would be told of an address that is closed.
    const receiver = await startReceiver();
    const resolver = nameServer(['127.0.0.1'], ['10.0.0.1']);
    const sender = new HttpWebhookSender({ reach: SANDBOX, resolver });
    expect(await sender.post(`http://localhost:${new URL(receiver.url).port}/`, {}, '{}')).toBe(204);
    expect({ reached: receiver.received.length, asked: resolver.asked }).toEqual({ reached: 1, asked: ['localhost'] });
    await receiver.close();
  });

  it('is checked anew for each attempt', async () => {
    const receiver = await startReceiver();
    const resolver = nameServer(['127.0.0.1'], ['10.0.0.1']);
    const sender = new HttpWebhookSender({ reach: SANDBOX, resolver });
    const url = `http://localhost:${new URL(receiver.url).port}/`;
    expect(await sender.post(url, {}, '{}')).toBe(204);
    await expect(sender.post(url, {}, '{}')).rejects.toMatchObject(refused);
    expect(receiver.received).toHaveLength(1);
    await receiver.close();
  });

  it('is answered by the guard in both ways in which sockets ask', async () => {
    const lookup = guardedLookup(SANDBOX, nameServer(['127.0.0.1', '::1']));
    const ask = (options: object) =>
      new Promise((resolve) =>
        lookup('localhost', options, (error, address, family) => resolve([error, address, family])),
      );
    expect(await ask({})).toEqual([null, '127.0.0.1', 4]);
    expect(await ask({ family: 6 })).toEqual([null, '::1', 6]);
    expect(await ask({ all: true })).toEqual([
      null,
      [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ],
      undefined,
    ]);
  });

  it('is not reached by a socket that uses the guard itself', async () => {
    const receiver = await startReceiver();
    const socket = connect({
      host: 'hooks.example.com',
      port: Number(new URL(receiver.url).port),
      lookup: guardedLookup(FOR_REAL, nameServer(['127.0.0.1'])),
    });
    const [error] = (await once(socket, 'error').catch((thrown: unknown) => [thrown])) as [unknown];
    expect(error).toMatchObject(refused);
    await receiver.close();
  });
});
