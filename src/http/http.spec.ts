import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common';
import fc from 'fast-check';
import { IsIn, IsInt, IsString, MaxLength } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { AppError } from '../kernel/app-error.js';
import type { ErrorFacts, ErrorKind } from '../kernel/app-error.js';
import { runContext } from '../kernel/run-context.js';
import { Open } from './access.js';
import { CONNECTION_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './http.js';
import { BODY_LIMIT, parseJsonBody } from './json-body.js';
import { ALL, served } from './served.contract.js';
import type { Served } from './served.contract.js';
import { MayBeAbsent, Nested, NestedList, QueryInt } from './validation.js';

class Consent {
  @IsIn([true, false]) marketing: boolean;
}
class Item {
  @IsInt() count: number;
}
class ThingBody {
  @MayBeAbsent() @IsString() @MaxLength(5) name?: string;
  @Nested(() => Consent) consent: Consent;
  @MayBeAbsent() @NestedList(() => Item) items?: Item[];
}
class ListQuery {
  @MayBeAbsent() @QueryInt({ min: 1, max: 500 }) limit?: number;
  @MayBeAbsent() @IsIn(['open', 'closed']) state?: string;
}

let toThrow: unknown;
let start: () => void;
let finish: () => void;
const started = new Promise<void>((resolve) => (start = resolve));
const finished = new Promise<void>((resolve) => (finish = resolve));

@Open()
@Controller('v1/things')
class ThingController {
  @Post()
  create(@Body() body: ThingBody) {
    return { body, keys: Object.keys(body), isThing: body instanceof ThingBody };
  }

  @Get()
  list(@Query() query: ListQuery) {
    return query;
  }

  @Get('fails')
  async fails(@Res({ passthrough: true }) reply: FastifyReply) {
    void reply.header('etag', '"1"').header('location', '/x');
    await Promise.resolve();
    throw toThrow;
  }

  @Get('context')
  async context() {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return runContext();
  }

  @Get('slow')
  async slow() {
    start();
    await finished;
    return 'done';
  }

  @Post('anything')
  @HttpCode(200)
  anything(@Body() body: unknown) {
    return { body, context: runContext()?.id };
  }

  @Post('nothing')
  @HttpCode(202)
  nothing() {
    return {};
  }

  @Patch(':id')
  patch(@Param('id') id: string, @Body() body: Record<string, unknown>) {
    return { id, body };
  }
}

let http: Served;
beforeAll(async () => (http = await served({ controllers: [ThingController] })));
afterAll(() => http.close());
beforeEach(() => http.lines.splice(0));

const failing = (error: unknown) => {
  toThrow = error;
  return http.call('GET', '/v1/things/fails?email=jane@example.com');
};

describe('an error on its way out', () => {
  it.each<[ErrorKind, number]>([
    ['invalid', 400],
    ['unauthenticated', 401],
    ['throttled', 429],
    ['forbidden', 403],
    ['not-found', 404],
    ['conflict', 409],
    ['refused', 502],
    ['unavailable', 503],
  ])('of kind %s is answered with %i', async (kind, status) => {
    const answer = await failing(new AppError(kind, 'thing.wrong', 'The thing is wrong.'));
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toEqual({
      type: '/problems/thing.wrong',
      title: 'Thing wrong',
      status,
      detail: 'The thing is wrong.',
      instance: '/v1/things/fails',
      code: 'thing.wrong',
    });
  });

  const answerTo = (kind: ErrorKind, code: string, facts: ErrorFacts) =>
    failing(new AppError(kind, code, 'No.', facts));

  it('shows what a client needs to react, but never in place of the problem itself', async () => {
    const extra = { allowed: ['closed'], status: 'fake', code: 'fake', type: 'fake' };
    const { body } = await answerTo('conflict', 'thing.illegal', { extra });
    expect(body).toMatchObject({
      allowed: ['closed'],
      status: 409,
      code: 'thing.illegal',
      type: '/problems/thing.illegal',
    });
  });

  it('lists what is wrong field by field', async () => {
    const errors = [{ pointer: '/a', rule: 'r', message: 'm' }];
    expect((await answerTo('invalid', 'thing.bad', { errors })).body).toMatchObject({ errors });
  });

  it('says in whole seconds when to come back', async () => {
    expect((await answerTo('throttled', 'thing.busy', { retryAfterMs: 1_200 })).headers.get('retry-after')).toBe('2');
    expect((await answerTo('unavailable', 'thing.busy', { retryAfterMs: 1 })).headers.get('retry-after')).toBe('1');
    expect((await answerTo('unavailable', 'thing.busy', {})).headers.has('retry-after')).toBe(false);
  });

  it('is 412 with the current ETag when the version is what does not match', async () => {
    const answer = await answerTo('conflict', 'guest.version_mismatch', {
      extra: { currentETag: '"7"', conflicts: [] },
    });
    expect([answer.status, answer.headers.get('etag')]).toEqual([412, '"7"']);
    expect(answer.body).toMatchObject({ currentETag: '"7"', conflicts: [] });
    expect((await answerTo('conflict', 'guest.version_mismatch', {})).status).toBe(409);
    const overlap = await answerTo('conflict', 'guest.overlapping_change', { extra: { currentETag: '"7"' } });
    expect([overlap.status, overlap.headers.get('etag')]).toEqual([409, '"7"']);
  });

  it('names the scheme to those who have not shown who they are', async () => {
    expect((await answerTo('unauthenticated', 'x.y', {})).headers.get('www-authenticate')).toBe('Bearer');
  });

  it('takes back what the handler had promised about its answer', async () => {
    const { headers } = await answerTo('conflict', 'thing.wrong', {});
    expect([headers.get('etag'), headers.get('location')]).toEqual([null, null]);
  });

  it('tells nothing of a bug but the id it is logged under', async () => {
    const answer = await failing(new TypeError('cannot read jane@example.com of undefined'));
    expect(answer.status).toBe(500);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.body).toMatchObject({ code: 'internal', type: '/problems/internal', instance: '/v1/things/fails' });
    expect(answer.text).not.toMatch(/jane|undefined|stack/);
    const line = http.lines.find(({ msg }) => msg === 'request failed');
    expect(line).toMatchObject({
      level: 'error',
      runId: answer.headers.get('x-request-id'),
      route: '/v1/things/fails',
    });
    expect(JSON.stringify(line)).not.toContain('jane');
  });

  it('is a bug when a connection of ours breaks and nobody says what that means', async () => {
    const answer = await failing(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(http.lines).toContainEqual(expect.objectContaining({ msg: 'request failed' }));
  });

  it.each([['a string'], [null], [undefined], [{ statusCode: 418, message: 'teapot' }]])(
    'is a bug even when it is not an Error: %p',
    async (thrown) => {
      expect(await failing(thrown)).toMatchObject({ status: 500, body: { code: 'internal' } });
    },
  );
});

describe('what only HTTP can get wrong', () => {
  const problem = (answer: { status: number; headers: Headers; body: never }) => {
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
    const { code, status } = answer.body as { code: string; status: number };
    expect(status).toBe(answer.status);
    return [answer.status, code];
  };

  it('an unknown path', async () => {
    expect(problem(await http.call('GET', '/v1/nothing/jane?x=1'))).toEqual([404, 'http.route_not_found']);
    expect(problem(await http.call('POST', '/v1/nothing', { body: '{"a":' }))[0]).toBeGreaterThanOrEqual(400);
  });

  it('a method the path does not take', async () => {
    const answer = await http.call('DELETE', '/v1/things/7');
    expect(problem(answer)).toEqual([405, 'http.method_not_allowed']);
    expect(answer.headers.get('allow')).toBe('PATCH');
    expect((await http.call('PUT', '/v1/things')).headers.get('allow')).toBe('GET, HEAD, POST');
  });

  it('a body that is too large', async () => {
    const answer = await http.call('POST', '/v1/things/anything', { body: JSON.stringify('x'.repeat(BODY_LIMIT)) });
    expect(problem(answer)).toEqual([413, 'http.body_too_large']);
    expect(answer.body).toMatchObject({ errors: [{ pointer: '' }] });
    const largest = await http.call('POST', '/v1/things/anything', {
      body: JSON.stringify('x'.repeat(BODY_LIMIT - 2)),
    });
    expect(largest.status).toBe(200);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
    'nonsense',
  ])('a body sent as %s', async (type) => {
    const answer = await http.call('POST', '/v1/things', { headers: { 'content-type': type }, body: 'a=1' });
    expect(problem(answer)).toEqual([415, 'http.unsupported_media_type']);
  });

  it.each([['{"a":'], ['{"a":1}x'], ['{a:1}'], [Buffer.from([0x22, 0xff, 0x22])], ['NaN']])(
    'a body that is not JSON: %p',
    async (body) => {
      const answer = await http.call('POST', '/v1/things/anything', { body });
      expect(problem(answer)).toEqual([400, 'request.malformed_json']);
      expect(answer.body).toMatchObject({ errors: [{ pointer: '' }] });
    },
  );

  it('a path that stands for no characters', async () => {
    const answer = await http.raw('GET /v1/things/%ff%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400/);
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toContain('"code":"http.malformed_url"');
    expect(answer).toMatch(/x-request-id: \S{36}/i);
    expect(answer).toMatch(/x-content-type-options: nosniff/i);
    expect(answer).toContain('"instance":"/v1/things/%ff%25zz"');
  });

  it('a path with what no URI reference can hold, at an instance that is one', async () => {
    const answer = await http.raw('GET /v1/nothing/a|b"<c>[d]{e}~%20 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 404/);
    expect(answer).toContain('"instance":"/v1/nothing/a%7Cb%22%3Cc%3E%5Bd%5D%7Be%7D~%20"');
  });

  it('a part of the path that is too long', async () => {
    expect(problem(await http.call('PATCH', `/v1/things/${'x'.repeat(200)}`))).toEqual([414, 'http.url_too_long']);
  });

  it('headers that are too large', async () => {
    const answer = await http.raw(`GET /v1/things HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 431 Request Header Fields Too Large/);
    expect(answer).toContain('"code":"http.headers_too_large"');
  });

  it('what is not HTTP at all', async () => {
    const answer = await http.raw('hello\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request/);
    expect(answer).toContain('content-type: application/problem+json');
    expect(answer).toContain('"code":"http.malformed_request"');
  });

  it.each([
    ['application/json; charset=iso-8859-1', {}],
    ['application/json;charset="utf-16"', {}],
    ['application/merge-patch+json; charset=utf-8; charset=latin1', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
    ['application/json', { 'content-encoding': 'identity, br' }],
  ])('a body in another encoding than JSON has: %s %j', async (type, headers) => {
    const answer = await http.call('POST', '/v1/things/anything', {
      headers: { 'content-type': type, ...headers },
      body: '{}',
    });
    expect(problem(answer)).toEqual([415, 'http.unsupported_media_type']);
  });

  it.each([
    ['no Host', 'GET /v1/things HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'http.malformed_request'],
    [
      'two Hosts',
      'GET /v1/things HTTP/1.1\r\nhost: a\r\nHost: b\r\nconnection: close\r\n\r\n',
      400,
      'http.malformed_request',
    ],
    ['an expectation', 'GET /v1/things HTTP/1.1\r\nhost: x\r\nexpect: wonders\r\n\r\n', 417, 'http.expectation_failed'],
    ['a tunnel', 'CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'http.malformed_request'],
  ])('%s, which Node would answer without a word', async (_, bytes, status, code) => {
    const answer = await http.raw(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(answer).toMatch(/x-request-id: \S{36}/i);
    expect(answer).toContain(`"code":"${code}"`);
  });

  it('is not a request that names us in full, or comes in HTTP/1.0', async () => {
    const token = `authorization: Bearer ${ALL}\r\nconnection: close\r\n\r\n`;
    expect(await http.raw(`GET http://x/v1/things HTTP/1.1\r\nhost: x\r\n${token}`)).toMatch(/^HTTP\/1.1 200/);
    expect(await http.raw(`GET /v1/things HTTP/1.0\r\n${token}`)).toMatch(/^HTTP\/1.1 200/);
  });

  it('an upgrade we do not know, after which Node would answer nothing malformed on that connection', async () => {
    const head = `host: x\r\nauthorization: Bearer ${ALL}\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 0`;
    const answer = await http.raw(`POST /v1/things/anything HTTP/1.1\r\n${head}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200/);
    expect(answer).toMatch(/connection: close/i);
  });

  it.each([
    ['what they want', 'POST /v1/things HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\ncontent-ty'],
    [
      'what it is about',
      'POST /v1/things/anything HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"a"',
    ],
  ])('a caller who takes too long to say %s', async (_what, bytes) => {
    const server = http.app.getHttpServer();
    const { requestTimeout, headersTimeout } = server;
    expect(requestTimeout).toBe(REQUEST_TIMEOUT_MS);
    try {
      server.requestTimeout = server.headersTimeout = 200;
      const answer = await http.raw(bytes);
      expect(answer).toMatch(/^HTTP\/1.1 408 Request Timeout/);
      expect(answer).toContain('"code":"http.request_timeout"');
    } finally {
      Object.assign(server, { requestTimeout, headersTimeout });
    }
  });

  it('a caller who connects and then says nothing at all', async () => {
    const server = http.app.getHttpServer();
    expect(server.timeout).toBe(CONNECTION_TIMEOUT_MS);
    try {
      server.timeout = 100;
      const startedAt = performance.now();
      expect(await http.raw('')).toBe('');
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    } finally {
      server.timeout = CONNECTION_TIMEOUT_MS;
    }
  });

  it('a caller who goes away in the middle, which is not a bug of ours', async () => {
    const head =
      'POST /v1/things/anything HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n';
    await http.raw(`${head}{}`, 50);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(http.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('a body', () => {
  it('may be a merge patch', async () => {
    const headers = { 'content-type': 'application/merge-patch+json' };
    const answer = await http.call('PATCH', '/v1/things/7', { headers, body: '{"a":null}' });
    expect(answer).toMatchObject({ status: 200, body: { id: '7', body: { a: null } } });
  });

  it('is in UTF-8, with a charset or without', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    const answer = await http.call('POST', '/v1/things/anything', { headers, body: '"Zoë 🎉\\n"' });
    expect(answer.body).toMatchObject({ body: 'Zoë 🎉\n' });
  });

  it('is understood or refused, whatever it is', async () => {
    const shaped = fc.record(
      { name: fc.jsonValue(), consent: fc.jsonValue(), items: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const anything = fc.oneof(
      fc.json(),
      fc.string(),
      shaped.map((value) => JSON.stringify(value)),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (body) => {
        const { status } = await http.call('POST', '/v1/things', { body });
        expect([201, 400]).toContain(status);
      }),
      { numRuns: 200 },
    );
  });

  it('is refused with all that is in it where a call takes none', async () => {
    const send = (body?: string) => http.call('POST', '/v1/things/nothing', body === undefined ? {} : { body });
    expect((await send()).status).toBe(202);
    expect((await send('{}')).status).toBe(202);
    expect(await send('{"reason":"x","a/b":[]}')).toMatchObject({
      status: 400,
      body: {
        code: 'request.invalid',
        errors: [
          { pointer: '/reason', rule: 'unknown' },
          { pointer: '/a~1b', rule: 'unknown' },
        ],
      },
    });
    for (const body of ['null', '[]', '"x"', '7', 'true'])
      expect([body, await send(body)]).toMatchObject([
        body,
        { status: 400, body: { errors: [{ pointer: '', rule: 'isObject' }] } },
      ]);
  });

  it('that is empty is none', async () => {
    const headers = { 'content-type': 'application/json' };
    expect((await http.call('POST', '/v1/things/anything', { headers })).status).toBe(200);
    expect((await http.call('POST', '/v1/things', { headers })).body).toMatchObject({
      code: 'request.invalid',
      errors: [{ pointer: '', rule: 'isObject', message: 'must be a JSON object' }],
    });
  });

  it.each([
    ['{"__proto__":{"admin":true}}', '/__proto__', 'reserved'],
    ['{"a":{"constructor":{"prototype":{"x":1}}}}', '/a/constructor', 'reserved'],
    ['{"a":[{"toString":1}]}', '/a/0/toString', 'reserved'],
    ['{"a/b~c":{"hasOwnProperty":1}}', '/a~1b~0c/hasOwnProperty', 'reserved'],
    ['{"a":"x\\u0000y"}', '/a', 'controlCharacter'],
    ['{"a":["\\u001b[31m"]}', '/a/0', 'controlCharacter'],
    ['{"a":"\\ud800"}', '/a', 'unicode'],
    ['"\\u0007"', '', 'controlCharacter'],
    ['{"a":[1e999]}', '/a/0', 'number'],
  ])('may not hold %s', async (body, pointer, rule) => {
    const answer = await http.call('POST', '/v1/things/anything', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid', errors: [{ pointer, rule }] } });
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each(['{"a":1,"a":2}', '{"a":{"b":1,"c":[{"d":1,"\\u0064":2}]}}', '{"a:\\"":":", "b":"\\\\", "a:\\"":1}'])(
    'may not name a member twice: %s',
    async (body) => {
      const answer = await http.call('POST', '/v1/things/anything', { body });
      expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '', rule: 'unique' }] } });
    },
  );

  it('is not said to name a member twice because of what its texts hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = Buffer.from(JSON.stringify(value));
        let rules: string[] = [];
        try {
          parseJsonBody(text);
        } catch (error) {
          rules = (error as AppError).errors.map(({ rule }) => rule);
        }
        expect(rules).not.toContain('unique');
      }),
    );
    expect(parseJsonBody(Buffer.from('{"a":":\\":","b\\\\":{":":"{:"}}'))).toEqual({ a: ':":', 'b\\': { ':': '{:' } });
  });

  it('may be nested, but not without end', async () => {
    const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
    expect((await http.call('POST', '/v1/things/anything', { body: nested(32) })).status).toBe(200);
    const answer = await http.call('POST', '/v1/things/anything', { body: nested(33) });
    expect(answer.body).toMatchObject({ errors: [{ pointer: '/0'.repeat(32), rule: 'maxDepth' }] });
    expect((await http.call('POST', '/v1/things/anything', { body: nested(30_000) })).status).toBe(400);
  });

  it('with more faults than anybody reads gets the first of them', async () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`m${at}`, 1]));
    const { body } = await http.call('POST', '/v1/things', { body: { consent: { marketing: true }, ...many } });
    expect(body).toMatchObject({
      detail: expect.stringContaining('The first 100 of 3000 faults are listed') as string,
    });
    expect((body as { errors: unknown[] }).errors).toHaveLength(100);
  });
});

describe('a validated request', () => {
  const errorsOf = async (body: unknown) => {
    const answer = await http.call('POST', '/v1/things', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    return (answer.body as { errors: { pointer: string; rule: string; message: string }[] }).errors;
  };

  it('reaches the handler as an instance that has only what was sent', async () => {
    const { body } = await http.call('POST', '/v1/things', { body: { consent: { marketing: true } } });
    expect(body).toEqual({ body: { consent: { marketing: true } }, keys: ['consent'], isThing: true });
  });

  it('is refused with everything wrong with it at once', async () => {
    const body = {
      name: 7,
      consent: { marketing: 'yes', extra: 1 },
      items: [{ count: 1 }, { count: 1.5, 'a/b': 1 }, 'x', [{ count: 1 }]],
      'un~known': 1,
    };
    expect(await errorsOf(body)).toEqual(
      expect.arrayContaining([
        {
          pointer: '/un~0known',
          rule: 'unknown',
          message: 'is not known here; remove it. Known are: consent, items, name',
        },
        { pointer: '/name', rule: 'isString', message: 'must be a string' },
        { pointer: '/consent/extra', rule: 'unknown', message: 'is not known here; remove it. Known are: marketing' },
        expect.objectContaining({ pointer: '/consent/marketing', rule: 'isIn' }),
        { pointer: '/items/1/count', rule: 'isInt', message: 'must be an integer number' },
        expect.objectContaining({ pointer: '/items/1/a~1b', rule: 'unknown' }),
        { pointer: '/items/2', rule: 'isObject', message: 'must be an object' },
        { pointer: '/items/3', rule: 'isObject', message: 'must be an object' },
      ]),
    );
  });

  it.each([
    [[], ''],
    ['text', ''],
    [7, ''],
    [null, ''],
  ])('must be an object: %j', async (body, pointer) => {
    expect(await errorsOf(JSON.stringify(body))).toEqual([
      { pointer, rule: 'isObject', message: 'must be a JSON object' },
    ]);
  });

  it('says once that something is missing', async () => {
    expect(await errorsOf({})).toEqual([{ pointer: '/consent', rule: 'required', message: 'is required' }]);
    expect(await errorsOf({ consent: {} })).toEqual([
      { pointer: '/consent/marketing', rule: 'required', message: 'is required' },
    ]);
  });

  it.each([[[]], [[true]], ['x'], [7], [null], [true]])(
    'takes no %j for an object of another shape',
    async (consent) => {
      expect(await errorsOf({ consent })).toEqual([
        { pointer: '/consent', rule: 'isObject', message: 'must be an object' },
      ]);
    },
  );

  it.each([[{}], ['x'], [null]])('takes no %j for a list', async (items) => {
    expect((await errorsOf({ consent: { marketing: true }, items }))[0]).toMatchObject({ pointer: '/items' });
  });

  it('does not take null for absent', async () => {
    expect(await errorsOf({ consent: { marketing: true }, name: null })).toMatchObject([{ pointer: '/name' }]);
  });

  it('never quotes what was sent', async () => {
    const secret = 'jane@example.com';
    const errors = await errorsOf({ name: secret, consent: { marketing: secret }, items: [{ count: secret }, secret] });
    expect(JSON.stringify(errors)).not.toContain('jane');
  });

  it('has numbers in its query only where they are asked for', async () => {
    expect((await http.call('GET', '/v1/things?limit=20&state=open')).body).toEqual({ limit: 20, state: 'open' });
    expect((await http.call('GET', '/v1/things')).body).toEqual({});
  });

  it.each([
    ['limit=0', '/limit', 'min'],
    ['limit=501', '/limit', 'max'],
    ['limit=1e2', '/limit', 'isInt'],
    ['limit=', '/limit', 'isInt'],
    ['limit=1&limit=2', '/limit', 'once'],
    ['state=x', '/state', 'isIn'],
    ['email=jane', '/email', 'unknown'],
    ['__proto__=1', '/__proto__', 'reserved'],
    ['constructor=1', '/constructor', 'reserved'],
    ['state=%00', '/state', 'controlCharacter'],
  ])('is refused for the query %s', async (query, pointer, rule) => {
    const answer = await http.call('GET', `/v1/things?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    expect((answer.body as { errors: unknown[] }).errors).toContainEqual(expect.objectContaining({ pointer, rule }));
    expect((answer.body as { detail: string }).detail).toContain('query string');
  });
});

describe('a request', () => {
  it('has a context of its own, through everything that is awaited', async () => {
    const ids = Array.from({ length: 10 }, (_, at) => `01890a5d-ac96-774b-bcce-b302099a80${10 + at}`);
    const answers = await Promise.all(
      ids.map((id) =>
        http.call('GET', '/v1/things/context', { headers: { 'x-request-id': id, 'user-agent': `agent/${id}` } }),
      ),
    );
    for (const [at, id] of ids.entries()) {
      expect(answers[at]!.body).toEqual({ id, actor: null, ipAddress: '127.0.0.1', userAgent: `agent/${id}` });
      expect(answers[at]!.headers.get('x-request-id')).toBe(id);
    }
  });

  it('keeps its context when it has a body', async () => {
    const answer = await http.call('POST', '/v1/things/anything', {
      headers: { 'x-request-id': '01890a5d-ac96-774b-bcce-b302099a8057' },
      body: {},
    });
    expect(answer.body).toMatchObject({ context: '01890a5d-ac96-774b-bcce-b302099a8057' });
  });

  it.each(['', 'has space', 'x'.repeat(65), 'new\tline', 'ü', '353861234567', '203.0.113.77'])(
    'gets an id of ours in place of %p',
    async (given) => {
      const { headers } = await http.call('GET', '/v1/things/context', { headers: { 'x-request-id': given } });
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('leaves one line, with the template of its route and never its path', async () => {
    await http.call('PATCH', '/v1/things/jane?email=jane@example.com', { body: { name: 'jane' } });
    await http.call('GET', '/nowhere/jane');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const lines = http.lines.filter(({ msg }) => msg === 'request answered');
    expect(lines).toMatchObject([
      { level: 'info', method: 'PATCH', route: '/v1/things/:id', status: 200, context: 'http' },
      { level: 'info', method: 'GET', route: null, status: 404 },
    ]);
    expect(lines[0]!['ms']).toEqual(expect.any(Number));
    expect(lines[0]!['runId']).toMatch(/^[0-9a-f-]{36}$/);
    expect(JSON.stringify(http.lines)).not.toContain('jane');
  });

  it('is answered with headers that keep browsers and caches from doing more than they should', async () => {
    const { headers } = await http.call('GET', '/v1/things');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('private, no-cache');
    expect(headers.get('x-powered-by')).toBeNull();
  });
});

describe('leaving', () => {
  it('answers what is under way, and turns away what comes after it', async () => {
    const leaving = await served({ controllers: [ThingController] });
    const { port } = leaving.app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    let answers = '';
    socket.on('data', (data) => (answers += data.toString()));
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.write('GET /v1/things/slow HTTP/1.1\r\nhost: x\r\n\r\n');
    await started;
    const closed = leaving.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.write('GET /v1/things HTTP/1.1\r\nhost: x\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    finish();
    await Promise.all([closed, ended]);
    expect(answers).toMatch(/^HTTP\/1.1 200 OK/);
    const second = answers.slice(answers.indexOf('HTTP/1.1 503'));
    expect(second).toContain('"code":"http.shutting_down"');
    expect(second).toMatch(/retry-after: 1/i);
    expect(second).toMatch(/connection: close/i);
  });

  it('does not wait for a connection on which nobody has said anything yet', async () => {
    const leaving = await served({ controllers: [ThingController] });
    const { port } = leaving.app.getHttpServer().address() as AddressInfo;
    const silent = connect(port, '127.0.0.1');
    await new Promise((resolve) => silent.once('connect', resolve));
    await leaving.call('GET', '/v1/things');
    const startedAt = performance.now();
    await leaving.close();
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    silent.destroy();
  });
});
