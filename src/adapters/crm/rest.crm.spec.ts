import { HttpService } from '@nestjs/axios';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crmContract } from '../../modules/crm-sync/ports/crm.contract.js';
import type { CrmFailure, CrmLab } from '../../modules/crm-sync/ports/crm.contract.js';
import { startSandbox } from '../../sandbox/sandbox.js';
import { CrmHttp } from './crm-http.js';
import { rest } from './rest.crm.js';

const EFFECTS: Record<CrmFailure, object> = {
  silent: { drop: true },
  broken: { status: 500 },
  busy: { status: 429, headers: { 'retry-after': '2' } },
  credentials: { status: 401 },
  'accepts-unseen': { dropAfterAccepting: true },
  'refuses-batch': { status: 400 },
};

async function openLab(): Promise<CrmLab> {
  const sandbox = await startSandbox({ port: 0 });
  const http = new CrmHttp(new HttpService());
  const { url, token } = sandbox.connection.crms['rest']!;
  const controls = (path: string, body?: object): Promise<Response> =>
    fetch(`${sandbox.url}/sandbox${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const fault = async (effect: object, times: number): Promise<void> => {
    const answer = await controls('/faults', { target: 'crm/rest', match: 'upsert', effect, times });
    expect(answer.status).toBe(201);
  };
  return {
    crm: rest.open({ CRM_BATCH_UPSERT_URL: url, CRM_AUTH_TOKEN: token }, http),
    held: async () =>
      ((await (await controls('/crm/rest/records')).json()) as { externalId: string }[]).map(
        ({ externalId }) => externalId,
      ),
    fail: (how, times = 1) => fault(EFFECTS[how], times),
    refuse: (campaignId) => fault({ refuseRecords: { campaignId } }, 1_000),
    close: () => sandbox.close(),
  };
}

describe('the rest CRM', () => {
  crmContract(openLab);

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

  it('409 for one record means that it has arrived; for several it is found out one by one', async () => {
    expect(await verdicts(409, {}, records.slice(0, 1))).toEqual(['unchanged']);
    await expect(verdicts(409, {})).rejects.toMatchObject({ kind: 'refused' });
  });
});
