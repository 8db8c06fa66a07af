import { randomUUID } from 'node:crypto';
import { Lab, someText } from '../lab.contract.js';

describe('The rest CRM', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  const record = (externalId: string, fields: object = {}) => ({
    externalId,
    emailHash: 'abc',
    consentFlags: { marketing: false, dataProcessing: true },
    lastInteraction: '2024-01-01T00:00:00.000Z',
    channelContext: { originPage: 'https://example.com/', campaignId: 'WINTER-2024' },
    ...fields,
  });

  it('creates, updates and leaves alone, and holds each record once', async () => {
    expect(await lab.batch([record('a'), record('b')])).toMatchObject({
      status: 200,
      body: {
        results: [
          { externalId: 'a', status: 'created', id: someText },
          { externalId: 'b', status: 'created' },
        ],
      },
    });
    expect(await lab.batch([record('b', { emailHash: 'def' }), record('a')])).toMatchObject({
      body: {
        results: [
          { externalId: 'b', status: 'updated' },
          { externalId: 'a', status: 'unchanged' },
        ],
      },
    });
    expect(await lab.records()).toMatchObject([
      { externalId: 'a', emailHash: 'abc' },
      { externalId: 'b', emailHash: 'def' },
    ]);
  });

  it('keeps what a record does not name and empties what it names as null', async () => {
    await lab.batch([record('a')]);
    await lab.batch([{ externalId: 'a', emailHash: null }]);
    expect(await lab.records()).toMatchObject([
      { externalId: 'a', emailHash: null, consentFlags: { dataProcessing: true } },
    ]);
  });

  it('replays an answer to the same key and refuses the key for another body', async () => {
    const key = randomUUID();
    const first = await lab.batch([record('a')], key);
    await lab.batch([record('a', { emailHash: 'newer' })]);
    const second = await lab.batch([record('a')], key);
    expect(second.body).toEqual(first.body);
    expect(await lab.records()).toMatchObject([{ emailHash: 'newer' }]);
    expect((await lab.batch([record('c')], key)).status).toBe(409);
  });

  it('wants a token, a key that agrees, and at most fifty records', async () => {
    expect((await lab.batch([record('a')], 'k', { authorization: 'Bearer guess' })).status).toBe(401);
    expect((await lab.batch([record('a')], 'k', { 'idempotency-key': 'another' })).status).toBe(400);
    expect((await lab.batch([])).status).toBe(400);
    expect((await lab.batch(Array.from({ length: 51 }, (_, index) => record(`r${index}`)))).status).toBe(413);
    const headers = { authorization: `Bearer ${lab.sandbox.connection.crms['rest']?.['token']}` };
    expect((await lab.http('POST', '/crm/rest/batch', { records: [record('a')] }, headers)).status).toBe(400);
    expect((await lab.http('POST', '/crm/rest/batch', '{"records":', headers)).status).toBe(400);
    expect((await lab.http('GET', '/crm/rest/health', undefined, headers)).status).toBe(200);
    expect((await lab.http('GET', '/crm/rest/health')).status).toBe(401);
    expect(await lab.records()).toEqual([]);
  });

  it('refuses single records and takes the rest, in order', async () => {
    await lab.fault('crm/rest', 'upsert', { refuseRecords: { campaignId: 'BAD' } });
    const bad = record('b', { channelContext: { campaignId: 'BAD' } });
    expect((await lab.batch([record('z')])).status).toBe(200);
    const key = randomUUID();
    expect(await lab.batch([record('a'), bad, { emailHash: 'x' }], key)).toMatchObject({
      status: 207,
      body: {
        results: [
          { externalId: 'a', status: 'created' },
          { externalId: 'b', status: 'error', error: { code: someText, message: someText } },
          { externalId: null, status: 'error' },
        ],
      },
    });
    expect(await lab.records()).toMatchObject([{ externalId: 'z' }, { externalId: 'a' }]);
    expect(await lab.batch([bad])).toMatchObject({ status: 200 });
  });

  it('judges a refused batch again when it comes again', async () => {
    await lab.fault('crm/rest', 'upsert', { refuseRecords: { externalId: 'b' } });
    const key = randomUUID();
    expect((await lab.batch([record('a'), record('b')], key)).status).toBe(207);
    expect(await lab.batch([record('a'), record('b')], key)).toMatchObject({
      status: 200,
      body: { results: [{ status: 'unchanged' }, { status: 'created' }] },
    });
  });

  it('refuses a whole batch without naming the culprit', async () => {
    await lab.fault(
      'crm/rest',
      'upsert',
      { refuseRecords: { 'channelContext.campaignId': 'BAD' }, wholeBatch: true },
      10,
    );
    const bad = record('secret-culprit', { channelContext: { campaignId: 'BAD' } });
    const refused = await lab.batch([record('a'), bad]);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).not.toMatch(/secret-culprit|BAD|campaignId/);
    expect(await lab.records()).toEqual([]);
    expect((await lab.batch([record('a')])).status).toBe(200);
  });

  it('applies a batch and hangs up, and the repeat changes nothing', async () => {
    await lab.fault('crm/rest', 'upsert', { dropAfterAccepting: true });
    const key = randomUUID();
    await expect(lab.batch([record('a')], key)).rejects.toThrow();
    expect(await lab.records()).toMatchObject([{ externalId: 'a' }]);
    expect(await lab.batch([record('a')], key)).toMatchObject({
      status: 200,
      body: { results: [{ status: 'created' }] },
    });
  });

  it('is handed a batch twice by a nervous proxy and still holds it once', async () => {
    await lab.fault('crm/rest', 'upsert', { duplicate: true });
    expect(await lab.batch([record('a')])).toMatchObject({ status: 200, body: { results: [{ status: 'created' }] } });
    expect(await lab.records()).toHaveLength(1);
    expect(await lab.requests()).toHaveLength(1);
  });

  it('deletes a record, and says when there is none', async () => {
    const headers = { authorization: `Bearer ${lab.sandbox.connection.crms['rest']?.['token']}` };
    const remove = (sent: Record<string, string> = headers) =>
      lab.http('DELETE', '/crm/rest/records/a', undefined, sent);
    await lab.batch([record('a'), record('b')]);
    expect((await remove({})).status).toBe(401);
    expect(await remove()).toMatchObject({ status: 204, body: null });
    expect(await remove()).toMatchObject({ status: 404, body: { error: { code: someText } } });
    expect(await lab.records()).toMatchObject([{ externalId: 'b' }]);
    expect(await lab.batch([record('a')])).toMatchObject({ body: { results: [{ status: 'created' }] } });
  });

  it('answers in another order', async () => {
    await lab.fault('crm/rest', 'upsert', { shuffle: true });
    expect(await lab.batch([record('a'), record('b')])).toMatchObject({
      body: { results: [{ externalId: 'b' }, { externalId: 'a' }] },
    });
  });
});
