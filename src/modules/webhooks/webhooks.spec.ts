import { createHmac, randomBytes } from 'node:crypto';
import { isReachable, urlFault } from './addresses.js';
import { seconds, secretOf, signature, signedHeaders, SECRET_BYTES } from './signing.js';
import { bodyOf, DAY_MS, disabledBy, HOUR_MS, MINUTE_MS, RETRY_DELAYS_MS, retryAt, succeeded } from './webhooks.js';

const AT = new Date('2026-11-22T09:00:00.000Z');

describe('a signature', () => {
  it('is the one the spec publishes for its example', () => {
    const at = new Date(1_614_265_330_000);
    expect(
      signature('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, '{"test": 2432232314}'),
    ).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('is made with every secret there is, over the bytes that are sent', () => {
    const secrets = [secretOf(randomBytes(SECRET_BYTES)), secretOf(randomBytes(SECRET_BYTES))];
    const body = '{"name":"Valéry"}';
    const headers = signedHeaders(secrets, 'id-1', new Date(AT.getTime() + 999), body);
    expect(headers).toMatchObject({ 'webhook-id': 'id-1', 'webhook-timestamp': String(seconds(AT)) });
    expect(headers['webhook-signature']!.split(' ')).toEqual(
      secrets.map((secret) => {
        const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
        const signed = Buffer.concat([Buffer.from(`id-1.${seconds(AT)}.`), Buffer.from(body)]);
        return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
      }),
    );
  });

  it('is made with as many random bytes as the spec asks for', () => {
    expect(SECRET_BYTES).toBeGreaterThanOrEqual(24);
    expect(SECRET_BYTES).toBeLessThanOrEqual(64);
    expect(secretOf(randomBytes(SECRET_BYTES))).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
  });
});

describe('the schedule', () => {
  it('waits longer each time, ten attempts in all, over a bit more than three days', () => {
    const waits = Array.from({ length: 9 }, (_, n) => retryAt(n + 1, AT, () => 0)!.getTime() - AT.getTime());
    expect(waits).toEqual(
      [5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR_MS)].slice(0, 9),
    );
    expect(retryAt(10, AT)).toBeNull();
    expect(RETRY_DELAYS_MS).toHaveLength(9);
  });

  it('is never ahead of time, and at most a fifth behind', () => {
    for (const [n, delay] of RETRY_DELAYS_MS.entries())
      for (const random of [0, 0.3, 0.999_999]) {
        const wait = retryAt(n + 1, AT, () => random)!.getTime() - AT.getTime();
        expect(wait).toBeGreaterThanOrEqual(delay);
        expect(wait).toBeLessThanOrEqual(delay * 1.2);
      }
    expect(retryAt(1, AT, () => 0.2)).not.toEqual(retryAt(1, AT, () => 0.8));
  });
});

describe('an answer', () => {
  const status = (value: number) => ({ status: value, code: null });

  it('is a success from 200 to 299 and at no other time', () => {
    expect([200, 201, 204, 299].map((value) => succeeded(status(value)))).toEqual([true, true, true, true]);
    expect([199, 301, 304, 400, 410, 429, 500].some((value) => succeeded(status(value)))).toBe(false);
    expect(succeeded({ status: null, code: 'webhook.silent' })).toBe(false);
  });

  it('disables its endpoint when it says gone, and when there were only failures for five days', () => {
    const since = (days: number) => new Date(AT.getTime() - days * DAY_MS);
    expect(disabledBy(status(410), null, AT)).toBe('gone');
    expect(disabledBy(status(503), null, AT)).toBeNull();
    expect(disabledBy(status(503), since(4.9), AT)).toBeNull();
    expect(disabledBy({ status: null, code: 'webhook.timeout' }, since(5), AT)).toBe('failing');
    expect(disabledBy(status(200), since(9), AT)).toBeNull();
  });
});

describe('a body', () => {
  it('says what happened, when, and to whom', () => {
    const event = { type: 'guest.created', subject: 'guest:1', at: AT, data: { guestId: '1', version: 1 } } as const;
    expect(JSON.parse(bodyOf(event))).toEqual({
      type: 'guest.created',
      timestamp: '2026-11-22T09:00:00.000Z',
      data: { guestId: '1', version: 1 },
    });
  });
});

const PUBLIC = ['8.8.8.8', '1.1.1.1', '93.184.216.34', '172.15.255.255', '172.32.0.1', '100.63.255.255', '100.128.0.1'];
const PUBLIC_6 = ['2606:4700:4700::1111', '2a00:1450:4009:81f::200e', '2001:4860:4860::8888'];
const CLOSED: [what: string, addresses: string[]][] = [
  ['private', ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255']],
  ['this network', ['0.0.0.0', '0.1.2.3']],
  ['link-local', ['169.254.0.1', 'fe80::1', 'fe80::1%eth0', 'febf::1']],
  ['metadata', ['169.254.169.254', 'fd00:ec2::254', '168.63.129.16', '100.100.100.200', '192.0.0.192']],
  ['carrier-grade NAT', ['100.64.0.1', '100.127.255.255']],
  ['unique local', ['fc00::1', 'fdff:ffff::1']],
  ['multicast and broadcast', ['224.0.0.1', '239.255.255.255', '255.255.255.255', '240.0.0.1', 'ff02::1', 'ff0e::1']],
  [
    'documentation and benchmarks',
    ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '2001:db8::1', '3fff::1'],
  ],
  [
    'IPv4 in disguise',
    [
      '::ffff:10.0.0.1',
      '::ffff:8.8.8.8',
      '::ffff:7f00:1',
      '::10.0.0.1',
      '64:ff9b::a00:1',
      '64:ff9b:1::1',
      '2002:a00:1::1',
      '2001:0:1::1',
    ],
  ],
  ['nowhere', ['::', '100::1', '5f00::1', '4000::1', 'fec0::1']],
  ['no address', ['', 'localhost', '10.1', '0x7f000001', '1.2.3.4.5', ':::1']],
];
const LOOPBACK = ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'];

describe('an address', () => {
  it.each([...PUBLIC, ...PUBLIC_6])('that is public can be reached: %s', (address) => {
    expect(isReachable(address, { loopback: false })).toBe(true);
  });

  it.each(CLOSED)('that is %s is closed, sandbox or not', (_, addresses) => {
    for (const loopback of [false, true])
      expect(addresses.filter((address) => isReachable(address, { loopback }))).toEqual([]);
  });

  it.each(LOOPBACK)('of this machine is for a sandbox only: %s', (address) => {
    expect(isReachable(address, { loopback: false })).toBe(false);
    expect(isReachable(address, { loopback: true })).toBe(true);
  });
});

describe('the URL of an endpoint', () => {
  it.each([
    'https://example.com/hooks?x=1',
    'https://hooks.example.com:8443/',
    'https://8.8.8.8/',
    'https://[2606:4700:4700::1111]/',
    'https://bücher.example/',
  ])('may be %s', (url) => expect(urlFault(url, { loopback: false })).toBeNull());

  it.each([
    ['http://example.com/', 'must begin with https://'],
    ['ftp://example.com/', 'must be an absolute https URL'],
    ['javascript:alert(1)', 'must be an absolute https URL'],
    ['/hooks', 'must be an absolute https URL'],
    ['https://example.com/\r\nhooks', 'must be an absolute https URL'],
    [' https://example.com/', 'must be an absolute https URL'],
    ['https://', 'must be an absolute https URL'],
    ['https://user:secret@example.com/', 'user name'],
    ['https://user@example.com/', 'user name'],
    ['https://example.com/#part', 'fragment'],
    ...CLOSED.flatMap(([, addresses]) => addresses)
      .filter((address) => /^[\d.]+$|:.*:/.test(address) && !/%|^1.2.3.4.5$|^10.1$|:::/.test(address))
      .map((address): [string, string] => [
        `https://${address.includes(':') ? `[${address}]` : address}/`,
        'not public',
      ]),
    // The forms in which browsers and resolvers take an IPv4 address.
    ['https://0xa9.0xfe.0xa9.0xfe/', 'not public'],
    ['https://2852039166/', 'not public'],
    ['https://10.1/', 'not public'],
    ['https://0300.0250.0.1/', 'not public'],
    ['https://metadata.google.internal/', 'inside a network'],
    ['https://printer.local/', 'inside a network'],
    ['https://printer.local./', 'inside a network'],
    ['https://intranet/', 'inside a network'],
  ])('may not be %s', (url, why) => {
    for (const loopback of [false, true]) expect(urlFault(url, { loopback })).toContain(why);
  });

  it.each([
    '//localhost:4000/hooks',
    '//127.0.0.1:4000/',
    '//[::1]/',
    '//app.localhost/',
    '//LOCALHOST./',
    '//127.1/',
    '//0x7f.1/',
  ])('may name this machine in a sandbox only, with or without encryption: %s', (rest) => {
    for (const url of [`http:${rest}`, `https:${rest}`]) {
      expect(urlFault(url, { loopback: true })).toBeNull();
      expect(urlFault(url, { loopback: false })).toMatch(/must begin with https|this is the machine itself/);
    }
  });
});
