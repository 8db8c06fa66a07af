import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { effectNames, type FaultOrder } from './fault.js';
import { Lab, someText } from './lab.contract.js';

type Example = { readonly name: string; readonly order: Omit<FaultOrder, 'times'> & { readonly times?: number } };

/** The examples of `docs/sandbox.md`: under each effect's heading the order that has it. */
function examples(): Example[] {
  const text = readFileSync(join(__dirname, '..', '..', 'docs', 'sandbox.md'), 'utf8');
  const sections = (text.split('\n## Faults\n')[1] ?? '').split('\n### ').slice(1);
  return sections.map((section) => {
    const [, json = ''] = /```json\n([^]*?)\n```/.exec(section) ?? [];
    return { name: section.split('\n')[0] ?? '', order: JSON.parse(json) as Example['order'] };
  });
}

/** What is seen of an effect once its example has been ordered. `prepared` is what was made before. */
type Proof = { prepare?: (lab: Lab) => Promise<unknown>; seen: (lab: Lab, prepared: never) => Promise<void> };

const guest = (lab: Lab) => lab.configured();
const records = [{ externalId: 'a' }, { externalId: 'b', campaignId: 'BAD' }];

async function history(lab: Lab, jwt: string | undefined): Promise<(string | undefined)[]> {
  type History = { entities: { text?: string }[] };
  const headers = { authorization: `bearer ${jwt}` };
  const answered = await lab.http<History>('GET', '/api/v2/webmessaging/messages', undefined, headers);
  return answered.body.entities.map(({ text }) => text);
}

type Guest = Awaited<ReturnType<Lab['configured']>>;
const proofs: Record<string, Proof> = {
  status: {
    seen: async (lab) => {
      const ask = () => lab.api('GET', '/conversations/messages/c-1');
      for (const _ of [1, 2, 3]) expect((await ask()).status).toBe(503);
      expect((await ask()).status).toBe(404);
    },
  },
  headers: {
    seen: async (lab) => {
      const answered = await lab.api('GET', '/tokens/me');
      expect([answered.status, answered.headers.get('retry-after')]).toEqual([429, '7']);
    },
  },
  body: {
    prepare: guest,
    seen: async (_lab, made: Guest) => expect(await made.ask('getJwt')).toMatchObject({ class: 'string', code: 4020 }),
  },
  delayMs: {
    seen: async (lab) => {
      const before = performance.now();
      await lab.login();
      expect(performance.now() - before).toBeGreaterThanOrEqual(295);
    },
  },
  drop: {
    prepare: (lab) => Promise.all([lab.configured(), lab.configured()]),
    seen: async (_lab, [one, two]: [Guest, Guest]) =>
      expect([await one.closed(), await two.closed()]).toEqual([1006, 1006]),
  },
  closeCode: { prepare: guest, seen: async (_lab, made: Guest) => expect(await made.closed()).toBe(1001) },
  dropAfterAccepting: {
    prepare: guest,
    seen: async (lab, made: Guest) => {
      made.tell('onMessage', { message: { type: 'Text', text: 'Hello' } });
      await made.heard((frame) => frame.body.direction === 'Outbound');
      expect(made.frames.filter((frame) => frame.body.direction === 'Inbound')).toEqual([]);
      expect(await history(lab, (await made.ask('getJwt')).body.jwt)).toContain('Hello');
    },
  },
  duplicate: {
    prepare: guest,
    seen: async (_lab, made: Guest) => {
      const { body } = await made.say('Hello');
      await made.heard((frame) => frame.body.direction === 'Outbound');
      expect(made.frames.filter((frame) => frame.body.id === body.id)).toHaveLength(2);
    },
  },
  shuffle: {
    prepare: async (lab) => {
      const made = await lab.configured();
      for (const text of ['one', 'two']) await made.say(text);
      await made.heard(() => made.frames.filter((frame) => frame.body.direction === 'Outbound').length === 2);
      return (await made.ask('getJwt')).body.jwt;
    },
    seen: async (lab, jwt: string) => {
      const shuffled = await history(lab, jwt);
      expect(shuffled.toReversed()).toEqual(await history(lab, jwt));
    },
  },
  expireToken: {
    prepare: (lab) => lab.login(),
    seen: async (lab, token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      expect((await lab.http('GET', '/api/v2/date', undefined, headers)).status).toBe(401);
    },
  },
  lookupDelayMs: {
    seen: async (lab) => {
      const { body } = await (await guest(lab)).say('Hello');
      await lab.http('PATCH', '/sandbox/genesys/organization', { lookupDelayMs: 0 });
      expect((await lab.api('GET', `/conversations/messages/${body.id}/details`)).status).toBe(404);
    },
  },
  permission: {
    seen: async (lab) =>
      expect(await lab.api('GET', '/conversations/messages/m-1/details')).toMatchObject({
        status: 403,
        body: { code: 'missing.any.permissions' },
      }),
  },
  rejectTopics: {
    seen: async (lab) => {
      const { body } = await lab.api<{ id: string }>('POST', '/notifications/channels');
      const topics = [{ id: `v2.detail.events.conversation.${crypto.randomUUID()}.attributes` }];
      const path = `/notifications/channels/${body.id}/subscriptions?ignoreErrors=true`;
      expect((await lab.api('POST', path, topics)).body).toMatchObject({
        entities: [{ state: 'Rejected', missingPermissions: [someText] }],
      });
    },
  },
  announceClose: {
    prepare: async (lab) => {
      const { body } = await lab.api<{ connectUri: string }>('POST', '/notifications/channels');
      const socket = new WebSocket(body.connectUri);
      await once(socket, 'open');
      return { heard: once(socket, 'message'), closed: once(socket, 'close') };
    },
    seen: async (_lab, { heard, closed }: { heard: Promise<[Buffer]>; closed: Promise<[number]> }) => {
      expect((await heard)[0].toString()).toContain('v2.system.socket_closing');
      expect((await closed)[0]).toBe(1001);
    },
  },
  silence: {
    prepare: async (lab) => {
      await lab.http('PATCH', '/sandbox/genesys/organization', { heartbeatMs: 10 });
      const { body } = await lab.api<{ connectUri: string }>('POST', '/notifications/channels');
      const socket = new WebSocket(body.connectUri);
      await once(socket, 'message');
      return { socket, uri: body.connectUri };
    },
    seen: async (_lab, { socket, uri }: { socket: WebSocket; uri: string }) => {
      // What was under way when it fell silent.
      await new Promise((resolve) => socket.ping('', true, () => socket.once('pong', resolve)));
      const heard = jest.fn();
      socket.on('message', heard);
      socket.send('{"message":"ping"}');
      // Another socket of the channel speaks, and has heard more than this one could have missed.
      const closed = once(socket, 'close');
      const next = new WebSocket(uri);
      await once(next, 'message');
      await closed;
      expect(heard).not.toHaveBeenCalled();
      next.terminate();
    },
  },
  refuseRecords: {
    seen: async (lab) =>
      expect(await lab.batch(records)).toMatchObject({
        status: 207,
        body: { results: [{ status: 'created' }, { status: 'error' }] },
      }),
  },
  wholeBatch: {
    seen: async (lab) => {
      expect((await lab.batch(records)).status).toBeGreaterThanOrEqual(400);
      expect(await lab.records()).toEqual([]);
    },
  },
  mostRecords: {
    seen: async (lab) => {
      expect((await lab.batch(records)).status).toBe(413);
      expect(await lab.records()).toEqual([]);
    },
  },
  quota: {
    seen: async (lab) =>
      expect(await lab.http('POST', '/crm/hubspot/crm/v3/objects/contacts/batch/upsert', {})).toMatchObject({
        status: 429,
        body: { errorType: 'RATE_LIMIT', policyName: 'DAILY' },
      }),
  },
  halfAnswer: {
    seen: async (lab) => {
      await expect(lab.batch(records)).rejects.toThrow();
      expect(await lab.records()).toHaveLength(2);
    },
  },
  lateAnswerMs: {
    seen: async (lab) => {
      let isAnswered = false;
      const before = performance.now();
      const answered = lab.batch(records).finally(() => (isAnswered = true));
      while ((await lab.records()).length < 2) expect(isAnswered).toBe(false);
      expect((await answered).status).toBe(200);
      expect(performance.now() - before).toBeGreaterThanOrEqual(295);
    },
  },
  lockRecords: {
    seen: async (lab) =>
      expect((await lab.salesforce('a', 'b')).body).toMatchObject([
        { success: false, errors: [{ statusCode: 'UNABLE_TO_LOCK_ROW' }] },
        { success: true },
      ]),
  },
  random: {
    seen: async (lab) => {
      const statuses = new Set<number>();
      const headers = { authorization: `Bearer ${await lab.login()}` };
      for (let asked = 0; statuses.size < 2 && asked < 200; asked += 1)
        statuses.add((await lab.http('GET', '/api/v2/date', undefined, headers)).status);
      expect([...statuses].sort()).toEqual([200, 500]);
    },
  },
  seed: {
    seen: async (lab) => {
      const statuses = async () => {
        const seen: number[] = [];
        while (seen.length < 30) seen.push((await lab.api('GET', '/date')).status);
        return seen;
      };
      const first = await statuses();
      await lab.http('DELETE', '/sandbox/faults');
      await lab.fault('genesys', '/date', { status: 500, random: 0.5, seed: 7 }, 1_000);
      expect(await statuses()).toEqual(first);
      expect(new Set(first)).toEqual(new Set([200, 500]));
    },
  },
};

describe('docs/sandbox.md', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  it('has an example of every effect', () => {
    expect(
      examples()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(effectNames.toSorted());
  });

  it.each(examples())('does what it says of $name', async ({ name, order }) => {
    expect(order.effect).toHaveProperty(name);
    const { prepare, seen } = proofs[name] as Proof;
    const prepared = await prepare?.(lab);
    expect(await lab.fault(order.target, order.match, order.effect, order.times)).toMatchObject({ status: 201 });
    await seen(lab, prepared as never);
  });
});
