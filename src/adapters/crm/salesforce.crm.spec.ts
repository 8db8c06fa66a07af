import { HttpService } from '@nestjs/axios';
import { Logger } from '@nestjs/common';
import { aRecord, crmContract } from '../../modules/crm-sync/ports/crm.contract.js';
import { CrmHttp } from './crm-http.js';
import { salesforce } from './salesforce.crm.js';
import { sandboxLab } from './sandbox-lab.contract.js';

// What does not fit is told in the log, rightly.
Logger.overrideLogger(false);

const campaign = (campaignId: string) => ({ Channel_Context__c: JSON.stringify({ campaignId }) });
const open = () => sandboxLab(() => salesforce, { campaign, logsInAgain: true });

describe('Salesforce', () => {
  crmContract(open);

  describe('as it is', () => {
    let lab: Awaited<ReturnType<typeof open>>;
    beforeEach(async () => {
      lab = await open();
    });
    afterEach(() => lab.close());
    const received = async () =>
      (await (await fetch(`${lab.sandbox.url}/sandbox/requests`)).json()) as {
        method: string;
        path: string;
        body: unknown;
      }[];
    const reopened = (env: Record<string, string>) =>
      salesforce.open({ ...lab.sandbox.crmEnvironments['salesforce'], ...env }, new CrmHttp(new HttpService()));

    it('logs in once for all who wait, and again when the session has ended', async () => {
      await Promise.all(['a', 'b', 'c'].map((id) => lab.crm.upsert([aRecord(id)], id)));
      await lab.fault({ expireToken: true });
      await expect(lab.crm.upsert([aRecord('d')], 'd')).resolves.toMatchObject([{ status: 'created' }]);
      const logins = (await received()).filter(({ path }) => path.endsWith('/oauth2/token'));
      expect(logins).toHaveLength(2);
      expect(JSON.stringify(logins)).not.toContain('sandbox-salesforce-secret');
    });

    it('says that the login is refused, and lets no record be lost to it', async () => {
      const stranger = reopened({ SALESFORCE_CLIENT_SECRET: 'wrong' });
      await expect(stranger.upsert([aRecord('a')], 'k')).rejects.toMatchObject({ code: 'crm.credentials_refused' });
      await expect(stranger.ping()).rejects.toMatchObject({ code: 'crm.credentials_refused' });
    });

    it('sends rows again that another transaction held, in smaller parts and one part after the other', async () => {
      const records = Array.from({ length: 50 }, (_, n) => aRecord(`r-${n}`));
      await lab.crm.describe!();
      await lab.fault({ lockRecords: true });
      const verdicts = await lab.crm.upsert(records, 'k');
      expect(verdicts.map(({ status }) => status)).toEqual(records.map(() => 'created'));
      const sizes = (await received())
        .filter(({ method }) => method === 'PATCH')
        .map(({ body }) => (body as { records: unknown[] }).records.length);
      expect(sizes).toEqual([50, 10, 10, 5]);
    });

    it('keeps the verdicts of the others when the rows that were held fail again', async () => {
      await lab.crm.describe!();
      await lab.fault({ lockRecords: true });
      await lab.fault({ status: 503 });
      const verdicts = await lab.crm.upsert(
        ['a', 'b', 'c'].map((id) => aRecord(id)),
        'k',
      );
      expect(verdicts).toMatchObject([
        { index: 0, status: 'retry', error: 'crm.record.UNABLE_TO_LOCK_ROW' },
        { index: 1, status: 'created' },
        { index: 2, status: 'retry' },
      ]);
    });

    it('writes nothing into fields that are not there, and says which', async () => {
      const wrong = reopened({
        SALESFORCE_FIELDS: 'Nowhere__c:emailHash',
        SALESFORCE_EXTERNAL_ID_FIELD: 'Email_Hash__c',
      });
      await expect(wrong.upsert([aRecord('a')], 'k')).rejects.toMatchObject({
        kind: 'unavailable',
        code: 'crm.mapping_wrong',
        message: expect.stringMatching(/no field Nowhere__c.*Email_Hash__c is not marked as External ID/) as string,
      });
      expect(await lab.held()).toEqual([]);
    });

    it('takes either word for what is wrong with a row', async () => {
      const body = [
        { success: false, errors: [{ errorCode: 'INVALID_FIELD', message: 'user@example.com', fields: [] }] },
      ];
      await lab.crm.describe!();
      await lab.fault({ status: 200, body });
      const verdicts = await lab.crm.upsert([aRecord('a')], 'k');
      expect(verdicts).toEqual([
        {
          index: 0,
          status: 'refused',
          error: 'crm.record.INVALID_FIELD',
          message: 'The CRM refused the record with INVALID_FIELD.',
        },
      ]);
    });

    it('reads on where Salesforce gives less at once than was asked for', async () => {
      const ids = Array.from({ length: 230 }, (_, n) => `r-${String(n).padStart(3, '0')}`);
      for (const part of [ids.slice(0, 200), ids.slice(200)])
        await lab.crm.upsert(
          part.map((id) => aRecord(id)),
          part[0]!,
        );
      const page = await lab.crm.read!(null, 220);
      expect(page.records.map(({ externalId }) => externalId)).toEqual(ids.slice(0, 220));
      const rest = await lab.crm.read!(page.nextCursor, 220);
      expect(rest.records).toHaveLength(10);
      expect(rest.nextCursor).toBeNull();
    });

    it('gives every verdict to its own row, whatever is missing among them', async () => {
      const locked = { success: false, errors: [{ statusCode: 'UNABLE_TO_LOCK_ROW', message: '', fields: [] }] };
      const taken = { id: 'x', success: true, created: true, errors: [] };
      await lab.crm.describe!();
      await lab.fault({ status: 200, body: [taken, null, locked, taken] });
      const verdicts = await lab.crm.upsert(
        ['a', 'b', 'c', 'd'].map((id) => aRecord(id)),
        'k',
      );
      expect(verdicts.map(({ index, status }) => [index, status])).toEqual([
        [0, 'created'],
        [2, 'created'],
        [3, 'created'],
      ]);
    });

    it('warns once when the calls of the day are nearly used up', async () => {
      const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation();
      try {
        for (const used of [80, 90, 95]) {
          const headers = { 'Sforce-Limit-Info': `api-usage=${used}/100` };
          await lab.fault({ status: 200, headers, body: {} }, '/limits');
          await lab.crm.ping();
        }
        expect(warn.mock.calls.map(([, facts]) => facts as unknown)).toEqual([
          { crm: 'salesforce', used: 90, most: 100 },
        ]);
      } finally {
        warn.mockRestore();
      }
    });

    it('goes nowhere without encryption with its token', async () => {
      await lab.fault(
        { status: 200, body: { access_token: 't', instance_url: 'http://elsewhere.example.com' } },
        'login',
      );
      await expect(lab.crm.ping()).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it('erases at the address of the external id, under another session when the first has ended', async () => {
      await lab.crm.upsert([aRecord('a/b')], 'k');
      await lab.fault({ expireToken: true });
      expect(await lab.crm.erase!('a/b', null)).toBe('deleted');
      expect((await received()).at(-1)).toMatchObject({
        method: 'DELETE',
        path: '/crm/salesforce/services/data/v62.0/sobjects/Guest__c/Guest_Id__c/a%2Fb',
      });
    });

    it('waits for a row that another transaction holds, instead of taking it for refused', async () => {
      await lab.crm.upsert([aRecord('a')], 'k');
      await lab.fault({ lockRecords: true });
      const locked = { kind: 'unavailable', code: 'crm.unavailable' };
      await expect(lab.crm.erase!('a', null)).rejects.toMatchObject(locked);
      expect(await lab.crm.erase!('a', null)).toBe('deleted');
    });

    it('chooses none of several rows with one external id', async () => {
      await lab.crm.upsert([aRecord('a')], 'k');
      await lab.fault({ status: 300, body: ['/services/data/v62.0/sobjects/Guest__c/a01000000000001'] });
      await expect(lab.crm.erase!('a', null)).rejects.toMatchObject({ kind: 'refused', code: 'crm.refused' });
    });

    it.each([
      ['a field', { SALESFORCE_EXTERNAL_ID_FIELD: 'Nowhere__c' }, 'crm.mapping_wrong'],
      ['an object', { SALESFORCE_OBJECT: 'Nowhere__c' }, 'crm.unavailable'],
      ['a version', { SALESFORCE_API_VERSION: '999.0' }, 'crm.unavailable'],
    ])('does not take %s that is not there for a record that is not', async (what, env, code) => {
      if (what === 'a version') await lab.fault({ status: 404 }, '/v999.0/', 2);
      await expect(reopened(env).erase!('a', null)).rejects.toMatchObject({ kind: 'unavailable', code });
    });

    it('asks again after a quarter of an hour when the calls are used up, or when Salesforce says', async () => {
      for (const [headers, retryAfterMs] of [
        [{}, 900_000],
        [{ 'Retry-After': '7' }, 7_000],
      ] as const) {
        await lab.fault({ quota: true, headers });
        const code = 'crm.quota_exhausted';
        await expect(lab.crm.upsert([aRecord('a')], 'k')).rejects.toMatchObject({ code, retryAfterMs });
      }
    });

    it('keeps its session when it is out of quota', async () => {
      await lab.crm.ping();
      await lab.fail('out of quota');
      await lab.crm.upsert([aRecord('a')], 'k').catch(() => undefined);
      await lab.crm.upsert([aRecord('a')], 'k');
      expect((await received()).filter(({ path }) => path.endsWith('/oauth2/token'))).toHaveLength(1);
    });
  });

  it('is not opened with settings that cannot work, and says which', () => {
    const env = { SALESFORCE_LOGIN_URL: 'nowhere', SALESFORCE_FIELDS: 'Email__c:email', SALESFORCE_OBJECT: 'Guest c' };
    expect(() => salesforce.open(env, new CrmHttp(new HttpService()))).toThrow(
      /SALESFORCE_LOGIN_URL must be an http.*SALESFORCE_CLIENT_ID is required.*SALESFORCE_OBJECT must be.*SALESFORCE_FIELDS names email, which no record has/s,
    );
  });
});
