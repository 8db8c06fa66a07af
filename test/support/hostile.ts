import { randomBytes } from 'node:crypto';

/** What stands for personal data in every request here: none of it may be found again in a log. */
export const MARK = 'zqmarked';

export type HostileRequest = {
  /** What kind of request it is, for whoever looks into a failure. */
  readonly kind: string;
  readonly bytes: Buffer;
  /** Method and path, when what is sent is HTTP that names them beyond doubt: then the answer has to be as documented. */
  readonly sent: { readonly method: string; readonly path: string } | null;
  /** Whether nothing follows that the answer to it could be taken for. */
  readonly isFramed: boolean;
};

/** Numbers that look random and are the same for the same seed (mulberry32). */
export class Dice {
  constructor(private state: number) {}

  /** At least 0, less than 1. */
  roll(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** At least 0, less than `end`. */
  below(end: number): number {
    return Math.floor(this.roll() * end);
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  happens(probability: number): boolean {
    return this.roll() < probability;
  }
}

/** Whom requests are about, and who asks. The same for all requests of a run. */
export type Stage = { readonly token: string; readonly guestIds: readonly string[] };

/** The request that stands at this place in the sequence of this seed. */
export function hostileRequest(seed: number, at: number, stage: Stage): HostileRequest {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ Math.imul(at + 1, 0x85ebca6b));
  return new Maker(dice, at, stage).make();
}

type Header = readonly [name: string, value: string];

class Maker {
  constructor(
    private readonly dice: Dice,
    private readonly at: number,
    private readonly stage: Stage,
  ) {}

  make(): HostileRequest {
    const kind = this.dice.one([
      'good',
      'good',
      'nearly good',
      'nearly good',
      'nearly good',
      'text',
      'text',
      'path',
      'path',
      'query',
      'header',
      'header',
      'wire',
    ] as const);
    if (kind === 'good') return this.good(kind);
    if (kind === 'nearly good') return this.http(kind, 'POST', '/v1/guests', this.damaged(this.guest()));
    if (kind === 'text') return this.http(kind, ...this.target(), this.text());
    if (kind === 'path') return this.path(kind);
    if (kind === 'query') return this.query(kind);
    if (kind === 'header') return this.header(kind);
    return this.wire(kind);
  }

  private get id(): string {
    return this.dice.one(this.stage.guestIds);
  }

  private guest(): Record<string, unknown> {
    return {
      mode: 'widget',
      email: `${MARK}.${this.at}@example.com`,
      phone: `+353 1 555 ${String(this.at % 10_000).padStart(4, '0')}`,
      consent: { marketing: this.dice.happens(0.5), dataProcessing: true },
      channelContext: { originPage: `https://example.com/support?who=${MARK}`, campaignId: 'HOSTILE' },
      attributes: { source: 'website' },
    };
  }

  private target(): [method: string, path: string] {
    return this.dice.one([
      ['POST', '/v1/guests'],
      ['PATCH', `/v1/guests/${this.id}`],
      ['POST', `/v1/guests/${this.id}/close`],
      ['POST', `/v1/guests/${this.id}/messages`],
      ['POST', `/v1/guests/${this.id}/link`],
    ]);
  }

  private good(kind: string): HostileRequest {
    const patch = { attributes: { source: this.dice.one(['website', 'ads', null]) } };
    const one = <T>(of: readonly T[]): T => this.dice.one(of);
    return one([
      () => this.http(kind, 'POST', '/v1/guests', this.guest()),
      () => this.http(kind, 'POST', '/v1/guests', this.guest()),
      () =>
        this.http(kind, 'POST', '/v1/guests', { consent: { marketing: false, dataProcessing: true }, mode: 'widget' }, [
          ['idempotency-key', `key-${this.at % 7}`],
        ]),
      () =>
        this.http(kind, 'GET', `/v1/guests/${this.id}`, undefined, [
          ['if-none-match', one(['*', '"1"', 'W/"2"', '"'])],
        ]),
      () => this.http(kind, 'HEAD', `/v1/guests/${this.id}`),
      () => this.http(kind, 'GET', '/v1/guests?limit=5&campaignId=HOSTILE'),
      () =>
        this.http(kind, 'PATCH', `/v1/guests/${this.id}`, patch, [
          ['if-match', one(['*', '"1"', 'W/"1"', '"1", "2"'])],
        ]),
      () => this.http(kind, 'PATCH', `/v1/guests/${this.id}?base=1`, patch, [['if-match', '*']]),
      () => this.http(kind, 'GET', `/v1/guests/${this.id}/metrics`),
      () => this.http(kind, 'GET', `/v1/guests/${this.id}/messages`),
      () => this.http(kind, 'POST', `/v1/guests/${this.id}/messages`, { text: `${MARK} says hello` }),
      () => this.http(kind, 'GET', `/v1/audit/entries?limit=3&subject=guest:${this.id}`),
      () => this.http(kind, 'GET', '/health/live'),
    ])();
  }

  /** Some member of it, at any depth, is gone, is something else, or has company. */
  private damaged(value: Record<string, unknown>): unknown {
    let place = value;
    for (;;) {
      const inner = Object.values(place).filter((member) => typeof member === 'object' && member !== null);
      if (inner.length === 0 || this.dice.happens(0.5)) break;
      place = this.dice.one(inner) as Record<string, unknown>;
    }
    const name = this.dice.one(Object.keys(place));
    const damage = this.dice.below(4);
    if (damage === 0) delete place[name];
    else if (damage === 1) place[this.dice.one([...NAMES, `${MARK}.${name}`, name.toUpperCase()])] = this.value();
    else place[name] = this.value();
    return value;
  }

  private value(depth = 0): unknown {
    const make = this.dice.one([
      () => this.dice.one(VALUES),
      () => this.dice.one(TEXTS),
      () => MARK.repeat(this.dice.below(40)),
      () => this.dice.roll() * 10 ** this.dice.below(300),
      () => (depth > 3 ? [] : Array.from({ length: this.dice.below(5) }, () => this.value(depth + 1))),
      () => (depth > 3 ? {} : { [this.dice.one(NAMES)]: this.value(depth + 1) }),
    ]);
    return make();
  }

  /** A body that need not be JSON. */
  private text(): Buffer {
    const good = JSON.stringify(this.guest());
    const make = this.dice.one<() => string | Buffer>([
      () => this.dice.one(NOT_JSON),
      () => good.slice(0, this.dice.below(good.length)),
      () => good + this.dice.one(['x', '}', ',', '\0', good]),
      () => `${'['.repeat(this.dice.below(30_000))}`,
      () => nested(this.dice.below(200), this.dice.one(['[]', '{}'])),
      () => nested(5_000, '{}'),
      () =>
        good.replace(
          '"mode"',
          this.dice.one(['"email"', '"__proto__"', '"\\u006dode":"widget","mode"', '"constructor"']),
        ),
      () => good.replace('{"marketing"', '{"marketing":true,"marketing"'),
      () =>
        good.replace('true', this.dice.one(['1e999', '-0', '1'.repeat(400), '0x10', '1_000', 'tru', 'True', '"true"'])),
      () =>
        good.replace(
          'website',
          this.dice.one(['\\ud800', '\\u0000', '\\x41', '\u0007', '\u202e', '\ufeff', '\\u2028']),
        ),
      () => Buffer.concat([Buffer.from(good.slice(0, 30)), randomish(this.dice, 20), Buffer.from(good.slice(30))]),
      () => Buffer.from(good, this.dice.one(['utf16le', 'latin1'] as const)),
      () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(good)]),
      () => Buffer.from(good.replace('website', 'webs\u00ffite'), 'latin1'),
      () => JSON.stringify({ ...this.guest(), attributes: manyMembers(this.dice.below(3_000)) }),
      () => JSON.stringify({ ...this.guest(), deviceFingerprint: 'x'.repeat(this.dice.below(80_000)) }),
      () => randomish(this.dice, this.dice.below(500)),
      () => `[${good}]`,
      () => ' '.repeat(this.dice.below(1_000)),
    ]);
    return Buffer.from(make());
  }

  private path(kind: string): HostileRequest {
    const raw = this.dice.one([
      `/v1/guests/..%2f..%2fetc%2fpasswd`,
      `/v1/guests/../../etc/${MARK}`,
      `/v1/guests/%2e%2e/%2e%2e/health/live`,
      `//v1//guests//${this.id}`,
      `/v1/guests/${this.id}/`,
      `/v1/guests/${this.id}/../${this.id}`,
      `/V1/GUESTS/${this.id.toUpperCase()}`,
      `/v1/guests/${this.id}%00`,
      `/v1/guests/${this.id}%0d%0aset-cookie:%20a=b`,
      `/v1/guests/%ff%fe`,
      `/v1/guests/%`,
      `/v1/guests/%zz${MARK}`,
      `/v1/guests/%c0%ae%c0%ae`,
      `/v1/guests/%u002e`,
      `/v1/guests/${MARK}@example.com`,
      `/v1/guests/${'9'.repeat(this.dice.below(400))}`,
      `/v1/guests/${'a/'.repeat(this.dice.below(2_000))}`,
      `/v1/guests/${'%41'.repeat(this.dice.below(2_000))}`,
      `/${'x'.repeat(this.dice.below(12_000))}`,
      `/v1\\guests`,
      `/v1/guests;a=b/${this.id}`,
      `/v1/guests/*`,
      `/v1/guests/:id`,
      `/v1/guests/__proto__`,
      `/v1/guests/constructor/metrics`,
      `/docs/..%2f..%2fpackage.json`,
      `/docs/%2e%2e/%2e%2e/package.json`,
      `/.env`,
      `/`,
      `/v1/guests#${MARK}`,
    ]);
    const isAbsolute = this.dice.happens(0.1);
    const target = isAbsolute ? `http://${this.dice.one(['127.0.0.1', 'evil.example', '[::1]'])}${raw}` : raw;
    const method = this.dice.one(['GET', 'GET', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'HEAD']);
    const framed = this.http(kind, method, target, ['GET', 'HEAD'].includes(method) ? undefined : this.guest());
    // Where nothing is, there is no description to keep to.
    return { ...framed, sent: null };
  }

  private query(kind: string): HostileRequest {
    const names = [
      'limit',
      'cursor',
      'state',
      'emailHash',
      'campaignId',
      'base',
      '__proto__',
      'constructor[x]',
      MARK,
      '',
    ];
    const values = [
      '',
      '0',
      '-1',
      '1e3',
      '501',
      '9'.repeat(30),
      'NaN',
      '%00',
      '%ff',
      '%',
      `${MARK}%40example.com`,
      "'; drop table guest; --",
      'eyJpZCI6MX0',
      'WyIwMTg5MGE1ZCJd',
      Buffer.from(JSON.stringify([this.id])).toString('base64url'),
      Buffer.from('[null]').toString('base64url'),
      randomish(this.dice, 30).toString('base64url'),
      'x'.repeat(this.dice.below(3_000)),
    ].map((value) => value.replaceAll(' ', '%20'));
    const pairs = Array.from(
      { length: 1 + this.dice.below(4) },
      () => `${this.dice.one(names)}=${this.dice.one(values)}`,
    );
    const path = this.dice.one([
      '/v1/guests',
      `/v1/guests/${this.id}`,
      `/v1/guests/${this.id}/messages`,
      '/v1/audit/entries',
      '/health/live',
    ]);
    return this.http(kind, 'GET', `${path}?${pairs.join('&')}`);
  }

  private header(kind: string): HostileRequest {
    const odd = this.dice.one<Header>([
      ['content-type', 'application/json; charset=iso-8859-1'],
      ['content-type', 'application/json; charset=utf-7'],
      ['content-type', 'application/json;;;'],
      ['content-type', 'text/plain'],
      ['content-type', `application/${MARK}`],
      ['content-type', ''],
      ['content-type', 'multipart/form-data; boundary=----x'],
      ['content-encoding', this.dice.one(['gzip', 'br', 'deflate', 'identity, gzip', 'zstd', MARK])],
      ['expect', this.dice.one(['100-continue', '200-ok', MARK])],
      [
        'authorization',
        this.dice.one([`Bearer ${MARK}`, 'Bearer', 'Basic eDp5', `Bearer ${'x'.repeat(9_000)}`, 'Bearer \u00ff']),
      ],
      [
        'if-match',
        this.dice.one([
          '',
          '"',
          '*,*',
          'W/"1"',
          '"1',
          '"\u00ff"',
          `"${MARK}"`,
          '"1",'.repeat(500),
          '"99999999999999999999"',
        ]),
      ],
      [
        'idempotency-key',
        this.dice.one(['', '"', '"a', 'a b', '\u00ff', 'k'.repeat(300), `"${MARK}"`, '"\\"', 'a, b']),
      ],
      ['accept', this.dice.one(['text/html', '*/*;q=0', MARK])],
      ['accept-encoding', 'gzip, br'],
      ['user-agent', `${MARK}/1.0 ${MARK}@example.com`],
      ['x-request-id', `${MARK}@example.com`],
      ['x-forwarded-for', '203.0.113.7'],
      ['x-http-method-override', 'DELETE'],
      ['cookie', `a=${MARK}`],
      ['upgrade', this.dice.one(['websocket', 'h2c'])],
      ['range', 'bytes=0-1'],
      ['traceparent', `00-${MARK}`],
      [`x-${MARK}`, 'x'.repeat(this.dice.below(20_000))],
    ]);
    const [method, path] = this.target();
    const body = path === '/v1/guests' ? this.guest() : { text: MARK };
    const extra: Header[] = odd[0] === 'upgrade' ? [odd, ['connection', 'upgrade']] : [odd];
    if (odd[0].startsWith(`x-${MARK}`)) {
      const request = this.http(kind, method, path, body, extra);
      return { ...request, sent: null, isFramed: false };
    }
    const isEarly = odd[0] === 'expect';
    const request = this.http(kind, method, path, body, extra);
    return isEarly ? { ...request, sent: null, isFramed: false } : request;
  }

  /** What is not quite HTTP. */
  private wire(kind: string): HostileRequest {
    const { token } = this.stage;
    const auth = `authorization: Bearer ${token}`;
    const body = JSON.stringify(this.guest());
    const json = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
    const post = 'POST /v1/guests HTTP/1.1';
    const bytes = this.dice.one<string | Buffer>([
      `GET /v1/guests HTTP/1.1\r\n${auth}\r\n\r\n`,
      `${post}\r\nhost: a\r\nhost: b\r\n${auth}\r\n${json}\r\n\r\n${body}`,
      `${post}\r\nhost: x\r\n${auth}\r\n${json}\r\ncontent-length: 5\r\n\r\n${body}`,
      `${post}\r\nhost: x\r\n${auth}\r\n${json}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n${MARK}\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\ncontent-type: application/json\r\ntransfer-encoding: xchunked\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\ncontent-type: application/json\r\ncontent-length: -5\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\ncontent-type: application/json\r\ncontent-length: ${'9'.repeat(25)}\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\nname with space: ${MARK}\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\nname : ${MARK}\r\n\r\n`,
      `${post}\r\nhost: x\r\n${auth}\r\nfolded: a\r\n ${MARK}\r\n\r\n`,
      `${post}\r\nhost: x\r\nnul: a\0b${MARK}\r\n\r\n`,
      `${post}\r\nhost: x\r\nbare: a\rb\r\n\r\n`,
      `${post}\nhost: x\n\n\r\n\r\n`,
      `GET /v1/guests HTTP/9.9\r\nhost: x\r\n\r\n`,
      `GET /v1/guests HTTP/1.0\r\n${auth}\r\n\r\n`,
      `GET /v1/guests\r\n\r\n`,
      `get /v1/guests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `${MARK} /v1/guests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `PROPFIND /v1/guests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `TRACE /v1/guests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n`,
      `CONNECT ${MARK}.example:443 HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET /v1/guests/\u00e9${MARK} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET /v1/gu ests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET  /v1/guests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET v1/guests HTTP/1.1\r\nhost: x\r\n\r\n`,
      `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      `GET /v1/guests HTTP/1.1\r\nhost: x\r\n${`${MARK}: x\r\n`.repeat(1_500)}\r\n`,
      Buffer.from('16030100a5010000a10303', 'hex'),
      Buffer.concat([Buffer.from('\r\n'), randomish(this.dice, 64), Buffer.from('\r\n\r\n')]),
    ]);
    return { kind, bytes: Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes, 'latin1'), sent: null, isFramed: false };
  }

  /** A request that is framed as HTTP asks, whatever is in it. `more` replaces headers of the same name. */
  private http(
    kind: string,
    method: string,
    path: string,
    body?: unknown,
    more: readonly Header[] = [],
  ): HostileRequest {
    const bytes = body === undefined ? null : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const isChunked = bytes !== null && this.dice.happens(0.1);
    const names = new Set(more.map(([name]) => name));
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const usual: Header[] = [
      ['host', '127.0.0.1'],
      ...(this.dice.happens(0.02) ? [] : [['authorization', `Bearer ${this.stage.token}`] as const]),
      ...(bytes === null ? [] : [['content-type', type] as const]),
      ...(method === 'PATCH' && this.dice.happens(0.9) ? [['if-match', '*'] as const] : []),
    ];
    const length: Header[] =
      bytes === null ? [] : [isChunked ? ['transfer-encoding', 'chunked'] : ['content-length', String(bytes.length)]];
    const headers = [...usual.filter(([name]) => !names.has(name)), ...more, ...length];
    const head = `${method} ${path} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    const sent = isChunked ? chunks(bytes, 1 + this.dice.below(2_000)) : (bytes ?? Buffer.alloc(0));
    return { kind, bytes: Buffer.concat([Buffer.from(head, 'latin1'), sent]), sent: { method, path }, isFramed: true };
  }
}

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  ' ',
  'a/b~c',
  '\u0000',
  '\ud83d\ude00',
  '$where',
  'length',
];
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  '',
  [],
  {},
  [[]],
  [null],
];
const TEXTS = [
  'a\u0000b',
  '\u001b[31m',
  '\ud800',
  '\u202e',
  "' or 1=1 --",
  '${jndi:ldap://x}',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  `${MARK}@example.com`,
  'javascript:alert(1)',
  'http://[::1',
  '\u{1f9e8}'.repeat(100),
];
const NOT_JSON = [
  '',
  '{',
  '}',
  'null',
  'undefined',
  'NaN',
  '"',
  "{'a':1}",
  '{"a":1,}',
  '[1,]',
  '\0',
  '{a:1}',
  'a=1&b=2',
  '<a/>',
  '"\\u12"',
  '{"a":01}',
  '// x\n{}',
];

const nested = (levels: number, brackets: string): string =>
  brackets === '[]' ? '['.repeat(levels) + ']'.repeat(levels) : `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

const manyMembers = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`${MARK}${at}`, 'x']));

const randomish = (dice: Dice, length: number): Buffer => Buffer.from(Array.from({ length }, () => dice.below(256)));

function chunks(bytes: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** Another sequence each time, unless one is asked for. */
export const newSeed = (): number => randomBytes(4).readUInt32BE();
