import { Logger } from '@nestjs/common';
import { HttpService } from '@nestjs/axios';
import { aRecord, crmContract } from '../../modules/crm-sync/ports/crm.contract.js';
import { CrmHttp } from './crm-http.js';
import { hubspot } from './hubspot.crm.js';
import { msToMidnight } from './hubspot-quota.js';
import { hubspotVerdicts } from './hubspot-verdicts.js';
import { sandboxLab } from './sandbox-lab.contract.js';

// What does not fit is told in the log, rightly.
Logger.overrideLogger(false);

const campaign = (campaignId: string) => ({ guest_channel_context: JSON.stringify({ campaignId }) });
const open = () => sandboxLab(() => hubspot, { campaign });

describe('HubSpot', () => {
  crmContract(open);

  describe('as it is', () => {
    let lab: Awaited<ReturnType<typeof open>>;
    beforeEach(async () => {
      lab = await open();
      await lab.crm.describe!();
    });
    afterEach(() => lab.close());
    const send = () => lab.crm.upsert([aRecord('a')], 'k');

    it('waits until midnight where the account is, once the day is used up', async () => {
      await lab.fault({ quota: true });
      const { retryAfterMs } = (await send().catch((error: unknown) => error)) as { retryAfterMs: number };
      expect(Math.abs(retryAfterMs - msToMidnight(new Date(), 'US/Eastern'))).toBeLessThan(60_000);
    });

    it('believes HubSpot where it says itself when the day is over', async () => {
      await lab.fault({ quota: true, headers: { 'Retry-After': '7' } });
      await expect(send()).rejects.toMatchObject({ code: 'crm.quota_exhausted', retryAfterMs: 7_000 });
    });

    it('takes midnight in UTC where the account does not say where it is', async () => {
      const unplaced = hubspot.open(lab.sandbox.crmEnvironments['hubspot']!, new CrmHttp(new HttpService()));
      await lab.fault({ status: 403 }, 'account-info');
      await expect(unplaced.upsert([aRecord('a')], 'k')).resolves.toMatchObject([{ status: 'created' }]);
      await lab.fault({ quota: true });
      const refused = await unplaced.upsert([aRecord('b')], 'k').catch((error: unknown) => error);
      const { retryAfterMs } = refused as { retryAfterMs: number };
      expect(Math.abs(retryAfterMs - msToMidnight(new Date(), 'UTC'))).toBeLessThan(60_000);
    });

    it('waits for the interval of its limit when it names no other', async () => {
      const headers = { 'X-HubSpot-RateLimit-Interval-Milliseconds': '10000' };
      await lab.fault({ status: 429, headers });
      await expect(send()).rejects.toMatchObject({ code: 'crm.throttled', retryAfterMs: 10_000 });
      await lab.fault({ status: 423 });
      await expect(send()).rejects.toMatchObject({ code: 'crm.throttled', retryAfterMs: 2_000 });
    });

    it('takes a conflict of the whole batch for a refusal, so that the culprit is looked for', async () => {
      await lab.fault({ status: 409 });
      await expect(send()).rejects.toMatchObject({ kind: 'refused', code: 'crm.refused' });
    });

    const purges = async () => {
      const received = (await (await fetch(`${lab.sandbox.url}/sandbox/requests`)).json()) as { path: string }[];
      return received.filter(({ path }) => path.endsWith('/gdpr-delete'));
    };
    const remoteIdOf = async (externalId: string) => {
      const [verdict] = await lab.crm.upsert([aRecord(externalId)], externalId);
      return (verdict as { remoteId: string }).remoteId;
    };

    it('erases for good, by HubSpot’s own id and by no property', async () => {
      const objectId = await remoteIdOf('a');
      expect(await lab.crm.erase!('a', null)).toBe('deleted');
      expect(await purges()).toMatchObject([{ method: 'POST', body: { objectId } }]);
      expect(JSON.stringify(await purges())).not.toContain('idProperty');
    });

    it('erases the contact that has the guest’s id rather than the one it was told, and that one when there is none', async () => {
      const [a, b] = [await remoteIdOf('a'), await remoteIdOf('b')];
      expect(await lab.crm.erase!('a', b)).toBe('deleted');
      expect(await lab.held()).toEqual(['b']);
      expect(await lab.crm.erase!('c', b)).toBe('deleted');
      expect(await lab.held()).toEqual([]);
      expect(await purges()).toMatchObject([{ body: { objectId: a } }, { body: { objectId: b } }]);
    });

    it('does not take an address at which nothing is for a contact that is not there', async () => {
      const env = { HUBSPOT_URL: `${lab.sandbox.url}/crm/hubspot/elsewhere` };
      const astray = hubspot.open(
        { ...lab.sandbox.crmEnvironments['hubspot'], ...env },
        new CrmHttp(new HttpService()),
      );
      await expect(astray.erase!('a', '1')).rejects.toMatchObject({ kind: 'unavailable', code: 'crm.unavailable' });
    });

    it('erases nobody by an answer that names nobody', async () => {
      await lab.fault({ status: 200, body: {} }, '/objects/contacts/a');
      await expect(lab.crm.erase!('a', '1')).rejects.toMatchObject({ code: 'crm.unavailable' });
      expect(await purges()).toEqual([]);
    });

    it('writes nothing into properties that are not there, or by one that is not unique', async () => {
      const env = { HUBSPOT_PROPERTIES: 'nowhere:emailHash', HUBSPOT_ID_PROPERTY: 'guest_email_hash' };
      const wrong = hubspot.open({ ...lab.sandbox.crmEnvironments['hubspot'], ...env }, new CrmHttp(new HttpService()));
      await expect(wrong.upsert([aRecord('a')], 'k')).rejects.toMatchObject({
        code: 'crm.mapping_wrong',
        message: expect.stringMatching(/no field nowhere.*guest_email_hash does not have unique values/) as string,
      });
    });
  });

  describe('its answers', () => {
    const records = ['a', 'b', 'c'].map((id) => aRecord(id));
    const read = (body: object) =>
      hubspotVerdicts(records, body, 'guest_id').map(({ index, status }) => [index, status]);
    const ok = (trace: string) => ({ id: trace, new: false, objectWriteTraceId: trace, properties: {} });

    it.each<[string, object, unknown]>([
      [
        'errors that name an id',
        { results: [ok('2'), ok('0')], errors: [{ category: 'X', context: { ids: ['b'] } }] },
        [
          [0, 'updated'],
          [1, 'refused'],
          [2, 'updated'],
        ],
      ],
      [
        'an error that names nobody is about who is missing',
        { results: [ok('0'), ok('2')], errors: [{ category: 'X' }] },
        [
          [0, 'updated'],
          [1, 'refused'],
          [2, 'updated'],
        ],
      ],
      [
        'different errors that name nobody say nothing',
        { results: [ok('0')], errors: [{ category: 'X' }, { category: 'Y' }] },
        [[0, 'updated']],
      ],
      [
        'what passes by itself is tried again',
        { results: [ok('0'), ok('1')], errors: [{ category: 'RATE_LIMITS' }] },
        [
          [0, 'updated'],
          [1, 'updated'],
          [2, 'retry'],
        ],
      ],
      [
        'results without a trace are known by their key',
        { results: [{ id: '1', new: true, properties: { guest_id: 'c' } }] },
        [[2, 'created']],
      ],
      ['traces of nobody are left alone', { results: [ok('7'), { objectWriteTraceId: '__proto__' }, null] }, []],
    ])('%s', (_, body, expected) => {
      expect(read(body)).toEqual(expected);
    });

    it('without a list of results is no answer', () => {
      expect(() => read({ status: 'COMPLETE' })).toThrow(expect.objectContaining({ code: 'crm.unavailable' }) as Error);
    });
  });

  it.each([
    ['2026-01-15T12:00:00.000Z', 'UTC', 12 * 3_600_000],
    ['2026-01-15T04:59:59.000Z', 'US/Eastern', 1_000],
    ['2026-01-15T05:00:00.000Z', 'US/Eastern', 24 * 3_600_000],
    ['2026-07-15T18:29:30.500Z', 'Asia/Kolkata', 29_500],
  ])('at %s the day in %s has so long to go', (now, zone, expected) => {
    expect(msToMidnight(new Date(now), zone)).toBe(expected);
  });
});
