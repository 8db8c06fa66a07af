import { HttpService } from '@nestjs/axios';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crmContract } from '../../modules/crm-sync/ports/crm.contract.js';
import { CrmHttp } from './crm-http.js';
import { imitation } from './imitation.contract.js';
import type { Call } from './imitation.contract.js';
import { rest } from './rest.crm.js';
import { sandboxLab } from './sandbox-lab.contract.js';

describe('the rest CRM', () => {
  const campaign = (campaignId: string) => ({ campaignId });
  // Its endpoint has no word for a quota: it is busy, and says for how long.
  crmContract(() => sandboxLab(() => rest, { campaign, effects: { 'out of quota': null } }));

  describe('that cannot delete', () => {
    const env = { CRM_DELETE_URL: undefined };
    crmContract(() => sandboxLab(() => rest, { campaign, effects: { 'out of quota': null }, env }));
  });

  it.each([
    'nowhere/{externalId}',
    'https://crm.example.com/contacts',
    'https://crm.example.com/contacts#{externalId}',
    'https://{externalId}@crm.example.com/contacts',
    'ftp://crm.example.com/{externalId}',
  ])('deletes nothing by %s', (url) => {
    const env = { CRM_BATCH_UPSERT_URL: 'https://crm.example.com', CRM_AUTH_TOKEN: 't', CRM_DELETE_URL: url };
    expect(() => rest.open(env, new CrmHttp(new HttpService()))).toThrow(/^CRM rest: CRM_DELETE_URL must (be|have)/);
  });

  it('is not opened with settings that cannot work, and says which', () => {
    const http = new CrmHttp(new HttpService());
    expect(() => rest.open({ CRM_BATCH_UPSERT_URL: 'nowhere' }, http)).toThrow(
      'CRM rest: CRM_BATCH_UPSERT_URL must be an http or https URL; CRM_AUTH_TOKEN is required',
    );
  });
});

/** An endpoint that answers in its own way: the shapes real ones use. */
describe('the answers of a batch endpoint', () => {
  const records = ['a', 'b'].map((externalId) => ({
    externalId,
    emailHash: null,
    phoneHash: null,
    keyId: null,
    consentFlags: { marketing: false, dataProcessing: true },
    lastInteraction: '2026-01-01T09:00:00.000Z',
    channelContext: {},
  }));
  const verdicts = async (status: number, data: unknown, sent = records): Promise<string[]> => {
    const server = createServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(data === '' ? '' : JSON.stringify(data));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const crm = rest.open({ CRM_BATCH_UPSERT_URL: url, CRM_AUTH_TOKEN: 't' }, new CrmHttp(new HttpService()));
    try {
      return (await crm.upsert(sent, 'k')).map((verdict) => verdict.status);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  it.each<[string, number, unknown, string[]]>([
    ['nothing at all has taken everything', 204, '', ['updated', 'updated']],
    ['something else has taken everything', 200, { ok: true }, ['updated', 'updated']],
    [
      'results in another order belong to their ids',
      200,
      {
        results: [
          { externalId: 'b', status: 'created' },
          { externalId: 'a', success: false },
        ],
      },
      ['refused', 'created'],
    ],
    [
      'results without ids stand in the order of the records',
      207,
      { results: [{ success: true }, { error: { code: 'BAD' } }] },
      ['updated', 'refused'],
    ],
    [
      'half the results says nothing of the others',
      207,
      { results: [{ externalId: 'b', success: true }] },
      ['updated'],
    ],
    ['nonsense in its results is not taken for success', 200, { results: [null, 7] }, []],
  ])('%s', async (_, status, data, expected) => {
    expect(await verdicts(status, data)).toEqual(expected);
  });

  it('409 says that the key was used, and nothing of what came of it', async () => {
    for (const sent of [records.slice(0, 1), records])
      await expect(verdicts(409, {}, sent)).rejects.toMatchObject({ kind: 'conflict', code: 'crm.key_used' });
  });

  describe('to erasing', () => {
    const erasing = async (status: number, data: unknown, deletes: boolean, times = 1) => {
      const received: Call[] = [];
      const server = await imitation((call) => {
        received.push(call);
        return { status, body: data };
      });
      const env = { CRM_BATCH_UPSERT_URL: server.url, CRM_AUTH_TOKEN: 't' };
      const url = deletes ? { CRM_DELETE_URL: `${server.url}/contacts/{externalId}?for=good` } : {};
      const crm = rest.open({ ...env, ...url }, new CrmHttp(new HttpService()));
      try {
        let done: unknown;
        for (let n = 0; n < times; n++)
          done = await crm.erase!('a/b', 'crm-7').catch((error: unknown) => (error as { code: string }).code);
        return { done, received };
      } finally {
        await server.close();
      }
    };
    const results = (result: object) => ({ results: [result] });

    it.each([
      [200, {}, 'deleted'],
      [204, '', 'deleted'],
      [404, {}, 'absent'],
      [410, {}, 'absent'],
      [405, {}, 'crm.refused'],
      [503, {}, 'crm.unavailable'],
    ])('%d with %j, where it deletes, is %s', async (status, data, expected) => {
      const { done, received } = await erasing(status, data, true);
      expect(done).toBe(expected);
      expect(received).toMatchObject([
        { method: 'DELETE', path: '/contacts/a%2Fb?for=good', headers: { authorization: 'Bearer t' }, body: null },
      ]);
    });

    it.each([
      [204, '', 'emptied'],
      [200, results({ externalId: 'a/b', status: 'updated' }), 'emptied'],
      [207, results({ externalId: 'a/b', error: { code: 'LOCKED_FOR_LEGAL_HOLD' } }), 'crm.refused'],
      [200, { results: [] }, 'crm.unavailable'],
      [404, {}, 'crm.refused'],
      [409, {}, 'crm.key_used'],
    ])('%d with %j, where it empties, is %s', async (status, data, expected) => {
      const { done } = await erasing(status, data, false);
      expect(done).toBe(expected);
    });

    it('names every field there is, under a key that nobody had before', async () => {
      const { received } = await erasing(200, {}, false, 2);
      const nothing = {
        ...{ externalId: 'a/b', emailHash: null, phoneHash: null, keyId: null, lastInteraction: null },
        ...{ consentFlags: { marketing: false, dataProcessing: false }, channelContext: {} },
      };
      const keys = received.map(({ headers }) => headers['idempotency-key']);
      expect(received.map(({ body }) => body)).toEqual(
        keys.map((idempotencyKey) => ({ idempotencyKey, records: [nothing] })),
      );
      expect(new Set(keys).size).toBe(2);
      expect(Object.keys(nothing).sort()).toEqual(Object.keys(records[0]!).sort());
    });
  });

  it('a list, or a number, is no answer to a batch', async () => {
    for (const nonsense of [[], 7])
      await expect(verdicts(200, nonsense)).rejects.toMatchObject({ code: 'crm.unavailable' });
  });
});
