import { Lab, someText } from '../lab.contract.js';

describe('Salesforce, HubSpot and external contacts in the sandbox', () => {
  let lab: Lab;
  beforeAll(async () => void (lab = await Lab.open()));
  afterEach(() => lab.sandbox.reset());
  afterAll(() => lab.close());

  it('Salesforce wants its client, its session, its object and its order', async () => {
    expect(await lab.salesforceLogin('guess')).toMatchObject({ status: 400, body: { error: 'invalid_client' } });
    expect(await lab.salesforceUpsert('guess', 'a')).toMatchObject({
      status: 401,
      body: [{ errorCode: 'INVALID_SESSION_ID', message: someText }],
    });
    const answered = await lab.salesforce('a', 'b', 'b');
    expect(answered).toMatchObject({
      status: 200,
      body: [
        { success: true, created: true },
        { success: false, errors: [{ statusCode: 'DUPLICATE_EXTERNAL_ID' }] },
        {},
      ],
    });
    expect(answered.headers.get('sforce-limit-info')).toMatch(/^api-usage=1\/\d+$/);
    const many = Array.from({ length: 201 }, (_, n) => `r${n}`);
    expect((await lab.salesforce(...many)).status).toBe(400);
  });

  it('each says in its own way that the calls of the day are used up', async () => {
    for (const crm of ['salesforce', 'hubspot', 'rest']) await lab.fault(`crm/${crm}`, 'upsert', { quota: true });
    expect(await lab.salesforce('a')).toMatchObject({
      status: 403,
      body: [{ errorCode: 'REQUEST_LIMIT_EXCEEDED' }],
    });
    expect(await lab.http('POST', '/crm/hubspot/crm/v3/objects/contacts/batch/upsert', {})).toMatchObject({
      status: 429,
      body: { errorType: 'RATE_LIMIT', policyName: 'DAILY' },
    });
    expect((await lab.batch([{ externalId: 'a' }])).status).toBe(429);
  });

  it('HubSpot lets one refused input make a 207, and one conflict a 409', async () => {
    const headers = { authorization: `Bearer ${lab.sandbox.environment['HUBSPOT_ACCESS_TOKEN']}` };
    const inputs = ['a', 'b'].map((id, n) => ({
      id,
      idProperty: 'guest_id',
      objectWriteTraceId: String(n),
      properties: {},
    }));
    const send = () => lab.http('POST', '/crm/hubspot/crm/v3/objects/contacts/batch/upsert', { inputs }, headers);
    await lab.fault('crm/hubspot', 'upsert', { refuseRecords: { id: 'b' } });
    expect(await send()).toMatchObject({
      status: 207,
      body: { numErrors: 1, results: [{ new: true }], errors: [{ context: { objectWriteTraceId: ['1'] } }] },
    });
    await lab.fault('crm/hubspot', 'upsert', { refuseRecords: { id: 'b' }, wholeBatch: true });
    expect(await send()).toMatchObject({ status: 409, body: { status: 'error', category: 'CONFLICT' } });
  });

  it('Salesforce deletes by the external id, unless another transaction holds the row', async () => {
    await lab.salesforce('a');
    const authorization = `Bearer ${(await lab.salesforceLogin()).body.access_token}`;
    const remove = (field = 'Guest_Id__c') =>
      lab.http('DELETE', `/crm/salesforce/services/data/v62.0/sobjects/Guest__c/${field}/a`, undefined, {
        authorization,
      });
    await lab.fault('crm/salesforce', 'upsert', { lockRecords: true });
    expect(await remove()).toMatchObject({ status: 400, body: [{ errorCode: 'UNABLE_TO_LOCK_ROW' }] });
    const missing = await remove('Nowhere__c');
    expect(missing).toMatchObject({ status: 404, body: [{ errorCode: 'NOT_FOUND' }] });
    expect(await remove()).toMatchObject({ status: 204, body: null });
    const gone = await remove();
    expect(gone).toMatchObject({ status: 404, body: [{ errorCode: 'NOT_FOUND' }] });
    expect(gone.body).not.toEqual(missing.body);
  });

  it('HubSpot finds a contact by its unique property, and deletes it for good', async () => {
    const headers = { authorization: `Bearer ${lab.sandbox.environment['HUBSPOT_ACCESS_TOKEN']}` };
    const contacts = '/crm/hubspot/crm/v3/objects/contacts';
    const inputs = ['a', 'b'].map((id) => ({ id, idProperty: 'guest_id', properties: {} }));
    await lab.http('POST', `${contacts}/batch/upsert`, { inputs }, headers);
    const find = (query: string) => lab.http<{ id: string }>('GET', `${contacts}/a${query}`, undefined, headers);
    const purge = (body: object) => lab.http('POST', `${contacts}/gdpr-delete`, body, headers);

    const { body } = await find('?idProperty=guest_id');
    expect(body).toMatchObject({ id: someText, archived: false });
    expect(await find('')).toMatchObject({ status: 404, body: { category: 'OBJECT_NOT_FOUND' } });
    expect((await find('?idProperty=guest_email_hash')).status).toBe(400);
    expect((await purge({ id: body.id })).status).toBe(400);
    expect(await purge({ objectId: body.id })).toMatchObject({ status: 204, body: null });
    expect(await purge({ objectId: body.id })).toMatchObject({ status: 404, body: { status: 'error' } });
    expect((await purge({ objectId: 'b', idProperty: 'guest_id' })).status).toBe(204);
    expect((await lab.http('GET', '/sandbox/crm/hubspot/records')).body).toEqual([]);
    expect((await lab.requests()).filter(({ path }) => path.endsWith('/gdpr-delete'))).toHaveLength(4);
  });

  it('external contacts are deleted by their own id', async () => {
    const source = lab.sandbox.environment['GENESYS_CONTACTS_SOURCE_ID'];
    const schema = { id: lab.sandbox.environment['GENESYS_CONTACTS_SCHEMA_ID'], version: 3 };
    const identifier = { type: 'ExternalId', value: 'a', externalSource: { id: source } };
    const upsert = { id: 'a', action: 'Upsert', matchingIdentifiers: [identifier], contact: { schema } };
    await lab.api('POST', '/externalcontacts/bulk/contacts/enrich', { entities: [upsert] });
    const { body } = await lab.api<{ id: string }>('POST', '/externalcontacts/identifierlookup/contacts', identifier);
    const remove = () => lab.api('DELETE', `/externalcontacts/contacts/${body.id}`);
    await lab.fault('crm/genesys-contacts', 'upsert', { status: 403 });
    expect(await remove()).toMatchObject({ status: 403, body: { code: 'missing.any.permissions' } });
    expect(await remove()).toMatchObject({ status: 200, body: {} });
    expect(await remove()).toMatchObject({ status: 404, body: { code: 'not.found', contextId: someText } });
    expect((await lab.http('GET', '/sandbox/crm/genesys-contacts/records')).body).toEqual([]);
  });

  it('external contacts belong to Genesys Cloud, and are steered as a CRM', async () => {
    await lab.fault('crm/genesys-contacts', 'upsert', { status: 400 });
    const enrich = () => lab.api('POST', '/externalcontacts/bulk/contacts/enrich', { entities: [{ id: 'a' }] });
    expect(await enrich()).toMatchObject({ status: 400, body: { code: 'bad.request', contextId: someText } });
    expect(await enrich()).toMatchObject({ status: 200, body: { errorCount: 1, errorIndexes: [0] } });
    expect((await lab.http('GET', '/sandbox/crm/genesys-contacts/records')).body).toEqual([]);
  });

  it('refuses orders that make no sense', async () => {
    const orders: [string, object][] = [
      ['crm/rest', { lockRecords: true }],
      ['genesys', { quota: true }],
      ['crm/hubspot', { expireToken: true }],
    ];
    for (const [target, effect] of orders) expect((await lab.fault(target, 'upsert', effect)).status).toBe(400);
  });

  it('sends half of an answer after all of the work', async () => {
    await lab.fault('crm/rest', 'upsert', { halfAnswer: true });
    await expect(lab.batch([{ externalId: 'a' }])).rejects.toThrow(SyntaxError);
    expect(await lab.records()).toHaveLength(1);
  });
});
