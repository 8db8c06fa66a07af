import { HttpService } from '@nestjs/axios';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crmContract } from '../../modules/crm-sync/ports/crm.contract.js';
import { CrmHttp } from './crm-http.js';
import { rest } from './rest.crm.js';
import { sandboxLab } from './sandbox-lab.contract.js';

describe('the rest CRM', () => {
  const campaign = (campaignId: string) => ({ campaignId });
  // Its endpoint has no word for a quota: it is busy, and says for how long.
  crmContract(() => sandboxLab(() => rest, { campaign, effects: { 'out of quota': null } }));

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

  it('a list, or a number, is no answer to a batch', async () => {
    for (const nonsense of [[], 7])
      await expect(verdicts(200, nonsense)).rejects.toMatchObject({ code: 'crm.unavailable' });
  });
});
