import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { Body, Controller, Delete, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { IsString } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { AppError } from '../kernel/app-error.js';
import { Clock } from '../kernel/clock.js';
import { UnitOfWork } from '../kernel/unit-of-work.js';
import type { Tally } from '../kernel/data-class.js';
import { Vault } from '../kernel/vault.js';
import { Scope } from './access.js';
import { IDEMPOTENCY_WAIT_MS } from './idempotency.js';
import { IDEMPOTENCY_TTL_MS, idempotencyInProgress, IdempotencyStore } from './idempotency.store.js';
import type { IdempotencyRecord } from './idempotency.store.js';
import { Idempotent } from './idempotent.js';
import { ALL, served } from './served.contract.js';
import type { Served } from './served.contract.js';

/** What is kept, in one place, so that a unit that fails takes all of it back. */
type Kept = { things: string[]; answers: Map<string, IdempotencyRecord> };
let kept: Kept;

/** Units that may be told to run again from their start, as those that share a transaction do. */
class Units extends UnitOfWork {
  private readonly current = new AsyncLocalStorage<true>();
  repeat = 0;
  readonly committed: (() => void)[] = [];
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.current.getStore()) return work();
    for (;;) {
      const before: Kept = { things: [...kept.things], answers: new Map(kept.answers) };
      try {
        const result = await this.current.run(true, work);
        if (this.repeat === 0) {
          this.committed.forEach((told) => told());
          return result;
        }
        this.repeat--;
        kept = before;
      } catch (error) {
        kept = before;
        throw error;
      }
    }
  }
  afterCommit(then: () => void): void {
    then();
  }
}

class Answers extends IdempotencyStore {
  /** Scopes are held by somebody else this many times more. */
  heldTimes = 0;
  async find(scope: string, notBefore: Date): Promise<IdempotencyRecord | null> {
    if (this.heldTimes > 0) {
      this.heldTimes--;
      throw idempotencyInProgress();
    }
    const record = kept.answers.get(scope);
    return record && record.createdAt >= notBefore ? record : null;
  }
  async add(record: IdempotencyRecord): Promise<void> {
    kept.answers.set(record.scope, record);
  }
  async purge(): Promise<number> {
    return 0;
  }
  async count(): Promise<Tally> {
    return { count: 0, oldest: null };
  }
}

class Seals extends Vault {
  readonly destroyed = new Set<string>();
  async seal(subject: string, place: string, plaintext: string): Promise<string> {
    return Buffer.from(`${subject}|${place}|${plaintext}`).toString('base64');
  }
  async open(subject: string, place: string, sealed: string): Promise<string | null> {
    if (this.destroyed.has(subject)) return null;
    const plain = Buffer.from(sealed, 'base64').toString();
    if (!plain.startsWith(`${subject}|${place}|`)) throw new Error('not sealed for this');
    return plain.slice(`${subject}|${place}|`.length);
  }
  async holding(subjects: readonly string[]): Promise<string[]> {
    return subjects.filter((subject) => !this.destroyed.has(subject));
  }
  async destroy(subject: string): Promise<void> {
    this.destroyed.add(subject);
  }
}

class Hands extends Clock {
  at = new Date('2026-11-22T12:00:00Z');
  now(): Date {
    return this.at;
  }
}

class ThingBody {
  @IsString() name: string;
}

let runs = 0;
let refuse: Error | undefined;

@Scope('guest:write')
@Controller('v1/things')
class ThingController {
  constructor(private readonly work: UnitOfWork) {}

  @Post()
  @Idempotent((_params, answer) => `guest:${(answer as { id: string }).id}`)
  async create(@Body() body: ThingBody, @Res({ passthrough: true }) reply: FastifyReply) {
    const run = ++runs;
    return this.work.run(async () => {
      kept.things.push(body.name);
      if (refuse) throw refuse;
      const id = `t${kept.things.length}`;
      void reply.header('etag', `"${run}"`).header('location', `/v1/things/${id}`);
      if (run % 2 === 1) void reply.header('x-odd', String(run));
      return { id, z: 'Zoë', a: [1.0, null], run };
    });
  }

  @Post(':id/touch')
  @Idempotent()
  @HttpCode(204)
  touch(@Param('id') id: string) {
    runs++;
    kept.things.push(id);
  }

  @Idempotent()
  @Post(':id/look')
  look(@Query('at') at: string) {
    return { at, run: ++runs };
  }

  @Put(':id')
  put() {
    return { run: ++runs };
  }

  @Delete(':id')
  remove() {
    return { run: ++runs };
  }
}

const OTHER = 'another-caller-has-this-key';
const work = new Units();
const answers = new Answers();
const vault = new Seals();
const clock = new Hands();
let http: Served;

beforeAll(async () => {
  http = await served({
    controllers: [ThingController],
    keys: { other: { key: OTHER, scopes: ['*'] } },
    providers: [
      { provide: UnitOfWork, useValue: work },
      { provide: IdempotencyStore, useValue: answers },
      { provide: Vault, useValue: vault },
      { provide: Clock, useValue: clock },
    ],
  });
});
afterAll(() => http.close());
beforeEach(() => {
  kept = { things: [], answers: new Map() };
  [runs, refuse] = [0, undefined];
  [work.repeat, answers.heldTimes] = [0, 0];
});

const create = (key: string | null, body: unknown = { name: 'Jane' }, token = ALL) =>
  http.call('POST', '/v1/things', { token, body, headers: key === null ? {} : { 'idempotency-key': key } });

const shown = (answer: { status: number; text: string; headers: Headers }) => ({
  status: answer.status,
  text: answer.text,
  ...Object.fromEntries(['etag', 'location', 'content-type'].map((name) => [name, answer.headers.get(name)])),
});

describe('a POST with an Idempotency-Key', () => {
  it('is done once, and answered the same each time, byte for byte', async () => {
    const first = await create('k1');
    expect(first).toMatchObject({ status: 201, text: '{"id":"t1","z":"Zoë","a":[1,null],"run":1}' });
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    for (let n = 0; n < 3; n++) {
      const again = await create('k1');
      expect(shown(again)).toEqual(shown(first));
      expect(again.headers.get('idempotent-replayed')).toBe('true');
    }
    expect(kept.things).toEqual(['Jane']);
    expect(shown(first)).toMatchObject({ etag: '"1"', location: '/v1/things/t1' });
    expect(first.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('is the same whether the key is quoted or not', async () => {
    await create('"k 1"'.replace(' ', ''));
    expect((await create('k1')).headers.get('idempotent-replayed')).toBe('true');
    await create('"a\\"b"');
    expect((await create('"a\\"b"')).headers.get('idempotent-replayed')).toBe('true');
  });

  it('is the same however its members are ordered', async () => {
    await create('k1', '{"name":"Jane"}');
    expect((await create('k1', ' { "name" : "J\\u0061ne" } ')).headers.get('idempotent-replayed')).toBe('true');
  });

  it('answered without a body is answered without one again', async () => {
    const touch = () => http.call('POST', '/v1/things/7/touch', { headers: { 'idempotency-key': 'k' } });
    expect(await touch()).toMatchObject({ status: 204, text: '' });
    const again = await touch();
    expect(again).toMatchObject({ status: 204, text: '' });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(kept.things).toEqual(['7']);
  });

  it('with other content under the same key is refused', async () => {
    await create('k1');
    const answer = await create('k1', { name: 'John' });
    expect(answer).toMatchObject({ status: 422, body: { code: 'http.idempotency_key_reused' } });
    expect(kept.things).toEqual(['Jane']);
    const look = (at: string) =>
      http.call('POST', `/v1/things/1/look?at=${at}`, { headers: { 'idempotency-key': 'k2' } });
    expect([(await look('x')).status, (await look('y')).status]).toEqual([201, 422]);
  });

  it('is another request for another caller, another route and another thing', async () => {
    await create('k1');
    await create('k1', { name: 'Jane' }, OTHER);
    for (const id of ['1', '2']) {
      await http.call('POST', `/v1/things/${id}/touch`, { headers: { 'idempotency-key': 'k1' } });
    }
    expect(kept.things).toEqual(['Jane', 'Jane', '1', '2']);
  });

  it.each(['""', '"', '"a', 'a"b', 'x'.repeat(256), '"a b"', 'a b', '"\\n"'])(
    'is refused for a key that is none (%#)',
    async (key) => {
      const answer = await create(key);
      expect(answer).toMatchObject({ status: 400, body: { code: 'http.bad_header', header: 'Idempotency-Key' } });
      expect(kept.things).toEqual([]);
    },
  );

  it('that is refused is not kept: mended, it is done under the same key', async () => {
    refuse = new AppError('conflict', 'thing.taken', 'Taken.');
    expect((await create('k1')).status).toBe(409);
    expect(kept).toEqual({ things: [], answers: new Map() });
    expect((await create('k1', { name: 7 })).status).toBe(400);
    refuse = undefined;
    expect((await create('k1', { name: 'John' })).status).toBe(201);
    expect(kept.things).toEqual(['John']);
  });

  it('that ran twice before it was durable shows only what the last run said', async () => {
    work.repeat = 1;
    const first = await create('k1');
    expect(runs).toBe(2);
    expect(kept.things).toEqual(['Jane']);
    expect(first.headers.get('etag')).toBe('"2"');
    expect(first.headers.get('x-odd')).toBeNull();
    expect(first.headers.get('x-request-id')).not.toBeNull();
    expect(first.headers.get('x-content-type-options')).toBe('nosniff');
    expect(shown(await create('k1'))).toEqual(shown(first));
  });

  it('is answered only once it is durable', async () => {
    const order: string[] = [];
    work.committed.push(() => order.push('durable'));
    await create('k1').then(() => order.push('answered'));
    expect(order).toEqual(['durable', 'answered']);
    work.committed.pop();
  });

  it('keeps its answer sealed, under the key of whom it is about', async () => {
    await create('k1');
    const [record] = [...kept.answers.values()];
    expect(record).toMatchObject({ subject: 'guest:t1', createdAt: clock.now() });
    expect(JSON.stringify(record)).not.toMatch(/Jane|Zoë|k1/);
    expect(Object.keys(record!).sort()).toEqual(['answer', 'createdAt', 'scope', 'subject']);
    const asked = createHash('sha256').update('[{},{},{"name":"Jane"}]').digest('hex');
    expect(JSON.stringify(record)).not.toContain(asked);
    expect(await vault.open(record!.subject, 'idempotency.answer', record!.answer)).toContain(asked);
    expect(record!.scope).toMatch(/^[0-9a-f]{64}$/);
    await http.call('POST', '/v1/things/1/look?at=x', { headers: { 'idempotency-key': 'k2' } });
    expect([...kept.answers.values()][1]).toMatchObject({ subject: 'system:idempotency' });
  });

  it('about somebody who has been erased since does nothing, and says so', async () => {
    await create('k9');
    vault.destroyed.add('guest:t1');
    expect(await create('k9')).toMatchObject({ status: 410, body: { code: 'http.answer_erased' } });
    expect(kept.things).toEqual(['Jane']);
    vault.destroyed.clear();
  });

  it('waits for the first that is still under way', async () => {
    answers.heldTimes = 3;
    expect((await create('k1')).status).toBe(201);
    expect(runs).toBe(1);
  });

  it('is told to come back when the first takes too long', async () => {
    answers.heldTimes = Infinity;
    const startedAt = performance.now();
    const answer = await create('k1');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(IDEMPOTENCY_WAIT_MS - 100);
    expect(answer).toMatchObject({ status: 409, body: { code: 'http.idempotency_in_progress' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('can be had again for a day', async () => {
    await create('k1');
    clock.at = new Date(clock.at.getTime() + IDEMPOTENCY_TTL_MS);
    expect((await create('k1')).headers.get('idempotent-replayed')).toBe('true');
    clock.at = new Date(clock.at.getTime() + 1);
    expect((await create('k1')).headers.get('idempotent-replayed')).toBeNull();
  });
});

describe('a request without one', () => {
  it('is done each time', async () => {
    await create(null);
    await create(null);
    expect(kept).toMatchObject({ things: ['Jane', 'Jane'], answers: new Map() });
  });

  it.each(['PUT', 'DELETE'])('or one that is no POST: %s', async (method) => {
    const headers = { 'idempotency-key': 'k1' };
    expect((await http.call(method, '/v1/things/1', { headers })).body).toEqual({ run: 1 });
    expect((await http.call(method, '/v1/things/1', { headers })).body).toEqual({ run: 2 });
  });
});
