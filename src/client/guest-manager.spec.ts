import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import {
  GuestConflictError,
  GuestManager,
  GuestManagerError,
  GuestNetworkError,
  GuestUnauthenticatedError,
  GuestUnavailableError,
  GuestValidationError,
} from './index.js';
import type { Guest, GuestChanges } from './index.js';

const ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const EMAIL = 'user@example.com';
const wanted = { email: EMAIL, consent: { marketing: false, dataProcessing: true }, attributes: { source: 'website' } };

describe('GuestManager over HTTP', () => {
  let service: Stub;
  let manager: GuestManager;
  beforeEach(async () => {
    service = await startStub();
    manager = GuestManager.http({ baseUrl: `${service.url}/`, token: 'secret' });
  });
  afterEach(() => service.close());

  it('does not blame the service for what no attempt could send, and does not show it', async () => {
    const knot: Record<string, unknown> = {};
    knot['knot'] = knot;
    const lineBreak = GuestManager.http({ baseUrl: service.url, token: 'sec\nret' });
    for (const call of [
      manager.createGuest({ ...wanted, attributes: knot as Record<string, string> }),
      manager.createGuest(wanted, { idempotencyKey: 'a\nb' }),
      lineBreak.getGuest(ID),
    ]) {
      const error = await failureOf(call);
      expect(error).toBeInstanceOf(GuestValidationError);
      expect(error).toMatchObject({ code: 'client.not_sendable', status: 0 });
      expect(inspect(error)).not.toMatch(/sec\nret|knot/);
    }
    expect(service.requests).toEqual([]);
  });

  describe('makes guests', () => {
    it('sends what is wanted, server-led unless said otherwise, and gives the guest with its ETag', async () => {
      service.answers({ status: 201, body: aGuest() }, { status: 201, body: aGuest({ mode: 'widget' }) });

      const guest = await manager.createGuest(wanted);
      await manager.createGuest({ ...wanted, mode: 'widget' });

      expect(guest).toMatchObject({ id: ID, version: 1, etag: '"1"' });
      expect(service.requests[0]).toMatchObject({
        method: 'POST',
        path: '/v1/guests',
        headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
        body: { mode: 'server', ...wanted },
      });
      expect(service.requests[1]?.body).toMatchObject({ mode: 'widget' });
    });

    it('repeats what may pass under the key of the first attempt, and uses another key for the next guest', async () => {
      service.answers('drop', { status: 503 }, { status: 201, body: aGuest() }, { status: 201, body: aGuest() });

      await manager.createGuest(wanted);
      await manager.createGuest(wanted);

      const keys = service.requests.map(({ headers }) => headers['idempotency-key']);
      expect(keys).toEqual([keys[0], keys[0], keys[0], expect.stringMatching(/^[0-9a-f]{32}$/)]);
      expect(keys[3]).not.toBe(keys[0]);
    });

    it('takes a key from a caller who wants to repeat it later', async () => {
      service.answers({ status: 201, body: aGuest() });
      await manager.createGuest(wanted, { idempotencyKey: 'order-17' });
      expect(service.requests[0]?.headers['idempotency-key']).toBe('order-17');
    });

    it('repeats while the first attempt is still being worked on', async () => {
      const inProgress = { status: 409, body: { code: 'http.idempotency_in_progress' } };
      service.answers(inProgress, { status: 201, body: aGuest() });
      await expect(manager.createGuest(wanted)).resolves.toMatchObject({ id: ID });
    });

    it('keeps and logs no identifier, whether it works or fails', async () => {
      const written = [process.stdout, process.stderr].map((stream) => jest.spyOn(stream, 'write'));
      const logged = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => jest.spyOn(console, name));
      service.answers(
        { status: 201, body: aGuest() },
        { status: 400, body: { code: 'request.invalid', errors: [] } },
        'drop',
      );

      await manager.createGuest(wanted);
      const failures = [await failureOf(manager.createGuest(wanted)), await failureOf(manager.createGuest(wanted))];

      const all = { depth: Infinity, showHidden: true };
      expect(inspect([manager, manager.getState(ID), failures], all)).not.toContain(EMAIL);
      for (const spy of [...written, ...logged]) {
        expect(inspect(spy.mock.calls, all)).not.toContain(EMAIL);
        spy.mockRestore();
      }
    });
  });

  describe('tries again', () => {
    it.each([429, 502, 503, 504])('after %i, and tells after three tries', async (status) => {
      service.answers({ status, body: { code: 'some.code', detail: 'Later.' } });
      const error = await failureOf(manager.getGuest(ID));
      expect(error).toBeInstanceOf(GuestUnavailableError);
      expect(error).toMatchObject({ code: 'some.code', status, message: 'Later.' });
      expect(service.requests).toHaveLength(3);
    });

    it('when nobody answers', async () => {
      service.answers('drop');
      expect(await failureOf(manager.getGuest(ID))).toMatchObject({
        name: 'GuestNetworkError',
        code: 'client.no_answer',
        status: 0,
      });
      expect(service.requests).toHaveLength(3);
    });

    it('when an answer takes too long', async () => {
      const impatient = GuestManager.http({ baseUrl: service.url, token: 'secret', timeoutMs: 50 });
      service.answers('silence', { status: 200, body: aGuest() });
      await expect(impatient.getGuest(ID)).resolves.toMatchObject({ id: ID });
    });

    it('not before the service said', async () => {
      service.answers({ status: 429, headers: { 'retry-after': '1' } }, { status: 200, body: aGuest() });
      await manager.getGuest(ID);
      expect(service.requests[1]!.at - service.requests[0]!.at).toBeGreaterThanOrEqual(990);
    });

    it('not before the moment the service named', async () => {
      const moment = new Date(Math.ceil(Date.now() / 1_000 + 1) * 1_000);
      service.answers(
        { status: 503, headers: { 'retry-after': moment.toUTCString() } },
        { status: 200, body: aGuest() },
      );
      await manager.getGuest(ID);
      expect(Date.now()).toBeGreaterThanOrEqual(moment.getTime() - 10);
    });

    it('not at all when it would take longer than anybody waits', async () => {
      service.answers({ status: 429, headers: { 'retry-after': '120' } });
      expect(await failureOf(manager.getGuest(ID))).toMatchObject({ retryAfterMs: 120_000, status: 429 });
      expect(service.requests).toHaveLength(1);
    });

    it.each([401, 403, 404, 409, 410, 500])('not after %i', async (status) => {
      service.answers({ status, body: { code: 'some.code' } });
      expect(await failureOf(manager.getGuest(ID))).toMatchObject({ code: 'some.code', status });
      expect(service.requests).toHaveLength(1);
    });

    it('for so long and no longer, all attempts and waits together', async () => {
      const hasty = GuestManager.http({ baseUrl: service.url, token: 'secret', timeoutMs: 200, totalMs: 300 });
      service.answers('silence');
      const startedAt = Date.now();
      expect(await failureOf(hasty.getGuest(ID))).toBeInstanceOf(GuestNetworkError);
      expect(Date.now() - startedAt).toBeLessThan(450);
      expect(service.requests.length).toBeLessThan(3);
    });

    it('not when the caller has aborted: before, in the course of it, or while it waits', async () => {
      const while_ = async (answer: Answer, ms: number): Promise<GuestManagerError> => {
        service.answers(answer);
        const caller = new AbortController();
        setTimeout(() => caller.abort('enough'), ms);
        return failureOf(manager.getGuest(ID, { signal: caller.signal }));
      };
      const startedAt = Date.now();
      const failures = [
        await failureOf(manager.getGuest(ID, { signal: AbortSignal.abort('enough') })),
        await while_('silence', 30),
        await while_({ status: 503, headers: { 'retry-after': '20' } }, 30),
      ];
      expect(Date.now() - startedAt).toBeLessThan(2_000);
      for (const failure of failures)
        expect(failure).toMatchObject({ name: 'GuestAbortedError', code: 'client.aborted', cause: 'enough' });
      expect(service.requests).toHaveLength(2);
    });

    it('once with a new token when the one it had has run out, and never with the same', async () => {
      const tokens = ['old', 'new', 'newer'];
      const renewing = GuestManager.http({ baseUrl: service.url, token: async () => tokens.shift()! });
      service.answers({ status: 401, body: { code: 'auth.token_unknown' } }, { status: 200, body: aGuest() });
      await renewing.getGuest(ID);
      service.answers({ status: 401, body: { code: 'auth.token_unknown' } });
      expect(await failureOf(manager.getGuest(ID))).toBeInstanceOf(GuestUnauthenticatedError);
      expect(service.requests.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer old',
        'Bearer new',
        'Bearer secret',
      ]);
    });

    it('not at all when there is no token to be had', async () => {
      const locked = GuestManager.http({ baseUrl: service.url, token: () => Promise.reject(new Error('signed out')) });
      expect(await failureOf(locked.getGuest(ID))).toMatchObject({
        name: 'GuestUnauthenticatedError',
        code: 'client.no_token',
        cause: { message: 'signed out' },
      });
      expect(service.requests).toHaveLength(0);
    });

    it('with a token asked for anew', async () => {
      let asked = 0;
      const renewing = GuestManager.http({ baseUrl: service.url, token: async () => `token-${(asked += 1)}` });
      service.answers({ status: 503 }, { status: 200, body: aGuest() });
      await renewing.getGuest(ID);
      expect(service.requests.map(({ headers }) => headers.authorization)).toEqual([
        'Bearer token-1',
        'Bearer token-2',
      ]);
    });
  });

  describe('changes guests', () => {
    const changes: GuestChanges = { attributes: { source: 'kiosk' } };
    const overlap = (version: number, conflicts: string[], guest: Partial<Guest> = {}) => ({
      status: 409,
      body: { code: 'guest.overlapping_change', current: aGuest({ ...guest, version }), conflicts },
    });
    const bases = () => service.requests.filter(({ method }) => method === 'PATCH').map(({ query }) => query);

    it('merged on the server against the version it last saw', async () => {
      service.answers({ status: 200, body: aGuest({ version: 4 }) }, { status: 200, body: aGuest({ version: 6 }) });
      await manager.getGuest(ID);
      await expect(manager.updateGuest(ID, changes)).resolves.toMatchObject({ etag: '"6"' });
      expect(service.requests[1]).toMatchObject({
        method: 'PATCH',
        path: `/v1/guests/${ID}`,
        query: 'base=4',
        headers: { 'if-match': '*', 'content-type': 'application/merge-patch+json' },
        body: changes,
      });
    });

    it('reads a guest it does not know first, and takes a guest that is given as the base', async () => {
      service.answers({ status: 200, body: aGuest({ version: 3 }) });
      const old = await manager.getGuest(ID);
      service.answers({ status: 200, body: aGuest({ version: 8 }) });
      await manager.getGuest(ID);
      await manager.updateGuest(old, changes);
      await GuestManager.http({ baseUrl: service.url, token: 'secret' }).updateGuest(ID, changes);
      expect(bases()).toEqual(['base=3', 'base=8']);
    });

    it('asks the merge rule on an overlap, with the first wish and everything that conflicted so far', async () => {
      service.answers(
        { status: 200, body: aGuest({ version: 1 }) },
        overlap(2, ['/attributes/source'], { attributes: { source: 'phone' } }),
        overlap(5, ['/channelContext/campaignId']),
        { status: 200, body: aGuest({ version: 6 }) },
      );
      const merge = jest.fn((current: Guest) => ({
        attributes: { source: `kiosk after ${current.attributes['source']}` },
      }));

      await expect(manager.updateGuest(ID, changes, { merge })).resolves.toMatchObject({ version: 6 });

      expect(merge.mock.calls).toEqual([
        [expect.objectContaining({ etag: '"2"' }), changes, ['/attributes/source']],
        [expect.objectContaining({ etag: '"5"' }), changes, ['/attributes/source', '/channelContext/campaignId']],
      ]);
      expect(service.requests[2]?.body).toEqual({ attributes: { source: 'kiosk after phone' } });
      expect(bases()).toEqual(['base=1', 'base=2', 'base=5']);
    });

    it('repeats a change whose answer was lost under the key of the first attempt, and each change under its own', async () => {
      service.answers({ status: 200, body: aGuest() }, 'drop', overlap(2, ['/attributes/source']), {
        status: 200,
        body: aGuest({ version: 3 }),
      });
      await manager.updateGuest(ID, changes);
      const keys = service.requests.slice(1).map(({ headers }) => headers['idempotency-key']);
      expect(keys[0]).toBe(keys[1]);
      expect(new Set(keys).size).toBe(2);
    });

    it('one after the other, so that it never conflicts with itself', async () => {
      const versions = [1, 2, 3, 4].map((version) => ({ status: 200, body: aGuest({ version }) }));
      service.answers(...versions);
      await Promise.all([1, 2, 3].map((n) => manager.updateGuest(ID, { attributes: { source: `${n}` } })));
      expect(bases()).toEqual(['base=1', 'base=2', 'base=3']);
    });

    it('without waiting for a turn that nobody wants any more, and goes on after one that failed', async () => {
      service.answers({ status: 200, body: aGuest() });
      await manager.getGuest(ID);
      service.answers('silence', { status: 404, body: { code: 'guest.not_found' } }, { status: 200, body: aGuest() });
      const slow = GuestManager.http({ baseUrl: service.url, token: 'secret', timeoutMs: 300, totalMs: 300 });
      const first = failureOf(slow.updateGuest(aGuestSeen(), changes));
      const caller = new AbortController();
      const second = failureOf(slow.updateGuest(aGuestSeen(), changes, { signal: caller.signal }));
      const third = failureOf(slow.updateGuest(aGuestSeen(), changes));
      const fourth = slow.updateGuest(aGuestSeen(), changes);
      caller.abort();
      expect((await second).code).toBe('client.aborted');
      expect((await first).code).toBe('client.no_answer');
      expect((await third).code).toBe('guest.not_found');
      await fourth;
      expect(bases()).toHaveLength(3);
    });

    it('after the service was restored, from what it has now', async () => {
      const body = { code: 'guest.unknown_base', current: aGuest({ version: 2 }), conflicts: ['/attributes/source'] };
      service.answers(
        { status: 200, body: aGuest({ version: 9 }) },
        { status: 409, body },
        { status: 200, body: aGuest({ version: 3 }) },
      );
      await manager.getGuest(ID);
      await manager.updateGuest(ID, changes);
      await manager.updateGuest(ID, changes);
      expect(bases()).toEqual(['base=9', 'base=2', 'base=3']);
    });

    it('at last whatever others do, where its own change wins anyway; but never over consent', async () => {
      service.answers({ status: 200, body: aGuest() }, overlap(2, ['/attributes/source']));
      await failureOf(manager.updateGuest(ID, changes));
      await failureOf(manager.updateGuest(ID, { ...changes, consent: { marketing: false } }));
      expect(bases()).toEqual(['base=1', 'base=2', '', 'base=2', 'base=2', 'base=2']);
    });

    it('gives up after three attempts', async () => {
      service.answers({ status: 200, body: aGuest() }, overlap(2, ['/attributes/source']));
      const error = await failureOf(manager.updateGuest(ID, changes));
      expect(error).toBeInstanceOf(GuestConflictError);
      expect(error).toMatchObject({
        code: 'guest.overlapping_change',
        status: 409,
        conflicts: ['/attributes/source'],
        current: { version: 2, etag: '"2"' },
      });
      expect(bases()).toHaveLength(3);
    });

    it('gives up at once when the merge rule does', async () => {
      service.answers({ status: 200, body: aGuest() }, overlap(2, ['/attributes/source']));
      await expect(manager.updateGuest(ID, changes, { merge: () => null })).rejects.toThrow(GuestConflictError);
      expect(bases()).toHaveLength(1);
    });

    it('lets its own change win unless told otherwise, but gives back no consent that was withdrawn', async () => {
      const everything: GuestChanges = { consent: { marketing: true, dataProcessing: false }, ...changes };
      service.answers(
        { status: 200, body: aGuest() },
        overlap(2, ['/attributes/source', '/consent/marketing'], {
          consent: { marketing: false, dataProcessing: true },
        }),
        { status: 200, body: aGuest({ version: 3 }) },
      );
      await manager.updateGuest(ID, everything);
      expect(service.requests[2]?.body).toEqual({ consent: { dataProcessing: false }, ...changes });
    });

    it('strictly, when an ETag is given', async () => {
      const moved = { code: 'guest.version_mismatch', current: aGuest({ version: 9 }), conflicts: [] };
      service.answers({ status: 412, body: moved });
      const error = await failureOf(manager.updateGuest(ID, changes, { etag: '"4"' }));
      expect(error).toBeInstanceOf(GuestConflictError);
      expect(error).toMatchObject({ status: 412, conflicts: [], current: { etag: '"9"' } });
      expect(service.requests).toMatchObject([{ query: '', headers: { 'if-match': '"4"' } }]);
    });

    it('does not take other refusals for conflicts', async () => {
      service.answers(
        { status: 200, body: aGuest() },
        { status: 409, body: { code: 'guest.closed', state: 'closed' } },
      );
      const error = await failureOf(manager.updateGuest(ID, changes));
      expect(error).not.toBeInstanceOf(GuestConflictError);
      expect(error).toMatchObject({ code: 'guest.closed', problem: { state: 'closed' } });
      expect(bases()).toHaveLength(1);
    });
  });

  it('closes, measures, writes and reads', async () => {
    service.answers({ status: 200, body: { ...aGuest(), items: [], nextCursor: null } });
    await manager.closeGuest(ID);
    await manager.getEngagementMetrics(ID);
    await manager.sendMessage(ID, 'Where is my order?');
    await manager.listMessages(ID, { limit: 2 });
    await manager.getAuditEntries(ID, { cursor: 'a/b' });
    await manager.getGuest('../v1/jobs');
    expect(service.requests.map(({ method, path, query }) => `${method} ${path} ${query}`)).toEqual([
      `POST /v1/guests/${ID}/close `,
      `GET /v1/guests/${ID}/metrics `,
      `POST /v1/guests/${ID}/messages `,
      `GET /v1/guests/${ID}/messages limit=2`,
      `GET /v1/audit/entries subject=guest%3A${ID}&cursor=a%2Fb`,
      'GET /v1/guests/..%2Fv1%2Fjobs ',
    ]);
    expect(service.requests[2]?.body).toEqual({ text: 'Where is my order?' });
    expect(service.requests[0]?.headers['idempotency-key']).not.toBe(service.requests[2]?.headers['idempotency-key']);
  });

  it('has a guest erased, strictly where an ETag is given, and forgets what it saw of it', async () => {
    const erasure = { id: 'e-1', guestId: ID, state: 'under-way', places: [] };
    const heard: string[] = [];
    manager.on('erased', ({ state }) => heard.push(state));
    service.answers({ status: 200, body: aGuest() }, { status: 202, body: erasure }, { status: 200, body: erasure });
    await manager.getGuest(ID);
    expect(await manager.eraseGuest(ID, { etag: '"1"' })).toEqual(erasure);
    expect(manager.getState(ID)).toBeNull();
    expect(await manager.getErasure('e-1')).toEqual(erasure);
    expect(service.requests.slice(1).map(({ method, path }) => `${method} ${path}`)).toEqual([
      `DELETE /v1/guests/${ID}`,
      'GET /v1/erasures/e-1',
    ]);
    expect([service.requests[1]?.headers['if-match'], heard]).toEqual(['"1"', ['under-way']]);

    service.answers({ status: 412, body: { code: 'guest.version_mismatch', current: aGuest({ version: 2 }) } });
    expect(await failureOf(manager.eraseGuest(ID, { etag: '"1"' }))).toBeInstanceOf(GuestConflictError);
  });

  it('remembers the newest it has seen of each guest, and of so many guests only', async () => {
    const forgetful = GuestManager.http({ baseUrl: service.url, token: 'secret', remembered: 2 });
    for (const guest of [{ version: 5 }, { version: 3 }, { id: 'b' }, { id: 'c' }]) {
      service.answers({ status: 200, body: aGuest(guest) });
      await forgetful.getGuest(guest.id ?? ID);
      if (guest.id === undefined) expect(forgetful.getState(ID)?.version).toBe(5);
    }
    expect([ID, 'b', 'c'].map((id) => forgetful.getState(id)?.id)).toEqual([undefined, 'b', 'c']);
    expect(forgetful.getState('never seen')).toBeNull();
  });

  it('tells who listens what was done through it, until they stop listening', async () => {
    const heard: string[] = [];
    manager.on('created', ({ version }) => heard.push(`created ${version}`));
    manager.on('conflict', ({ conflicts }) => heard.push(`conflict ${conflicts.join()}`));
    manager.on('closed', ({ state }) => heard.push(`closed ${state}`));
    const stop = manager.on('updated', ({ version }) => heard.push(`updated ${version}`));
    const body = {
      code: 'guest.overlapping_change',
      current: aGuest({ version: 2 }),
      conflicts: ['/attributes/source'],
    };
    service.answers(
      { status: 201, body: aGuest() },
      { status: 409, body },
      { status: 200, body: aGuest({ version: 3 }) },
      { status: 200, body: aGuest({ version: 4 }) },
      { status: 200, body: aGuest({ version: 5, state: 'closing' }) },
    );

    await manager.createGuest(wanted);
    await manager.updateGuest(ID, {});
    stop();
    await manager.updateGuest(ID, {});
    await manager.closeGuest(ID);

    expect(heard).toEqual(['created 1', 'conflict /attributes/source', 'updated 3', 'closed closing']);
  });

  it('lets a listener fail alone, and tells of it', async () => {
    const told: unknown[] = [];
    const heard: string[] = [];
    const careful = GuestManager.http({
      baseUrl: service.url,
      token: 'secret',
      onListenerError: (error, event) => told.push([event, (error as Error).message]),
    });
    careful.on('created', () => {
      throw new Error('at once');
    });
    careful.on('created', async () => Promise.reject(new Error('later')));
    const listener = ({ id }: Guest): number => heard.push(id);
    careful.on('created', listener);
    service.answers({ status: 201, body: aGuest() });
    await careful.createGuest(wanted);
    await new Promise(setImmediate);
    careful.off('created', listener);
    await careful.createGuest(wanted);
    await new Promise(setImmediate);
    expect(heard).toEqual([ID]);
    expect(told).toHaveLength(4);
    expect(told).toEqual(
      expect.arrayContaining([
        ['created', 'at once'],
        ['created', 'later'],
      ]),
    );
  });

  describe('fails', () => {
    it.each([
      [400, 'GuestValidationError'],
      [401, 'GuestUnauthenticatedError'],
      [403, 'GuestForbiddenError'],
      [404, 'GuestNotFoundError'],
      [409, 'GuestStateError'],
      [410, 'GuestNotFoundError'],
      [413, 'GuestManagerError'],
      [422, 'GuestValidationError'],
      [429, 'GuestThrottledError'],
      [500, 'GuestManagerError'],
      [503, 'GuestUnavailableError'],
    ])('after %i with a %s', async (status, name) => {
      service.answers({ status, headers: { 'retry-after': '60' }, body: { code: 'some.code' } });
      expect(await failureOf(manager.getGuest(ID))).toMatchObject({ name, status, code: 'some.code' });
    });

    it('with everything that is wrong with what was sent', async () => {
      const errors = [{ pointer: '/email', rule: 'email', message: 'must be an e-mail address' }];
      service.answers({ status: 400, body: { code: 'identity.invalid', detail: 'No.', errors } });
      const error = await failureOf(manager.createGuest(wanted));
      expect(error).toBeInstanceOf(GuestValidationError);
      expect(error).toMatchObject({ code: 'identity.invalid', status: 400, message: 'No.', errors });
    });

    it('with a code of its own when something else answers in place of the service', async () => {
      service.answers({ status: 403, body: '<h1>Forbidden</h1>' });
      expect(await failureOf(manager.getGuest(ID))).toMatchObject({ name: 'GuestForbiddenError', code: 'http.403' });
      service.answers({ status: 200, body: '<h1>Welcome</h1>' });
      expect(await failureOf(manager.getGuest(ID))).toMatchObject({ code: 'client.not_json' });
    });

    it('rather than carry a body to where a redirect points', async () => {
      service.answers({ status: 307, headers: { location: '/elsewhere' } });
      expect(await failureOf(manager.createGuest(wanted))).toMatchObject({ code: 'http.307' });
      expect(service.requests).toHaveLength(1);
    });
  });
});

function aGuest(given: Partial<Guest> = {}): Omit<Guest, 'etag'> {
  return {
    id: ID,
    mode: 'server',
    channel: 'webmessaging',
    state: 'created',
    closeReason: null,
    consent: { marketing: false, dataProcessing: true },
    identityAttributes: {
      emailHash: 'a'.repeat(64),
      phoneHash: null,
      deviceFingerprint: null,
      primaryIdentifier: 'a'.repeat(64),
      resolutionMethod: 'email',
      keyId: 'k1',
    },
    channelContext: {},
    attributes: {},
    interactionCount: 0,
    createdDate: '2026-01-01T00:00:00.000Z',
    modifiedDate: '2026-01-01T00:00:00.000Z',
    closedDate: null,
    version: 1,
    genesys: { deploymentId: 'deployment', conversationIds: [], linked: false },
    ...given,
  };
}

const aGuestSeen = (): Guest => ({ ...aGuest(), etag: '"1"' });

async function failureOf(call: Promise<unknown>): Promise<GuestManagerError> {
  const failure: unknown = await call.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  );
  if (failure instanceof GuestManagerError) return failure;
  throw failure;
}

type Answer = { status: number; headers?: Record<string, string>; body?: unknown } | 'drop' | 'silence';
type Request = {
  at: number;
  method: string;
  path: string;
  query: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: unknown;
};
type Stub = { url: string; requests: Request[]; answers: (...next: Answer[]) => void; close: () => void };

/** A real server that answers what it was told to, in that order; the last answer is given to everybody after. */
async function startStub(): Promise<Stub> {
  const requests: Request[] = [];
  let script: Answer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [path = '', query = ''] = (request.url ?? '').split('?');
      const text = Buffer.concat(chunks).toString();
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      requests.push({ at: Date.now(), method: request.method ?? '', path, query, headers: request.headers, body });
      const answer = script.length > 1 ? script.shift()! : script[0];
      if (answer === 'silence') return;
      if (answer === 'drop' || answer === undefined) return void request.socket.destroy();
      response.writeHead(answer.status, answer.headers);
      response.end(typeof answer.body === 'object' ? JSON.stringify(answer.body) : answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers: (...next) => void (script = next),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
